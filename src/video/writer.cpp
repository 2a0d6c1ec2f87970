#include "vidgen/video/writer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <opencv2/imgproc.hpp>
#include <set>

#include "encoder.h"
#include "metadata.h"
#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"
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
/// Keeps every key, but where tag editors do not look.
constexpr EncoderFormat kTaggedMp4{kMp4.encoder, kMp4.pixels, kMp4.encoder_options,
                                   "movflags=+faststart+use_metadata_tags"};
/// Without loss, in RGB, which H.264 is only in forms that many players refuse.
constexpr EncoderFormat kAvi{"ffv1", AV_PIX_FMT_BGR0, "level=3:slices=4", ""};
constexpr EncoderFormat kGif{"gif", AV_PIX_FMT_PAL8, "", "loop=0"};

void check_size(const fs::path& path, int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    throw Error(core::cat(path.string(), ": cannot write frames of ", width, "x", height,
                          " pixels, expected 1 to ", kMaxSide));
  }
}

/// Whether an MP4 has no place of its own for one of the keys.
bool needs_tags(const Metadata& metadata) {
  static const std::set<std::string> places{"title", "artist",    "album",       "comment", "date",
                                            "genre", "copyright", "description", "lyrics"};
  return std::any_of(metadata.begin(), metadata.end(),
                     [](const auto& item) { return places.count(item.first) == 0; });
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

/// Writes one kind of file.
class FormatWriter : public VideoSink {
 public:
  FormatWriter(const fs::path& path, const EncoderFormat& format, const SinkOptions& options,
               int64_t width, int64_t height, const Metadata& metadata)
      : encoder_(path, format, static_cast<int>(width), static_cast<int>(height), options.fps,
                 metadata),
        width_(static_cast<int>(options.width)),
        height_(static_cast<int>(options.height)) {}
  void finish() override { encoder_.finish(); }

 protected:
  /// OpenCV only reads through it.
  cv::Mat as_mat(const uint8_t* rgb) const {
    return cv::Mat(height_, width_, CV_8UC3, const_cast<uint8_t*>(rgb));
  }

  Encoder encoder_;
  const int width_, height_;
};

int even(int64_t side) { return static_cast<int>(side + side % 2); }

class Mp4Writer : public FormatWriter {
 public:
  Mp4Writer(const fs::path& path, const SinkOptions& options)
      : FormatWriter(path, needs_tags(options.metadata) ? kTaggedMp4 : kMp4, options,
                     even(options.width), even(options.height), options.metadata),
        scaler_(sws_getContext(even(width_), even(height_), AV_PIX_FMT_RGB24, even(width_),
                               even(height_), AV_PIX_FMT_YUV420P, SWS_BICUBIC | SWS_ACCURATE_RND,
                               nullptr, nullptr, nullptr)),
        padded_(static_cast<size_t>(even(width_)) * even(height_) * 3 + kOverread) {
    if (!scaler_) throw Error(path.string() + ": cannot convert frames of this size to YUV");
  }

  void write(const uint8_t* rgb) override {
    // The last row and column twice where the size is odd.
    cv::Mat padded(even(height_), even(width_), CV_8UC3, padded_.data());
    cv::copyMakeBorder(as_mat(rgb), padded, 0, padded.rows - height_, 0, padded.cols - width_,
                       cv::BORDER_REPLICATE);
    AVFrame& picture = encoder_.picture();
    const uint8_t* planes[] = {padded_.data()};
    const int strides[] = {3 * even(width_)};
    sws_scale(scaler_.get(), planes, strides, 0, even(height_), picture.data, picture.linesize);
    encoder_.send();
  }

 private:
  AvScaler scaler_;
  std::vector<uint8_t> padded_;
};

class AviWriter : public FormatWriter {
 public:
  AviWriter(const fs::path& path, const SinkOptions& options)
      : FormatWriter(path, kAvi, options, options.width, options.height,
                     avi_metadata(options.metadata)) {}

  void write(const uint8_t* rgb) override {
    AVFrame& picture = encoder_.picture();
    cv::Mat pixels(height_, width_, CV_8UC4, picture.data[0], picture.linesize[0]);
    cv::cvtColor(as_mat(rgb), pixels, cv::COLOR_RGB2BGRA);
    encoder_.send();
  }
};

/// At most 256 colours that stand for all of a clip's, and which of them is nearest to any colour.
class Palette {
 public:
  static constexpr size_t kColors = 256;
  /// 0xRRGGBB of a pixel.
  static uint32_t pack(const uint8_t* rgb) { return rgb[0] << 16 | rgb[1] << 8 | rgb[2]; }

  /// Of a clip's colours, all of them where there are few enough.
  explicit Palette(const std::set<uint32_t>& colors)
      : colors_(colors.begin(), colors.end()), nearest_(1 << 24, -1) {}
  /// The centres of a k-means clustering of pixels [N,3].
  explicit Palette(std::vector<uint8_t> pixels) : nearest_(1 << 24, -1) {
    cv::Mat samples, labels, centers, bytes;
    cv::Mat(static_cast<int>(pixels.size() / 3), 3, CV_8U, pixels.data())
        .convertTo(samples, CV_32F);
    cv::theRNG().state = 1;  // the same clip gives the same file
    cv::kmeans(samples, kColors, labels, {cv::TermCriteria::MAX_ITER, 10, 0}, 1,
               cv::KMEANS_PP_CENTERS, centers);
    centers.convertTo(bytes, CV_8U);
    for (int i = 0; i < bytes.rows; ++i) colors_.push_back(pack(bytes.ptr(i)));
  }

  /// 0xRRGGBB.
  const std::vector<uint32_t>& colors() const { return colors_; }

  uint8_t nearest(const uint8_t* rgb) {
    int16_t& known = nearest_[pack(rgb)];
    if (known >= 0) return static_cast<uint8_t>(known);
    int best = std::numeric_limits<int>::max();
    for (size_t i = 0; i < colors_.size(); ++i) {
      const int r = rgb[0] - static_cast<int>(colors_[i] >> 16);
      const int g = rgb[1] - static_cast<int>(colors_[i] >> 8 & 255);
      const int b = rgb[2] - static_cast<int>(colors_[i] & 255);
      const int distance = r * r + g * g + b * b;
      if (distance >= best) continue;
      best = distance;
      known = static_cast<int16_t>(i);
    }
    return static_cast<uint8_t>(known);
  }

 private:
  std::vector<uint32_t> colors_;
  /// For each of the 2^24 colours the index of the nearest, -1 where nobody asked yet.
  std::vector<int16_t> nearest_;
};

/// The frames wait until all colours are known.
class GifWriter : public FormatWriter {
 public:
  GifWriter(const fs::path& path, const SinkOptions& options)
      : FormatWriter(path, kGif, options, options.width, options.height, {}),
        end_(gif_end(options.metadata)),
        frame_(static_cast<size_t>(width_) * height_ * 3),
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
    encoder_.finish(end_);
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

  const std::string end_;
  std::vector<uint8_t> frame_;
  core::Spool frames_;
  /// Those seen so far, until they are too many.
  std::set<uint32_t> colors_;
};

}  // namespace

std::unique_ptr<VideoSink> open_video(const fs::path& path, const SinkOptions& options) {
  if (!is_video_name(path)) {
    throw Error(path.string() +
                ": unknown extension of a video to write, expected .mp4, .avi or .gif");
  }
  check_size(path, options.width, options.height);
  check_metadata(path, options.metadata);
  auto legal = options;
  legal.fps = legal_rate(path, options.fps);
  const std::string extension = core::lower_extension(path);
  if (extension == ".gif") return std::make_unique<GifWriter>(path, legal);
  if (extension == ".avi") return std::make_unique<AviWriter>(path, legal);
  return std::make_unique<Mp4Writer>(path, legal);
}

bool is_video_name(const fs::path& path) {
  const std::string extension = core::lower_extension(path);
  return extension == ".mp4" || extension == ".avi" || extension == ".gif";
}

void write_video(const fs::path& path, const Clip& clip, double fps) {
  const auto video = open_video(path, {1, clip.frames, clip.height, clip.width, fps});
  for (int64_t t = 0; t < clip.frames; ++t) video->write(clip.frame(t));
  video->finish();
}

}  // namespace vidgen::video
