#pragma once

#include <cstdint>
#include <filesystem>

#include "libav.h"
#include "vidgen/core/files.h"
#include "vidgen/video/sink.h"

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

/// A file with one video stream, encoded by FFmpeg. Failures throw vidgen::Error naming the file.
class Encoder {
 public:
  /// The container is chosen by the extension of `path`.
  Encoder(const std::filesystem::path& path, const EncoderFormat& format, int width, int height,
          double fps, const Metadata& metadata);

  /// The picture to fill before each send().
  AVFrame& picture();
  void send();
  /// Ends the file and gives it its name. `end` takes the place of its last byte.
  void finish(const std::string& end = "");

 private:
  void open_codec(const EncoderFormat& format, int width, int height, double fps);
  void open_file(const char* options);
  /// Writes to the open file: opened by its name it would be made once more if it is gone.
  AvBuffered open_output();
  void write_packets();
  /// Throws when `code` is one of FFmpeg's errors.
  void check(int code) const;

  std::filesystem::path path_;
  core::AtomicFile file_;
  AvBuffered output_;  // closed after the container that writes to it
  AvOutput container_;
  AvCodec codec_;
  AvPacket packet_{av_packet_alloc()};
  AvFrame picture_{av_frame_alloc()};
  int64_t frames_ = 0;
};

}  // namespace vidgen::video
