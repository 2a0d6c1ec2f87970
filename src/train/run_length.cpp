#include "vidgen/train/run_length.h"

#include <algorithm>
#include <cstdlib>

namespace vidgen::train {

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

}  // namespace vidgen::train
