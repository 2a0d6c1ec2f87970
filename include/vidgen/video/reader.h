#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vidgen/video/frame.h"
#include "vidgen/video/pace.h"

namespace vidgen::video {

struct ReaderOptions {
  /// Threads that decode at the same time, each with a few pictures in memory; 0 is one for each
  /// core.
  int threads = 1;
  /// Frames a second of a folder of numbered pictures, which does not say.
  double picture_fps = 25;
};

/// What of a video's data is damaged. Pictures that are damaged themselves, or built on such, are
/// left out, up to the next one that stands by itself.
struct Damage {
  /// Stretches of damage.
  int64_t places = 0;
  /// Decoded pictures that were left out.
  int64_t pictures = 0;
  /// Where the first one begins, in seconds after the first frame, and what FFmpeg says of it.
  double first_seconds = 0;
  std::string reason;
  /// Pictures before the first whole one, in a recording that begins between two key frames. That
  /// is no damage.
  int64_t incomplete_start = 0;
  /// Whether it ends within a picture, which is left out. That is none either.
  bool incomplete_end = false;
};

/// Decodes a video from its first whole frame to its last.
class VideoReader {
 public:
  /// `path` is anything that open_pictures() plays. Throws vidgen::Error naming it and the reason
  /// when it is missing, cannot be read, is empty or holds no video that can be decoded. Names are
  /// never taken for patterns or network addresses, and a playlist opens no other file.
  explicit VideoReader(const std::filesystem::path& path, const ReaderOptions& options = {});
  ~VideoReader();
  VideoReader(const VideoReader&) = delete;
  VideoReader& operator=(const VideoReader&) = delete;

  /// Pixels as shown: turned, and with as many columns more or fewer as make the pixels square.
  /// Before the first frame by what the file says, then of the current frame.
  int64_t width() const { return width_; }
  int64_t height() const { return height_; }
  /// Frames per second by what the file says; 25 when it does not. pace() tells what is true.
  double fps() const { return fps_; }
  /// The rhythm of the frames that were read.
  const Pace& pace() const { return pace_; }
  /// Whether fps() is the file's own word.
  bool states_rate() const;
  /// How many frames the file claims to show, by its count or its length; 0 when it does not say.
  int64_t promised_frames() const;
  /// When the video ends by what its pictures' own track says, in seconds after the first frame; 0
  /// when it does not say.
  double promised_seconds() const;
  /// Whether the file's index reaches to its end: promised frames that it does not have are shown
  /// by the one before.
  bool is_indexed() const;
  /// What the user may want to know of the file: what is not read, what is shown otherwise than
  /// meant.
  std::vector<std::string> notes() const;

  /// Goes on to the next whole frame; false at the end. Throws vidgen::Error when the file cannot
  /// be read any more.
  bool skip();
  /// The current frame as RGB, scaled to height x width pixels (averages areas when it shrinks,
  /// bicubic when it grows) in one pass with the conversion: several times faster than resize()
  /// afterwards.
  void show(Frame& frame, int64_t height, int64_t width);
  /// skip(), then show() in the given or in its own size.
  bool read(Frame& frame, int64_t height, int64_t width);
  bool read(Frame& frame);

  /// When the current frame is shown, in seconds after the first one; never falls.
  double time() const { return time_; }
  /// When its turn is over: at the end of the video, and where the file says it of each frame.
  double end() const;
  /// Whether frames are missing between this one and the one before: damage, or the place where
  /// two recordings were joined.
  bool is_after_gap() const;
  /// What was found so far.
  Damage damage() const;

 private:
  struct Source;
  void set_shown_size(int64_t width, int64_t height, double pixel_aspect);
  void advance_time();

  std::unique_ptr<Source> source_;
  int64_t width_ = 0;
  int64_t height_ = 0;
  double fps_ = 0;
  Pace pace_;
  bool started_ = false;
  double origin_ = 0;
  double time_ = 0;
  int64_t clock_changes_ = 0;
  /// Of the current frame, where the file says it.
  double duration_ = 0;
};

}  // namespace vidgen::video
