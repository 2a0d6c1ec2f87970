#pragma once

#include <cstdint>

namespace vidgen::data {

/// Resampling to a fixed rate by the nearest frame: how many frames of the result each frame of the
/// source stands for.
class FrameSchedule {
 public:
  /// Frames per second of the result; 0 takes each frame once.
  explicit FrameSchedule(double fps) : fps_(fps) {}

  /// A frame of the source starts at `time` (in seconds, growing). Returns the copies of the frame
  /// before it; 0 for the first frame, which has none before.
  int64_t advance(double time) {
    const bool first = !started_;
    const double middle = (previous_ + time) / 2;
    started_ = true;
    previous_ = time;
    if (first) return 0;
    return fps_ > 0 ? take_until(middle) : 1;
  }

  /// The copies of the last frame.
  int64_t finish() {
    if (!started_) return 0;
    return fps_ > 0 ? take_until(previous_) : 1;
  }

 private:
  int64_t take_until(double time) {
    // Frames that fall in the middle between two go to the earlier, however the division was
    // rounded.
    constexpr double kRounding = 1e-6;
    int64_t count = 0;
    for (; static_cast<double>(next_) / fps_ <= time + kRounding; ++next_) ++count;
    return count;
  }

  const double fps_;
  bool started_ = false;
  double previous_ = 0;
  int64_t next_ = 0;
};

}  // namespace vidgen::data
