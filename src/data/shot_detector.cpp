#include "shot_detector.h"

#include <algorithm>
#include <cmath>

#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

namespace vidgen::data {
namespace {

/// In levels of 0 to 255. The cut of Megamind.avi that is hardest to see has 40, the fastest
/// movement in bikes.mp4 30.
constexpr double kCut = 35;
/// Brighter than limited range's black where it is taken for full range.
constexpr uint8_t kBlackLevel = 20;
/// What coding leaves of the differences between frames of a still picture.
constexpr double kStill = 0.1;
constexpr double kShortestStretch = 1;
/// Fewer frames than this share that are stored twice are not worth a word.
constexpr double kManyTwice = 0.1;

bool is_black(const video::Frame& frame) {
  return std::all_of(frame.pixels.begin(), frame.pixels.end(),
                     [](uint8_t level) { return level <= kBlackLevel; });
}

}  // namespace

void ShotDetector::Stretches::add(bool lasts, double begins, double time) {
  if (lasts) {
    if (since < 0) since = begins;
    return;
  }
  if (since >= 0 && time - since >= kShortestStretch) {
    ++count;
    seconds += time - since;
    if (time - since > longest) {
      longest = time - since;
      longest_begins = since;
    }
  }
  since = -1;
}

bool ShotDetector::begins_shot(const video::Frame& frame, double time) {
  const bool first = frames_++ == 0;
  const double difference = first ? 0 : video::mean_difference(frame, before_);
  const double score = std::min(difference, std::abs(difference - last_difference_));
  black_.add(is_black(frame), time, time);
  if (!first) {
    repeated_ += difference == 0 ? 1 : 0;
    still_.add(difference <= kStill, last_time_, time);
  }
  before_ = frame;
  last_difference_ = difference;
  last_time_ = time;
  return !first && score > kCut;
}

std::vector<std::string> ShotDetector::notes(double end) {
  std::vector<std::string> notes;
  const auto tell = [&](const char* what, Stretches& stretches) {
    stretches.add(false, end, end);
    if (stretches.count == 0) return;
    notes.push_back(core::cat(what, " for ", core::format_number(stretches.seconds, 1), " s in ",
                              stretches.count, stretches.count == 1 ? " stretch" : " stretches",
                              ", the longest from ",
                              core::format_number(stretches.longest_begins, 1), " s on"));
  };
  tell("black", black_);
  tell("still", still_);
  if (static_cast<double>(repeated_) > kManyTwice * static_cast<double>(frames_)) {
    notes.push_back(
        core::cat(repeated_, " of ", frames_, " frames repeat the one before (data.fps)"));
  }
  return notes;
}

}  // namespace vidgen::data
