#pragma once

#include "vidgen/train/augment.h"

namespace vidgen::train {

/// Whether augment_by_loops() takes such clips: on the CPU in float32 or bfloat16, of 1 or 3
/// channels, channels last and without gaps.
bool has_augment_loops(const torch::Tensor& clips);

/// augment() in one pass forward and one backward. `amounts` [B,3] of brightness, saturation and
/// contrast, of which 0 changes nothing; `shift` [B,2] int64, how many lines further down and
/// columns further right a pixel comes from; `square` [B,2] int64 the first line and column of what
/// is cut out, of `side` pixels a side. Differentiable any number of times.
torch::Tensor augment_by_loops(const torch::Tensor& clips, const torch::Tensor& amounts,
                               const torch::Tensor& shift, const torch::Tensor& square,
                               int64_t side);

}  // namespace vidgen::train
