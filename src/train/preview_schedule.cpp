#include "vidgen/train/preview_schedule.h"

namespace vidgen::train {

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

}  // namespace vidgen::train
