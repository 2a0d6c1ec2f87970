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

void write_gif(const fs::path& path, const Clip& clip, double fps) {
  Encoder encoder(path, kGif, static_cast<int>(clip.width), static_cast<int>(clip.height), fps);
  Palette palette(clip);
  for (int64_t t = 0; t < clip.frames; ++t) {
    AVFrame& picture = encoder.picture();
    const uint8_t* rgb = clip.frame(t);
    for (int64_t y = 0; y < clip.height; ++y) {
      uint8_t* row = picture.data[0] + y * picture.linesize[0];
      for (int64_t x = 0; x < clip.width; ++x, rgb += 3) row[x] = palette.nearest(rgb);
    }
    auto* colors = reinterpret_cast<uint32_t*>(picture.data[1]);
    std::fill_n(colors, AVPALETTE_COUNT, 0xff000000u);
    for (size_t i = 0; i < palette.colors().size(); ++i) colors[i] |= palette.colors()[i];
    encoder.send();
  }
  encoder.finish();
}

void write_avi(const fs::path& path, const Clip& clip, double fps) {
  Encoder encoder(path, kAvi, static_cast<int>(clip.width), static_cast<int>(clip.height), fps);
  for (int64_t t = 0; t < clip.frames; ++t) {
    AVFrame& picture = encoder.picture();
    const uint8_t* rgb = clip.frame(t);
    for (int64_t y = 0; y < clip.height; ++y) {
      uint8_t* out = picture.data[0] + y * picture.linesize[0];
      for (int64_t x = 0; x < clip.width; ++x, rgb += 3, out += 4) {
        out[0] = rgb[2];
        out[1] = rgb[1];
        out[2] = rgb[0];
        out[3] = 0;
      }
    }
    encoder.send();
  }
  encoder.finish();
}

void write_mp4(const fs::path& path, const Clip& clip, double fps) {
  VideoWriter writer(path, clip.width, clip.height, fps);
  for (int64_t t = 0; t < clip.frames; ++t) writer.write(clip.frame(t));
  writer.finish();
}

}  // namespace

struct VideoWriter::Impl {
  Impl(const fs::path& path, int width, int height, double fps)
      : width(width),
        height(height),
        even_width(width + width % 2),
        even_height(height + height % 2),
        encoder(path, kMp4, even_width, even_height, fps),
        scaler(sws_getContext(even_width, even_height, AV_PIX_FMT_RGB24, even_width, even_height,
                              AV_PIX_FMT_YUV420P, SWS_BICUBIC | SWS_ACCURATE_RND, nullptr, nullptr,
                              nullptr)),
        padded(static_cast<size_t>(even_width) * even_height * 3 + kOverread) {
    if (!scaler) throw Error(path.string() + ": cannot convert frames of this size to YUV");
  }

  /// Copies the frame, its last row and column twice where the size is odd.
  void pad(const uint8_t* rgb) {
    const size_t row = size_t{3} * width, even_row = size_t{3} * even_width;
    for (int y = 0; y < even_height; ++y) {
      const uint8_t* from = rgb + row * std::min(y, height - 1);
      uint8_t* to = padded.data() + even_row * y;
      std::memcpy(to, from, row);
      if (even_row > row) std::memcpy(to + row, from + row - 3, 3);
    }
  }

  const int width, height, even_width, even_height;
  Encoder encoder;
  AvScaler scaler;
  std::vector<uint8_t> padded;
};

VideoWriter::VideoWriter(const fs::path& path, int64_t width, int64_t height, double fps) {
  if (core::lower_extension(path) != ".mp4") {
    throw Error(path.string() + ": unknown extension, expected .mp4");
  }
  check_size(path, width, height);
  impl_ = std::make_unique<Impl>(path, static_cast<int>(width), static_cast<int>(height),
                                 legal_rate(path, fps));
}

VideoWriter::~VideoWriter() = default;

void VideoWriter::write(const uint8_t* rgb) {
  impl_->pad(rgb);
  AVFrame& picture = impl_->encoder.picture();
  const uint8_t* planes[] = {impl_->padded.data()};
  const int strides[] = {3 * impl_->even_width};
  sws_scale(impl_->scaler.get(), planes, strides, 0, impl_->even_height, picture.data,
            picture.linesize);
  impl_->encoder.send();
}

void VideoWriter::finish() { impl_->encoder.finish(); }

bool is_video_name(const fs::path& path) {
  const std::string extension = core::lower_extension(path);
  return extension == ".mp4" || extension == ".avi" || extension == ".gif";
}

void write_video(const fs::path& path, const Clip& clip, double fps) {
  if (!is_video_name(path)) {
    throw Error(path.string() +
                ": unknown extension of a video to write, expected .mp4, .avi or .gif");
  }
  check_size(path, clip.width, clip.height);
  if (clip.frames < 1) throw Error(path.string() + ": there are no frames to write");
  const std::string extension = core::lower_extension(path);
  const auto write = extension == ".gif" ? write_gif : extension == ".avi" ? write_avi : write_mp4;
  // VideoWriter looks at the rate itself.
  write(path, clip, write == write_mp4 ? fps : legal_rate(path, fps));
}

}  // namespace vidgen::video
