#include "vidgen/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
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

double lr_factor(const OptimOptions& options, int64_t step, int64_t steps) {
  const int64_t warmup = options.warmup_steps;
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double left = static_cast<double>(std::max<int64_t>(1, steps - warmup));
  const double done = std::min(1.0, static_cast<double>(step - warmup) / left);
  const double lost = 1 - options.final_lr_factor;
  switch (options.decay) {
    case Decay::kNone:
      return 1;
    case Decay::kLinear:
      return 1 - lost * done;
    case Decay::kCosine:
      return 1 - lost * (1 - std::cos(M_PI * done)) / 2;
  }
  return 1;
}

bool PreviewSchedule::is_due(int64_t step, Clock::time_point now) const {
  if (!is_missing(step)) return false;
  if (step % every_ == 0) return true;
  const std::chrono::duration<double, std::ratio<60>> passed = now - last_time_;
  return minutes_ > 0 && passed.count() >= minutes_;
}

void PreviewSchedule::made(int64_t step, Clock::time_point now) {
  last_step_ = step;
  last_time_ = now;
}

RunLength::RunLength(const TrainOptions& options)
    : most_(options.steps), budget_(60 * options.minutes), steps_(options.steps) {}

bool RunLength::passed(int64_t step, double seconds) {
  if (budget_ == 0) return false;
  seconds_ += seconds;
  const double measured = seconds_ - measured_seconds_;
  const double enough = budget_ / (measured_step_ == 0 ? 100 : 10);
  if (measured < enough && seconds_ < budget_ && step < steps_) return false;
  const double rate = static_cast<double>(step - measured_step_) / measured;
  measured_step_ = step;
  measured_seconds_ = seconds_;
  const int64_t before = steps_;
  fit(step, rate);
  return std::abs(steps_ - before) > before / 10;
}

void RunLength::fit(int64_t step, double rate) {
  const double fitting = std::max(0.0, budget_ - seconds_) * rate;
  const auto room = static_cast<double>(most_ - step);
  steps_ = step + static_cast<int64_t>(std::min(fitting, room));
}

void RunLength::count_anew(int64_t step) {
  steps_ = most_;
  if (budget_ > 0 && seconds_ > 0) fit(step, static_cast<double>(step) / seconds_);
}

void RunLength::visit(checkpoint::StateVisitor& visitor) {
  if (budget_ == 0) return;
  visitor.counter("run.length", steps_);
  visitor.number("run.seconds", seconds_);
  visitor.counter("run.measured_step", measured_step_);
  visitor.number("run.measured_seconds", measured_seconds_);
}

RunLength length_of_run(const checkpoint::Checkpoint& checkpoint, const RunOptions& options) {
  RunLength length(options.train);
  checkpoint::StateLoader loader(checkpoint.path, checkpoint.file);
  length.visit(loader);
  return length;
}

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
