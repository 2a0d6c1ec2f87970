#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace vidgen::data {

/// Resampling to a fixed rate: how many frames of the result each frame of the source stands for.
/// A frame is shown from its own time until that of the next, both rounded to the result's grid.
class FrameSchedule {
 public:
  /// Frames per second of the result; 0 takes each frame once.
  explicit FrameSchedule(double fps) : fps_(fps) {}

  /// A frame of the source starts at `time` (in seconds, never falling, from 0). Returns the copies
  /// of the frame before it; 0 for the first frame, which has none before.
  int64_t advance(double time) {
    const bool first = !started_;
    started_ = true;
    if (first) return 0;
    return fps_ > 0 ? take_until(time) : 1;
  }

  /// The copies of the last frame, which is shown until `end`. At least one frame is shown in all.
  int64_t finish(double end) {
    if (!started_) return 0;
    if (fps_ <= 0) return 1;
    const int64_t copies = take_until(end);
    return next_ == 0 ? 1 : copies;
  }

 private:
  int64_t take_until(double time) {
    // Frames in the middle between two places go to the later one, also where their times are
    // rounded to milliseconds.
    constexpr double kRounding = 0.05;
    const auto place = static_cast<int64_t>(std::floor(time * fps_ + 0.5 + kRounding));
    const int64_t copies = std::max<int64_t>(place - next_, 0);
    next_ += copies;
    return copies;
  }

  const double fps_;
  bool started_ = false;
  int64_t next_ = 0;
};

}  // namespace vidgen::data
