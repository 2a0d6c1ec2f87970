#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/types.h>

#include <optional>

namespace vidgen::nn {

/// layer(x) by kernels/picture_layer.h where it is a 3x3 convolution of pictures of the same size
/// to 1 or 3 channels that the loops know; nothing otherwise. x is on the CPU in float32 or
/// bfloat16, the weights are in float32. Gradients of any order can be taken.
std::optional<torch::Tensor> to_picture(const torch::nn::Conv2dImpl& layer, const torch::Tensor& x);

}  // namespace vidgen::nn
