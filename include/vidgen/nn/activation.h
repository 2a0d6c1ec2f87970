#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

namespace vidgen::nn {

/// Leaky ReLU in one pass forward and one backward, with what comes right before it. On the CPU in
/// float32 and bfloat16 by loops of our own, rounded once, elsewhere by LibTorch's operations.
/// Gradients of any order can be taken.

/// The slope of what is negative in all of vidgen's own blocks.
inline constexpr double kSlope = 0.2;

/// lrelu(x), in the memory of x unless x is a view.
torch::Tensor rectified(torch::Tensor x);

/// lrelu(factor * (first + second)), of equal sizes.
torch::Tensor rectified_sum(const torch::Tensor& first, const torch::Tensor& second, double factor);

/// lrelu(factor * (norm(x) + skip)): `norm` is a BatchNorm2d or BatchNorm3d, `skip` [M,C,H/2,W/2],
/// of which each pixel is repeated twice each way, or undefined for zeros. What is negative is
/// multiplied by `slope`, 0 to 1. In training the statistics of the batch are used, and the running
/// ones follow, as in torch.nn.BatchNorm2d.
torch::Tensor rectified_norm(torch::nn::Module& norm, const torch::Tensor& x,
                             const torch::Tensor& skip = {}, double factor = 1,
                             double slope = kSlope);

}  // namespace vidgen::nn
