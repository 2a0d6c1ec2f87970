#include "vidgen/train/run_estimate.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace vidgen::train {
namespace {

/// Steps between two previews, with those that sample_minutes adds.
double steps_between_previews(const TrainOptions& options, double step_seconds) {
  const auto every = static_cast<double>(options.sample_every);
  if (options.sample_minutes == 0 || step_seconds == 0) return every;
  return std::min(every, std::ceil(60 * options.sample_minutes / step_seconds));
}

}  // namespace

RunEstimate estimate_run(const TrainOptions& options, const RunCosts& costs) {
  const bool shows = options.sample_every > 0, evaluates = options.evaluate.every > 0;
  const double between = steps_between_previews(options, costs.step);
  double whole_step = costs.step;
  if (shows) whole_step += costs.preview / between;
  if (evaluates) whole_step += costs.evaluation / static_cast<double>(options.evaluate.every);

  RunEstimate estimate;
  estimate.steps = options.steps;
  if (options.minutes > 0 && whole_step > 0) {
    const double fitting = 60 * options.minutes / whole_step;
    if (fitting < static_cast<double>(options.steps)) {
      estimate.steps = std::max<int64_t>(1, static_cast<int64_t>(fitting));
    }
  }
  const auto steps = static_cast<double>(estimate.steps);
  // Before the first step, on the way, and where the run ends.
  if (shows) estimate.previews = 1 + static_cast<int64_t>(std::ceil(steps / between));
  if (evaluates) estimate.evaluations = estimate.steps / options.evaluate.every;
  estimate.in_steps = steps * costs.step;
  estimate.in_previews = static_cast<double>(estimate.previews) * costs.preview;
  estimate.in_evaluations = static_cast<double>(estimate.evaluations) * costs.evaluation;
  return estimate;
}

double median_time(const std::function<double()>& work) {
  constexpr size_t kMost = 5;
  constexpr double kEnoughSeconds = 2;
  std::vector<double> times;
  double total = 0;
  while (times.empty() || (times.size() < kMost && total < kEnoughSeconds)) {
    times.push_back(work());
    total += times.back();
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace vidgen::train
