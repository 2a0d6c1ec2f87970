#pragma once

#include <vector>

namespace vidgen::video {

/// The rate of a video that does not say one.
constexpr double kUnstatedFps = 25;

/// The rhythm of a video by the times at which its frames are shown, whatever its header says.
class Pace {
 public:
  /// A frame was shown `seconds` after the one before.
  void add(double seconds) { distances_.push_back(seconds); }

  /// Frames a second: one over the mean of those distances that are within a factor of 1.75 of
  /// their median, so that neither jitter, however lopsided, nor pauses or single frames that are
  /// missing count. `stated` is the header's rate, which is taken where it differs by less than
  /// half a percent (stamps are rounded), and where there are no distances; 25 when that is 0, too.
  double fps(double stated) const;
  /// Seconds that most frames are shown; as fps().
  double median(double stated) const;
  /// Share of the frames that are shown for another time than most, by more than a quarter.
  double unevenness() const;
  /// The longest time that a frame is shown.
  double longest() const;

 private:
  std::vector<double> distances_;
};

}  // namespace vidgen::video
