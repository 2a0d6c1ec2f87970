#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/train/options.h"

namespace vidgen::train {

/// The factor of the learning rates in step number `step` (from 0) of `steps`: (step + 1) /
/// warmup_steps in the warm-up; then, with p the share of the other steps that are done, 1 less
/// (1 - final_lr_factor) times p (linear) or times (1 - cos(pi p)) / 2 (cosine; Loshchilov and
/// Hutter, "SGDR", 2017).
double lr_factor(const OptimOptions& options, int64_t step, int64_t steps);

/// When a run makes a sheet of samples: before its first step, every train.sample_every steps, when
/// the last one is train.sample_minutes old, and where it ends or is stopped; never twice of the
/// same step, and not at all with sample_every 0. What is trained does not depend on it.
class PreviewSchedule {
 public:
  using Clock = std::chrono::steady_clock;

  /// Time counts from `now` on.
  PreviewSchedule(const TrainOptions& options, Clock::time_point now)
      : every_(options.sample_every), minutes_(options.sample_minutes), last_time_(now) {}

  bool enabled() const { return every_ > 0; }
  /// Whether one is to be made after this step.
  bool is_due(int64_t step, Clock::time_point now) const;
  /// Whether one is to be made of this step, at which the run begins, ends or is stopped.
  bool is_missing(int64_t step) const { return enabled() && step != last_step_; }
  /// There is one of this step.
  void made(int64_t step, Clock::time_point now);

 private:
  int64_t every_;
  double minutes_;
  int64_t last_step_ = -1;
  Clock::time_point last_time_;
};

/// How many steps a run has: train.steps, or as many of them as fit into train.minutes. How many
/// fit is measured when a hundredth of the minutes is over, again after each further tenth by that
/// tenth, and when the steps are done but not the minutes: so a run ends in time, give or take a
/// step, also when its machine gets busy or idle on the way.
class RunLength {
 public:
  explicit RunLength(const TrainOptions& options);

  /// As far as it is known: train.steps until it was measured.
  int64_t steps() const { return steps_; }
  /// `step` steps are done; the last one, with what was written after the one before, took so many
  /// seconds. Returns whether the number of steps changed by more than a tenth.
  bool passed(int64_t step, double seconds);
  /// The options are others than those that the state is of: how many steps fit is counted by the
  /// mean speed so far.
  void count_anew(int64_t step);
  /// Nothing where train.minutes is 0.
  void visit(checkpoint::StateVisitor& visitor);

 private:
  /// As many steps more as fit into what is left of the time, at so many a second.
  void fit(int64_t step, double rate);

  const int64_t most_;
  /// Seconds; 0 does not limit.
  const double budget_;
  int64_t steps_;
  double seconds_ = 0;
  /// When the steps were last counted.
  int64_t measured_step_ = 0;
  double measured_seconds_ = 0;
};

/// That of the run that a checkpoint is of, which has these options, as far as it was known then.
RunLength length_of_run(const checkpoint::Checkpoint& checkpoint, const RunOptions& options);

/// What a run spends time on, as measured, in seconds.
struct RunCosts {
  double first_step = 0;
  /// A step after it, penalties that come in some steps only by their share.
  double step = 0;
  /// The clips of a sheet of samples, without writing them.
  double preview = 0;
  double evaluation = 0;
  /// Memory of the process after the steps, at most.
  uint64_t peak_bytes = 0;
};

/// How long a whole run takes from its first step on.
struct RunEstimate {
  int64_t steps = 0;
  int64_t previews = 0;
  int64_t evaluations = 0;
  /// Seconds of each, and of all together.
  double in_steps = 0;
  double in_previews = 0;
  double in_evaluations = 0;
  double total() const { return in_steps + in_previews + in_evaluations; }
};

/// From train.steps, or as many of them as fit into train.minutes, with the samples and evaluations
/// that come with them. What is not measured is not in it: reading the videos first, checkpoints,
/// what else the machine does.
RunEstimate estimate_run(const TrainOptions& options, const RunCosts& costs);

/// The median of what `work` returns, seconds: of five, or as many as fit into two seconds.
double median_time(const std::function<double()>& work);

}  // namespace vidgen::train
