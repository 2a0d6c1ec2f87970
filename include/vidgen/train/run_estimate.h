#pragma once

#include <cstdint>
#include <functional>

#include "vidgen/train/options.h"

namespace vidgen::train {

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
