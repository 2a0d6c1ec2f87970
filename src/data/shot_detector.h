#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vidgen/video/frame.h"

namespace vidgen::data {

/// Looks at the frames of a video one after another, for cuts, and for stretches from which there
/// is nothing to learn.
class ShotDetector {
 public:
  /// The next frame, RGB, of the size of the one before, shown at `time` seconds. Returns whether a
  /// shot begins with it: the score of FFmpeg's filter `scene` (mean absolute difference to the
  /// frame before, or how much that differs from the difference before, whichever is smaller, over
  /// 100 levels) is above 0.35.
  bool begins_shot(const video::Frame& frame, double time);
  /// Black and still stretches of at least a second, and frames that repeat the one before.
  std::vector<std::string> notes(double end);

 private:
  struct Stretches {
    int64_t count = 0;
    double seconds = 0;
    double longest = 0;
    double longest_begins = 0;
    /// Since when it has lasted; negative where it does not.
    double since = -1;

    void add(bool lasts, double begins, double time);
  };

  video::Frame before_;
  double last_difference_ = 0;
  double last_time_ = 0;
  int64_t frames_ = 0;
  int64_t repeated_ = 0;
  Stretches black_, still_;
};

}  // namespace vidgen::data
