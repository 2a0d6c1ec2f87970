#include "vidgen/train/schedule.h"

#include <algorithm>
#include <cmath>

namespace vidgen::train {

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

}  // namespace vidgen::train
