#include "vidgen/video/writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>
#include <set>
#include <string>

#include "encoder.h"
#include "palette.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"
#include "vidgen/core/spool.h"
#include "vidgen/core/text.h"
#include "vidgen/video/pace.h"

namespace vidgen::video {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxSide = 16384;
/// libswscale reads whole vectors, a little beyond the last pixel.
constexpr size_t kOverread = 64;
constexpr double kMinFps = 1, kMaxFps = 240;
/// Frames of a GIF last whole hundredths of a second, and browsers take less than two of them for
/// ten.
constexpr double kMaxGifFps = 50;

/// mbtree reads memory that nobody set on small frames with AVX-512 (x264 r3095), so the same clip
/// would give different files. crf 14 leaves little more error than colour at half resolution does
/// by itself, even on frames of 64x64.
constexpr EncoderFormat kMp4{"libx264", AV_PIX_FMT_YUV420P, "crf=14:mbtree=0",
                             "movflags=+faststart"};
/// Without loss, in RGB, which H.264 is only in forms that many players refuse.
constexpr EncoderFormat kAvi{"ffv1", AV_PIX_FMT_BGR0, "level=3:slices=4", ""};
constexpr EncoderFormat kGif{"gif", AV_PIX_FMT_PAL8, "", "loop=0"};

void check_size(const fs::path& path, int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    throw Error(core::cat(path.string(), ": cannot write frames of ", width, "x", height,
                          " pixels, expected 1 to ", kMaxSide));
  }
}

/// Whether nothing was said of this rate before: a run writes many samples at its own.
bool is_new(double fps) {
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  return said.insert(core::cat(fps)).second;
}

/// The nearest rate that files of this kind can have, and that players keep to.
double legal_rate(const fs::path& path, double fps) {
  const bool gif = core::lower_extension(path) == ".gif";
  const double legal = std::clamp(std::isfinite(fps) ? fps : video::kUnstatedFps, kMinFps,
                                  gif ? kMaxGifFps : kMaxFps);
  if (legal != fps && is_new(fps)) {
    core::log_warning(core::cat(path.string(), ": plays at ", legal, " frames a second instead of ",
                                fps, ", which ", gif ? "GIF" : "players", " cannot"));
  }
  return legal;
}

}  // namespace

/// Writes one kind of file.
class FormatWriter {
 public:
  FormatWriter(const fs::path& path, const EncoderFormat& format, int width, int height, double fps)
      : encoder_(path, format, width, height, fps) {}
  virtual ~FormatWriter() = default;
  virtual void write(const uint8_t* rgb) = 0;
  virtual void finish() { encoder_.finish(); }

 protected:
  Encoder encoder_;
};

namespace {

int even(int64_t side) { return static_cast<int>(side + side % 2); }

class Mp4Writer : public FormatWriter {
 public:
  Mp4Writer(const fs::path& path, int width, int height, double fps)
      : FormatWriter(path, kMp4, even(width), even(height), fps),
        width_(width),
        height_(height),
        scaler_(sws_getContext(even(width), even(height), AV_PIX_FMT_RGB24, even(width),
                               even(height), AV_PIX_FMT_YUV420P, SWS_BICUBIC | SWS_ACCURATE_RND,
                               nullptr, nullptr, nullptr)),
        padded_(static_cast<size_t>(even(width)) * even(height) * 3 + kOverread) {
    if (!scaler_) throw Error(path.string() + ": cannot convert frames of this size to YUV");
  }

  void write(const uint8_t* rgb) override {
    pad(rgb);
    AVFrame& picture = encoder_.picture();
    const uint8_t* planes[] = {padded_.data()};
    const int strides[] = {3 * even(width_)};
    sws_scale(scaler_.get(), planes, strides, 0, even(height_), picture.data, picture.linesize);
    encoder_.send();
  }

 private:
  /// Copies the frame, its last row and column twice where the size is odd.
  void pad(const uint8_t* rgb) {
    const size_t row = size_t{3} * width_, even_row = size_t{3} * even(width_);
    for (int y = 0; y < even(height_); ++y) {
      const uint8_t* from = rgb + row * std::min(y, height_ - 1);
      uint8_t* to = padded_.data() + even_row * y;
      std::memcpy(to, from, row);
      if (even_row > row) std::memcpy(to + row, from + row - 3, 3);
    }
  }

  const int width_, height_;
  AvScaler scaler_;
  std::vector<uint8_t> padded_;
};

class AviWriter : public FormatWriter {
 public:
  AviWriter(const fs::path& path, int width, int height, double fps)
      : FormatWriter(path, kAvi, width, height, fps), width_(width), height_(height) {}

  void write(const uint8_t* rgb) override {
    AVFrame& picture = encoder_.picture();
    for (int y = 0; y < height_; ++y) {
      uint8_t* out = picture.data[0] + y * picture.linesize[0];
      for (int x = 0; x < width_; ++x, rgb += 3, out += 4) {
        out[0] = rgb[2];
        out[1] = rgb[1];
        out[2] = rgb[0];
        out[3] = 0;
      }
    }
    encoder_.send();
  }

 private:
  const int width_, height_;
};

/// The frames wait until all colours are known.
class GifWriter : public FormatWriter {
 public:
  GifWriter(const fs::path& path, int width, int height, double fps)
      : FormatWriter(path, kGif, width, height, fps),
        width_(width),
        height_(height),
        frame_(static_cast<size_t>(width) * height * 3),
        frames_(path) {}

  void write(const uint8_t* rgb) override {
    for (size_t i = 0; i < frame_.size() && colors_.size() <= Palette::kColors; i += 3)
      colors_.insert(Palette::pack(rgb + i));
    frames_.write(rgb, frame_.size());
  }

  void finish() override {
    auto palette = colors_.size() <= Palette::kColors ? Palette(colors_) : Palette(some_pixels());
    for (uint64_t place = 0; place < frames_.size(); place += frame_.size()) {
      frames_.read(place, frame_.data(), frame_.size());
      send(palette);
    }
    FormatWriter::finish();
  }

 private:
  std::vector<uint8_t> some_pixels() const {
    constexpr uint64_t kMost = 8192;
    const uint64_t pixels = frames_.size() / 3, count = std::min(pixels, kMost);
    std::vector<uint8_t> result(3 * count);
    for (uint64_t i = 0; i < count; ++i) frames_.read(i * pixels / count * 3, &result[3 * i], 3);
    return result;
  }

  void send(Palette& palette) {
    AVFrame& picture = encoder_.picture();
    const uint8_t* rgb = frame_.data();
    for (int y = 0; y < height_; ++y) {
      uint8_t* row = picture.data[0] + y * picture.linesize[0];
      for (int x = 0; x < width_; ++x, rgb += 3) row[x] = palette.nearest(rgb);
    }
    auto* colors = reinterpret_cast<uint32_t*>(picture.data[1]);
    std::fill_n(colors, AVPALETTE_COUNT, 0xff000000u);
    for (size_t i = 0; i < palette.colors().size(); ++i) colors[i] |= palette.colors()[i];
    encoder_.send();
  }

  const int width_, height_;
  std::vector<uint8_t> frame_;
  core::Spool frames_;
  /// Those seen so far, until they are too many.
  std::set<uint32_t> colors_;
};

template <class Writer>
std::unique_ptr<FormatWriter> open_writer(const fs::path& path, int width, int height, double fps) {
  return std::make_unique<Writer>(path, width, height, legal_rate(path, fps));
}

}  // namespace

struct VideoWriter::Impl {
  fs::path path;
  std::unique_ptr<FormatWriter> writer;
  int64_t frames = 0;
};

VideoWriter::VideoWriter(const fs::path& path, int64_t width, int64_t height, double fps) {
  if (!is_video_name(path)) {
    throw Error(path.string() +
                ": unknown extension of a video to write, expected .mp4, .avi or .gif");
  }
  check_size(path, width, height);
  const std::string extension = core::lower_extension(path);
  const auto open = extension == ".gif"   ? open_writer<GifWriter>
                    : extension == ".avi" ? open_writer<AviWriter>
                                          : open_writer<Mp4Writer>;
  impl_ = std::make_unique<Impl>(
      Impl{path, open(path, static_cast<int>(width), static_cast<int>(height), fps)});
}

VideoWriter::~VideoWriter() = default;

void VideoWriter::write(const uint8_t* rgb) {
  impl_->writer->write(rgb);
  ++impl_->frames;
}

void VideoWriter::finish() {
  if (impl_->frames == 0) throw Error(impl_->path.string() + ": there are no frames to write");
  impl_->writer->finish();
}

bool is_video_name(const fs::path& path) {
  const std::string extension = core::lower_extension(path);
  return extension == ".mp4" || extension == ".avi" || extension == ".gif";
}

void write_video(const fs::path& path, const Clip& clip, double fps) {
  VideoWriter writer(path, clip.width, clip.height, fps);
  for (int64_t t = 0; t < clip.frames; ++t) writer.write(clip.frame(t));
  writer.finish();
}

}  // namespace vidgen::video
