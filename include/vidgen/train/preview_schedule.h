#pragma once

#include <chrono>
#include <cstdint>

#include "vidgen/train/options.h"

namespace vidgen::train {

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

}  // namespace vidgen::train
