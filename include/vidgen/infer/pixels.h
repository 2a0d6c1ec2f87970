#pragma once

#include <torch/types.h>

namespace vidgen::infer {

/// What a last layer sums up, before its tanh -> the pixels of models::to_rgb(), in one pass over
/// memory: round(127.5 * (tanh(sums) + 1)), grey repeated, as uint8 RGB [M,S,S,3]. tanh is exact to
/// 3e-7, so that a pixel may be the next one where it lies that near the middle between two. What
/// is not a number is black.
///
/// `sums`: [M,C,S,S] on the CPU, float32 or bfloat16, C 3 or 1; copied unless channels_last. With
/// `phases` they are those of a layer that doubles, [M,4C,S/2+1,S/2+1]: pixel (2r+a, 2q+b) of
/// channel c is sums[m, (2a+b)C+c, r+a, q+b].
torch::Tensor tanh_to_rgb(const torch::Tensor& sums, bool phases = false);

}  // namespace vidgen::infer
