#pragma once

#include <cstdint>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/train/options.h"

namespace vidgen::train {

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

}  // namespace vidgen::train
