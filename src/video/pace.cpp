#include "vidgen/video/pace.h"

#include <algorithm>
#include <cmath>

namespace vidgen::video {
namespace {

/// Below two, so that a frame that is shown twice as long as the others does not count; above the
/// 1.5 of films at 24 frames a second that were stored in thirtieths.
constexpr double kSpread = 1.75;
constexpr double kRounding = 0.005;
constexpr double kUneven = 0.25;

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::vector<double> positive(const std::vector<double>& values) {
  std::vector<double> result;
  std::copy_if(values.begin(), values.end(), std::back_inserter(result),
               [](double value) { return value > 0; });
  return result;
}

}  // namespace

double Pace::median(double stated) const {
  const auto distances = positive(distances_);
  if (distances.empty()) return 1 / (stated > 0 ? stated : kUnstatedFps);
  return median_of(distances);
}

double Pace::fps(double stated) const {
  const double middle = median(stated);
  double sum = 0;
  int64_t count = 0;
  for (const double distance : positive(distances_)) {
    if (distance < middle / kSpread || distance > middle * kSpread) continue;
    sum += distance;
    ++count;
  }
  const double measured = count > 0 ? static_cast<double>(count) / sum : 1 / middle;
  return stated > 0 && std::abs(measured / stated - 1) < kRounding ? stated : measured;
}

double Pace::unevenness() const {
  if (distances_.empty()) return 0;
  const double usual = 1 / fps(0);
  const auto uneven = std::count_if(distances_.begin(), distances_.end(), [usual](double distance) {
    return std::abs(distance / usual - 1) > kUneven;
  });
  return static_cast<double>(uneven) / static_cast<double>(distances_.size());
}

double Pace::longest() const {
  return distances_.empty() ? 0 : *std::max_element(distances_.begin(), distances_.end());
}

}  // namespace vidgen::video
