#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include "vidgen/core/files.h"

namespace vidgen::video {

/// What an Encoder makes.
struct EncoderFormat {
  /// FFmpeg's names: "libx264", "gif".
  const char* encoder;
  AVPixelFormat pixels;
  /// Options of encoder and container, "key=value:key=value".
  const char* encoder_options;
  const char* container_options;
};

struct FrameDeleter {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
using AvFrame = std::unique_ptr<AVFrame, FrameDeleter>;

/// A file with one video stream, encoded by FFmpeg. We drive FFmpeg ourselves here because OpenCV's
/// writer hides write errors, fixes the quality and cannot make a GIF. Failures throw vidgen::Error
/// naming the file.
class Encoder {
 public:
  /// The container is chosen by the extension of `path`.
  Encoder(const std::filesystem::path& path, const EncoderFormat& format, int width, int height,
          double fps);
  ~Encoder();

  /// The picture to fill before each send().
  AVFrame& picture();
  void send();
  /// Ends the file and gives it its name.
  void finish();

 private:
  void open_codec(const EncoderFormat& format, int width, int height, double fps);
  void open_file(const char* options);
  void write_packets();
  void release();
  /// Throws when `code` is one of FFmpeg's errors.
  void check(int code) const;

  std::filesystem::path path_;
  core::AtomicPath file_;
  AVFormatContext* container_ = nullptr;
  AVCodecContext* codec_ = nullptr;
  AVPacket* packet_ = nullptr;
  AvFrame picture_;
  int64_t frames_ = 0;
};

}  // namespace vidgen::video
