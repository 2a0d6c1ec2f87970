#include "decode.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "frame_schedule.h"
#include "vidgen/core/interrupt.h"
#include "vidgen/video/reader.h"

namespace vidgen::data {
namespace {

/// Where a video's frames go: scaled so that the short side fits, cropped in the middle, grey.
class FrameFitter {
 public:
  FrameFitter(const DataOptions& options, video::VideoReader& reader)
      : options_(options), reader_(reader) {
    const auto height = static_cast<double>(reader.height());
    const auto width = static_cast<double>(reader.width());
    const int64_t side = options.short_side();
    const double scale = static_cast<double>(side) / std::min(height, width);
    height_ = std::max(side, std::lround(height * scale));
    width_ = std::max(side, std::lround(width * scale));
  }

  /// The next frame, fitted; false at the end.
  bool read(video::Frame& frame) {
    // All frames are scaled to the same size even where a file changes its own.
    if (!reader_.read(frame, height_, width_)) return false;
    if (options_.crop == Crop::kCenter) {
      const int64_t size = options_.size;
      frame = video::crop(frame, (height_ - size) / 2, (width_ - size) / 2, size, size);
    }
    if (options_.color == Color::kGray) frame = video::to_gray(frame);
    return true;
  }

 private:
  const DataOptions& options_;
  video::VideoReader& reader_;
  int64_t height_ = 0;
  int64_t width_ = 0;
};

/// How far the frames that were read reach, to tell a file that was cut off.
class Coverage {
 public:
  void add(double time) {
    longest_frame_ = std::max(longest_frame_, time - last_);
    last_ = time;
  }

  /// Frame counts cannot simply be compared: a video that leaves out repeated pictures (AVI with
  /// empty packets, variable frame rate) is whole with fewer frames than it promises. So the
  /// frames' times are: the last one must reach the promised end, give or take the longest that any
  /// frame is shown (the last may be shown as long), two frames and 1 % for containers that round
  /// durations and rates.
  bool cut_off(const VideoReport& report) const {
    constexpr int64_t kFrames = 2;
    constexpr double kFraction = 0.01;
    if (report.frames_promised == 0 || report.frames_read + kFrames >= report.frames_promised) {
      return false;
    }
    const double promised = static_cast<double>(report.frames_promised) / report.fps;
    const double missing = promised - (last_ + 1 / report.fps);
    return missing > longest_frame_ + kFrames / report.fps + kFraction * promised;
  }

 private:
  double last_ = 0;
  double longest_frame_ = 0;
};

void stop_if_interrupted(const std::filesystem::path& path) {
  if (core::interrupted()) throw Error(path.string() + ": interrupted while decoding");
}

VideoReport describe(const std::filesystem::path& path, const video::VideoReader& reader) {
  VideoReport report;
  report.path = path;
  report.width = reader.width();
  report.height = reader.height();
  report.fps = reader.fps();
  report.frames_promised = reader.promised_frames();
  return report;
}

/// The reader's message without the name in front.
VideoReport describe(const std::filesystem::path& path, const Error& error) {
  VideoReport report;
  report.path = path;
  const std::string message = error.what(), name = path.string() + ": ";
  report.problem = message.rfind(name, 0) == 0 ? message.substr(name.size()) : message;
  return report;
}

void read_frames(video::VideoReader& reader, const DataOptions& options, const FrameSink& sink,
                 VideoReport& report) {
  FrameSchedule schedule(options.fps);
  FrameFitter fitter(options, reader);
  Coverage coverage;
  video::Frame frame, previous;
  const auto pass_on = [&](int64_t copies) {
    report.frames += copies;
    if (sink) sink(previous, copies);
  };
  while (sink ? fitter.read(frame) : reader.skip()) {
    stop_if_interrupted(report.path);
    coverage.add(reader.time());
    const int64_t copies = schedule.advance(reader.time());
    if (report.frames_read++ > 0) pass_on(copies);
    std::swap(previous, frame);
  }
  if (report.frames_read > 0) pass_on(schedule.finish());
  if (report.frames_read == 0) {
    report.problem = "damaged: no frame can be decoded";
  } else if (coverage.cut_off(report)) {
    report.problem = core::cat("damaged: promises ", report.frames_promised, " frames, but only ",
                               report.frames_read, " can be read");
  }
}

}  // namespace

VideoReport open_report(const std::filesystem::path& path, const DataOptions& options) {
  try {
    return describe(path, video::VideoReader(path, {/*threads=*/1, options.picture_fps}));
  } catch (const Error& error) {
    return describe(path, error);
  }
}

VideoReport decode_video(const std::filesystem::path& path, const DataOptions& options, int threads,
                         const FrameSink& sink) {
  std::optional<video::VideoReader> reader;
  try {
    reader.emplace(path, video::ReaderOptions{threads, options.picture_fps});
  } catch (const Error& error) {
    return describe(path, error);
  }
  VideoReport report = describe(path, *reader);
  read_frames(*reader, options, sink, report);
  return report;
}

std::string size_problem(const VideoReport& report, const DataOptions& options) {
  if (std::min(report.width, report.height) >= options.size) return "";
  return core::cat("too small: ", report.width, "x", report.height, " pixels, expected at least ",
                   options.size, " (data.size)");
}

void judge(VideoReport& report, const DataOptions& options) {
  report.clips = std::max<int64_t>(report.frames - options.span() + 1, 0);
  if (report.problem.empty()) report.problem = size_problem(report, options);
  if (!report.problem.empty() || report.clips > 0) return;
  report.problem =
      core::cat("too short: ", report.frames, " frames, a clip of ", options.frames,
                " frames with frame_stride ", options.frame_stride, " needs ", options.span());
}

}  // namespace vidgen::data
