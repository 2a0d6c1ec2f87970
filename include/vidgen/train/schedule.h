#pragma once

#include "vidgen/train/options.h"

namespace vidgen::train {

/// The factor of the learning rates in step number `step` (from 0) of `steps`: (step + 1) /
/// warmup_steps in the warm-up; then, with p the share of the other steps that are done, 1 less
/// (1 - final_lr_factor) times p (linear) or times (1 - cos(pi p)) / 2 (cosine; Loshchilov and
/// Hutter, "SGDR", 2017).
double lr_factor(const OptimOptions& options, int64_t step, int64_t steps);

}  // namespace vidgen::train
