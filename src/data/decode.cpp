#include "decode.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "shot_detector.h"
#include "vidgen/core/interrupt.h"
#include "vidgen/core/resources.h"
#include "vidgen/core/text.h"
#include "vidgen/data/frame_schedule.h"
#include "vidgen/video/reader.h"

namespace vidgen::data {
namespace {

template <class T>
void append(std::vector<T>& list, const std::vector<T>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

/// Fewer frames that are repeated to keep the time are not worth a word.
constexpr double kManyRepeated = 0.1;

/// The part of a picture that is kept, in pixels of the scaled picture.
struct Fit {
  int64_t scaled_height = 0;
  int64_t scaled_width = 0;
  int64_t height = 0;
  int64_t width = 0;
};

/// Where a video's frames go: scaled so that the short side fits, cropped in the middle.
class FrameFitter {
 public:
  FrameFitter(const DataOptions& options, video::VideoReader& reader)
      : options_(options), reader_(reader) {}

  /// The reader's frame, fitted. All have the size of the first, also where a file changes its own.
  void show(video::Frame& frame) {
    if (first_.height == 0) first_ = fit_first();
    const Fit fit = fit_current();
    reader_.show(frame, fit.scaled_height, fit.scaled_width);
    if (fit.scaled_height == fit.height && fit.scaled_width == fit.width) return;
    frame = video::crop(frame, (fit.scaled_height - fit.height) / 2,
                        (fit.scaled_width - fit.width) / 2, fit.height, fit.width);
  }

 private:
  Fit fit_first() const {
    const int64_t side = options_.short_side();
    const Fit scaled = scale_to(side, side);
    if (options_.crop == Crop::kRandom) return {0, 0, scaled.scaled_height, scaled.scaled_width};
    return {0, 0, options_.size, options_.size};
  }

  /// Covers the first frame's size, whatever the shape of the current one.
  Fit fit_current() const {
    const int64_t side = options_.short_side();
    Fit fit = options_.crop == Crop::kRandom ? scale_to(first_.height, first_.width)
                                             : scale_to(side, side);
    fit.height = first_.height;
    fit.width = first_.width;
    return fit;
  }

  Fit scale_to(int64_t height, int64_t width) const {
    const auto shown_height = static_cast<double>(reader_.height());
    const auto shown_width = static_cast<double>(reader_.width());
    const double scale = std::max(static_cast<double>(height) / shown_height,
                                  static_cast<double>(width) / shown_width);
    return {std::max(height, std::lround(shown_height * scale)),
            std::max(width, std::lround(shown_width * scale)), 0, 0};
  }

  const DataOptions& options_;
  video::VideoReader& reader_;
  Fit first_;
};

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
std::string without_name(const std::filesystem::path& path, const Error& error) {
  const std::string message = error.what(), name = path.string() + ": ";
  return message.rfind(name, 0) == 0 ? message.substr(name.size()) : message;
}

VideoReport describe(const std::filesystem::path& path, const Error& error) {
  VideoReport report;
  report.path = path;
  report.problem = without_name(path, error);
  return report;
}

/// Frames that came out of the decoder, used or not.
int64_t decoded(const video::VideoReader& reader, const VideoReport& report) {
  const video::Damage damage = reader.damage();
  return report.frames_read + damage.pictures + damage.incomplete_start;
}

/// Whether the file ends before it should. Counts cannot simply be compared: a video that leaves
/// out repeated pictures (AVI with empty packets, variable frame rate) is whole with fewer frames
/// than it promises. So times are: the last frame must reach the promised end, give or take the
/// longest that any is shown (the last may be shown as long), two frames and 1 % for containers
/// that round durations and rates.
bool cut_off(const video::VideoReader& reader, const VideoReport& report) {
  constexpr int64_t kFrames = 2;
  constexpr double kFraction = 0.01;
  if (report.frames_promised == 0 || reader.is_indexed() ||
      decoded(reader, report) + kFrames >= report.frames_promised) {
    return false;
  }
  const double usual = reader.pace().median(reader.fps());
  const double missing = reader.promised_seconds() - (reader.time() + usual);
  return missing > reader.pace().longest() + static_cast<double>(kFrames) * usual +
                       kFraction * reader.promised_seconds();
}

std::string describe_damage(const video::VideoReader& reader, const VideoReport& report) {
  const video::Damage damage = reader.damage();
  std::vector<std::string> parts;
  if (cut_off(reader, report)) {
    parts.push_back(core::cat("promises ", report.frames_promised, " frames, but only ",
                              report.frames_read, " can be read"));
  }
  if (damage.places > 0) {
    parts.push_back(core::cat(
        damage.places, damage.places == 1 ? " place" : " places", ", the first at ",
        core::format_number(damage.first_seconds, 2), " s (", damage.reason, "), where ",
        damage.pictures, damage.pictures == 1 ? " frame is left out" : " frames are left out"));
  }
  return parts.empty() ? "" : "damaged: " + core::join(parts, "; ");
}

std::vector<std::string> describe_pace(const video::VideoReader& reader,
                                       const VideoReport& report) {
  constexpr double kVeryUneven = 0.1, kOtherRate = 0.02;
  std::vector<std::string> notes;
  const int64_t incomplete = reader.damage().incomplete_start;
  if (incomplete > 0) {
    notes.push_back(core::cat("begins between two key frames: ", incomplete,
                              " incomplete frames at the start are left out"));
  }
  if (reader.damage().incomplete_end) {
    notes.push_back("ends within a picture, which is left out");
  }
  const double uneven = reader.pace().unevenness();
  if (uneven > kVeryUneven) {
    notes.push_back(core::cat(
        "uneven: ", std::llround(uneven * static_cast<double>(report.frames_read)), " of ",
        report.frames_read, " frames are shown longer or shorter than most, up to ",
        core::format_number(reader.pace().longest(), 2), " s (data.fps keeps the time)"));
  }
  const int64_t repeated = report.frames_promised - decoded(reader, report);
  if (repeated > 0 && reader.is_indexed() && report.damage.empty()) {
    notes.push_back(core::cat("leaves out ", repeated,
                              " frames that repeat the one before (data.fps shows them)"));
  }
  if (report.frames_read > 1 && reader.states_rate() &&
      std::abs(report.fps / reader.fps() - 1) > kOtherRate) {
    notes.push_back(core::cat("plays at another rate than its header says (",
                              core::format_number(reader.fps(), 2), ")"));
  }
  return notes;
}

void read_frames(video::VideoReader& reader, const DataOptions& options, const FrameSink& sink,
                 VideoReport& report) {
  FrameSchedule schedule(options.fps);
  FrameFitter fitter(options, reader);
  ShotDetector shots;
  video::Frame frame, previous;
  bool cut = false, gap = false;
  int64_t repeated = 0;
  const auto pass_on = [&](int64_t copies) {
    repeated += std::max<int64_t>(copies - 1, 0);
    // A frame that is not shown leaves its mark on the next.
    if (copies > 0 && report.frames > 0) {
      if (cut) report.cuts.push_back(report.frames);
      if (gap) report.breaks.push_back(report.frames);
    }
    if (copies > 0) cut = gap = false;
    report.frames += copies;
    if (sink) {
      sink(options.color == Color::kGray ? video::to_gray(previous) : previous, copies);
    }
  };
  const auto next = [&] {
    try {
      return reader.skip();
    } catch (const Error& error) {
      report.problem = without_name(report.path, error);
      return false;
    }
  };
  while (next()) {
    core::stop_if_interrupted();
    fitter.show(frame);
    const int64_t copies = schedule.advance(reader.time());
    if (report.frames_read++ > 0) pass_on(copies);
    cut |= shots.begins_shot(frame, reader.time());
    gap |= reader.is_after_gap();
    std::swap(previous, frame);
  }
  if (!report.problem.empty()) return;
  if (report.frames_read == 0) {
    report.problem = "damaged: no frame can be decoded";
    return;
  }
  report.seconds = reader.end();
  pass_on(schedule.finish(report.seconds));
  report.fps = reader.pace().fps(reader.fps());
  report.frames_promised = reader.promised_frames();
  report.damage = describe_damage(reader, report);
  append(report.notes, describe_pace(reader, report));
  if (static_cast<double>(repeated) > kManyRepeated * static_cast<double>(report.frames)) {
    report.notes.push_back(core::cat("at data.fps ", options.fps, " ", repeated, " of ",
                                     report.frames, " frames repeat the one before"));
  }
  append(report.notes, reader.notes());
  append(report.notes, shots.notes(report.seconds));
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

std::vector<Shot> shots_of(const VideoReport& report, const DataOptions& options) {
  std::vector<int64_t> begins{0};
  append(begins, report.breaks);
  if (options.scene_cuts == SceneCuts::kSplit) append(begins, report.cuts);
  std::sort(begins.begin(), begins.end());
  begins.erase(std::unique(begins.begin(), begins.end()), begins.end());
  std::vector<Shot> shots;
  for (size_t i = 0; i < begins.size(); ++i) {
    shots.push_back({begins[i], i + 1 < begins.size() ? begins[i + 1] : report.frames});
  }
  return shots;
}

int64_t clips_in(const Shot& shot, const DataOptions& options) {
  return std::max<int64_t>(shot.end - shot.begin - options.span() + 1, 0);
}

void count_clips(VideoReport& report, const DataOptions& options) {
  report.clips = 0;
  int64_t longest = 0;
  const auto shots = shots_of(report, options);
  for (const Shot& shot : shots) {
    report.clips += clips_in(shot, options);
    longest = std::max(longest, shot.end - shot.begin);
  }
  if (report.problem.empty() && options.on_error == OnError::kStop) report.problem = report.damage;
  if (report.problem.empty()) report.problem = size_problem(report, options);
  if (!report.problem.empty() || report.clips > 0) return;
  report.problem = core::cat(
      "too short: ", report.frames, " frames",
      shots.size() > 1 ? core::cat(" in ", shots.size(), " shots, the longest of ", longest) : "",
      ", a clip of ", options.frames, " frames with frame_stride ", options.frame_stride, " needs ",
      options.span());
  if (!report.damage.empty()) report.problem += "; " + report.damage;
}

VideoReport inspect_video(const std::filesystem::path& path, const DataOptions& options) {
  VideoReport report = decode_video(path, options, core::usable_cpus(), nullptr);
  count_clips(report, options);
  return report;
}

}  // namespace vidgen::data
