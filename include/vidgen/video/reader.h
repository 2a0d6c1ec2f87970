#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "vidgen/video/frame.h"

namespace vidgen::video {

/// Whether the name ends like a video's (.mp4, .avi, .mkv, ...), in whatever case.
bool has_video_extension(const std::filesystem::path& path);

/// Decodes a video file (anything FFmpeg opens) from its first frame to its last.
class VideoReader {
 public:
  /// Throws vidgen::Error naming the file and the reason when it is missing, not a regular file,
  /// empty or holds no video that can be decoded. Names are never taken for patterns or network
  /// addresses, and a playlist opens no other file. `threads` decode at the same time, each with a
  /// few pictures in memory; 0 takes one for each core.
  explicit VideoReader(const std::filesystem::path& path, int threads = 1);
  ~VideoReader();
  VideoReader(const VideoReader&) = delete;
  VideoReader& operator=(const VideoReader&) = delete;

  /// Pixels, as shown (after the rotation that the file asks for).
  int64_t width() const { return width_; }
  int64_t height() const { return height_; }
  /// Frames per second on average; 25 when the file does not say.
  double fps() const { return fps_; }
  /// How many frames the file claims to show; 0 when it does not say. Only decoding tells the
  /// truth.
  int64_t promised_frames() const { return promised_frames_; }

  /// The next frame, as RGB; false at the end, which is also where a damaged file stops making
  /// sense.
  bool read(Frame& frame);
  /// As read(), scaled to height x width pixels (averages areas when it shrinks, bicubic when it
  /// grows) in one pass with the conversion to RGB: several times faster than resize() afterwards.
  bool read(Frame& frame, int64_t height, int64_t width);
  /// As read(), without the cost of making the picture.
  bool skip();
  /// When the last frame is shown, in seconds after the first one; grows from frame to frame.
  double time() const { return time_; }

 private:
  struct Source;
  bool convert(Frame& frame, int64_t height, int64_t width);
  void advance_time();

  std::unique_ptr<Source> source_;
  int64_t width_ = 0;
  int64_t height_ = 0;
  double fps_ = 0;
  int64_t promised_frames_ = 0;
  int64_t frames_ = 0;
  double start_ = 0;
  double time_ = 0;
};

}  // namespace vidgen::video
