#pragma once

#include <filesystem>

#include "libav.h"

namespace vidgen::video {

/// Decodes the pictures of a file's video stream, one after another; other streams are not read.
class Decoder {
 public:
  /// `threads` decode at the same time; 0 is one for each core. Throws vidgen::Error naming the
  /// file when FFmpeg cannot read it. No other file is opened, whatever a playlist names.
  Decoder(const std::filesystem::path& path, int threads);

  const AVStream& stream() const { return *stream_; }
  /// Frames per second on average; 0 when the file does not say.
  double rate() const;
  /// How many pictures the file claims to show; 0 when it does not say.
  int64_t promised() const;

  /// Goes on to the next picture, passing over what is damaged; false at the end.
  bool next();
  const AVFrame& picture() const { return *picture_; }
  /// When the picture is shown, in seconds from wherever the file counts; NaN when it does not say.
  double time() const;

 private:
  bool open(const std::filesystem::path& path, int threads);
  /// How long the file says that the stream is; 0 when it does not.
  double seconds() const;
  void send_packet();

  AvFile file_;  // closed after the input that reads it
  AvInput input_;
  AvCodec codec_;
  AvPacket packet_{av_packet_alloc()};
  AvFrame picture_{av_frame_alloc()};
  AVStream* stream_ = nullptr;
};

}  // namespace vidgen::video
