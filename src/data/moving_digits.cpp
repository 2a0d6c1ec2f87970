#include "vidgen/data/moving_digits.h"

#include <algorithm>
#include <cmath>

#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/lock.h"
#include "vidgen/core/progress.h"
#include "vidgen/video/writer.h"

namespace vidgen::data {
namespace {

namespace fs = std::filesystem;

/// Pixels a side of a digit in the picture.
constexpr int64_t kSquare = 20;
/// 0 to 9.
constexpr int64_t kDigits = 10;
constexpr double kDigitsFps = 25;

struct MovingDigit {
  const video::Frame* picture;
  /// Of the upper left corner, before reflection; pixels, and pixels a frame.
  double x, y, dx, dy;
  double rgb[3];
};

/// A straight line, folded back and forth between walls at 0 and `range`.
double bounce(double position, double range) {
  if (range <= 0) return 0;
  const double folded = std::fmod(std::abs(position), 2 * range);
  return folded > range ? 2 * range - folded : folded;
}

/// Red, green and blue of a hue, 0 to 6, at full saturation.
void set_hue(double hue, double* rgb) {
  const auto ramp = [](double value) { return std::clamp(value, 0.0, 1.0); };
  rgb[0] = ramp(std::abs(hue - 3) - 1);
  rgb[1] = ramp(2 - std::abs(hue - 2));
  rgb[2] = ramp(2 - std::abs(hue - 4));
}

/// The picture's value at a place between pixels, 0 outside.
double bilinear(const video::Frame& picture, double y, double x) {
  const auto top = static_cast<int64_t>(std::floor(y)), left = static_cast<int64_t>(std::floor(x));
  const double down = y - static_cast<double>(top), right = x - static_cast<double>(left);
  const auto at = [&picture](int64_t row, int64_t column) -> double {
    if (row < 0 || column < 0 || row >= picture.height || column >= picture.width) return 0;
    return picture.pixels[static_cast<size_t>(row * picture.width + column)];
  };
  return (1 - down) * ((1 - right) * at(top, left) + right * at(top, left + 1)) +
         down * ((1 - right) * at(top + 1, left) + right * at(top + 1, left + 1));
}

/// Draws a digit whose corner is at (y, x), inside the frame; the brighter of what is there and
/// what is drawn stays.
void draw(const MovingDigit& digit, double y, double x, int64_t size, uint8_t* frame) {
  const auto top = static_cast<int64_t>(y), left = static_cast<int64_t>(x);
  const int64_t bottom = std::min(top + digit.picture->height + 1, size);
  const int64_t end = std::min(left + digit.picture->width + 1, size);
  for (int64_t row = top; row < bottom; ++row) {
    for (int64_t column = left; column < end; ++column) {
      const double value =
          bilinear(*digit.picture, static_cast<double>(row) - y, static_cast<double>(column) - x);
      uint8_t* pixel = frame + (row * size + column) * 3;
      for (int c = 0; c < 3; ++c) {
        pixel[c] = std::max(pixel[c], static_cast<uint8_t>(std::lround(value * digit.rgb[c])));
      }
    }
  }
}

std::vector<video::Frame> read_digits(const std::string& path, int64_t side) {
  const auto picture = video::to_gray(video::read_image(path));
  if (picture.height % kSquare != 0 || picture.width % kSquare != 0) {
    throw Error(core::cat(path, ": is ", picture.width, "x", picture.height,
                          " pixels, expected a picture of digits in squares of ", kSquare, "x",
                          kSquare));
  }
  std::vector<video::Frame> digits;
  for (int64_t top = 0; top < picture.height; top += kSquare) {
    for (int64_t left = 0; left < picture.width; left += kSquare) {
      const auto digit = video::crop(picture, top, left, kSquare, kSquare);
      digits.push_back(video::resize(digit, side, side));
    }
  }
  return digits;
}

/// A folder that is being filled: a hidden file in it says with what, so that the same command goes
/// on where it was ended.
class Unfinished {
 public:
  /// Throws vidgen::Error unless the folder is new, or empty, or was left with the same options.
  Unfinished(const fs::path& folder, const MovingDigitsOptions& options)
      : claim_(folder), mark_(folder / ".vidgen-synth.json") {
    const std::string wanted = core::write_fields(options).dump() + "\n";
    std::error_code error;
    if (fs::exists(mark_, error)) {
      constexpr uint64_t kMostBytes = 1 << 16;
      if (core::read_file(mark_, kMostBytes) != wanted) {
        throw Error(folder.string() +
                    ": was left unfinished with other options, expected the same, a new folder or "
                    "an empty one");
      }
      core::remove_temporary_files(folder);
      for (int64_t digit = 0; digit < kDigits; ++digit) {
        core::remove_temporary_files(folder / std::to_string(digit));
      }
      return;
    }
    const fs::directory_iterator entries(folder);
    const bool empty = std::all_of(begin(entries), end(entries), [](const auto& entry) {
      return entry.path().filename().string().front() == '.';
    });
    if (!empty)
      throw Error(folder.string() + ": is not empty, expected a new folder or an empty one");
    core::AtomicFile file(mark_);
    file.write(wanted);
    file.commit();
  }

  void finish() const { fs::remove(mark_); }

 private:
  const core::OutputFolder claim_;
  const fs::path mark_;
};

}  // namespace

void fields(core::FieldVisitor& visitor, MovingDigitsOptions& options) {
  visitor.path("digits_image", options.digits_image,
               "picture of white digits on black in squares of 20x20 pixels");
  visitor.field("clips", options.clips, {1, 1000000}, "videos to write");
  visitor.field("size", options.size, {16, 1024}, "side of the square frames in pixels");
  visitor.field("frames", options.frames, {1, 100000}, "frames of a clip");
  visitor.field("digits", options.digits, {1, 100},
                "digits in a clip; where they overlap the brighter one is seen");
  visitor.field("digit_size", options.digit_size, {8, 1024},
                "side of a digit in pixels; other sizes than 20 are scaled");
  visitor.field("speed", options.speed, {0, 1024},
                "pixels a frame, the same for all digits, each in a direction of its own");
  visitor.field("color", options.color, "a saturated colour for each digit, otherwise white");
  visitor.field("classes", options.classes,
                "a folder for each first digit, 0 to 9, to train with data.classes");
  visitor.field("seed", options.seed, {0, std::numeric_limits<int64_t>::max()},
                "the same seed gives the same clips");
}

MovingDigits::MovingDigits(const MovingDigitsOptions& options) : options_(options) {
  if (options.digit_size > options.size) {
    throw core::FieldError("digit_size",
                           core::cat("is ", options.digit_size,
                                     ", expected at most the size of the frames, ", options.size));
  }
  digits_ = read_digits(options.digits_image, options.digit_size);
  if (options.classes && digit_count() % kDigits != 0) {
    throw core::FieldError("classes", core::cat(options.digits_image, " shows ", digit_count(),
                                                " digits, expected as many of each of the ten"));
  }
}

core::CounterRandom MovingDigits::random_of(int64_t index) const {
  return {core::derive_seed(static_cast<uint64_t>(options_.seed), "moving digits"),
          static_cast<uint64_t>(index)};
}

int64_t MovingDigits::first_digit(int64_t index) const {
  return random_of(index).below(digit_count()) / (digit_count() / kDigits);
}

video::Clip MovingDigits::clip(int64_t index) const {
  auto random = random_of(index);
  const auto range = static_cast<double>(options_.size - options_.digit_size);
  std::vector<MovingDigit> moving;
  for (int64_t i = 0; i < options_.digits; ++i) {
    MovingDigit digit{&digits_[static_cast<size_t>(random.below(digit_count()))],
                      random.uniform() * range,
                      random.uniform() * range,
                      0,
                      0,
                      {1, 1, 1}};
    const double angle = 2 * M_PI * random.uniform();
    digit.dx = options_.speed * std::cos(angle);
    digit.dy = options_.speed * std::sin(angle);
    const double hue = 6 * random.uniform();
    if (options_.color) set_hue(hue, digit.rgb);
    moving.push_back(digit);
  }
  video::Clip clip{options_.frames, options_.size, options_.size, {}};
  clip.pixels.resize(static_cast<size_t>(clip.frames * clip.frame_bytes()));
  for (int64_t t = 0; t < clip.frames; ++t) {
    const auto time = static_cast<double>(t);
    for (const auto& digit : moving) {
      draw(digit, bounce(digit.y + digit.dy * time, range),
           bounce(digit.x + digit.dx * time, range), options_.size, clip.frame(t));
    }
  }
  return clip;
}

void write_moving_digits(const MovingDigitsOptions& options, const fs::path& folder) {
  const MovingDigits digits(options);
  const Unfinished unfinished(folder, options);
  core::Progress progress("clips", options.clips);
  for (int64_t i = 0; i < options.clips; ++i) {
    char name[32];
    std::snprintf(name, sizeof(name), "clip-%06ld.avi", static_cast<long>(i));
    const auto place = options.classes ? folder / std::to_string(digits.first_digit(i)) : folder;
    core::make_folder(place);
    if (!fs::exists(place / name)) video::write_video(place / name, digits.clip(i), kDigitsFps);
    progress.update(i + 1);
  }
  unfinished.finish();
}

}  // namespace vidgen::data
