#include "vidgen/data/clip_rates.h"

#include <algorithm>

#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

namespace vidgen::data {

ClipRates::ClipRates(const DataOptions& options, const ClipCache& cache) : options_(options) {
  std::vector<double> clips(options.sources.size(), 0);
  for (const CachedVideo& video : cache.videos) {
    clips.at(video.entry.source) += static_cast<double>(video.report.clips);
  }
  for (const CachedVideo& video : cache.videos) {
    const double share = static_cast<double>(video.report.clips) / clips.at(video.entry.source);
    add(video.report.fps, video.entry.weight * share);
  }
}

void ClipRates::add(double fps, double weight) {
  const double rate = options_.fps > 0 ? options_.fps : fps;
  rates_.emplace_back(rate / static_cast<double>(options_.frame_stride), weight);
}

double ClipRates::usual() const {
  auto sorted = rates_;
  std::sort(sorted.begin(), sorted.end());
  double total = 0;
  for (const auto& [rate, weight] : sorted) total += weight;
  double sum = 0;
  for (const auto& [rate, weight] : sorted) {
    sum += weight;
    if (sum >= total / 2) return rate;
  }
  return sorted.back().first;
}

std::string ClipRates::differences() const {
  constexpr double kSame = 1.02;
  if (rates_.empty()) return "";
  const auto [slow, fast] = std::minmax_element(rates_.begin(), rates_.end());
  if (fast->first < slow->first * kSame) return "";
  const auto number = [](double value) { return core::format_number(value, 2); };
  const auto seconds = [&](double rate) {
    return number(static_cast<double>(options_.frames) / rate);
  };
  return core::cat("the videos play at different rates: clips of ", options_.frames,
                   " frames last from ", seconds(fast->first), " s (at ", number(fast->first),
                   " frames a second) to ", seconds(slow->first), " s (at ", number(slow->first),
                   "), and samples play at ", number(usual()), "; data.fps makes them alike");
}

}  // namespace vidgen::data
