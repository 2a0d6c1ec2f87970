#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <optional>

namespace vidgen::nn {

/// What `layer` makes of x by the Winograd algorithm, or for single pixels by a matrix product,
/// where that is known to be faster than LibTorch's own convolution in at least one of the three
/// directions (result, gradients of input and weights); nothing otherwise. The rounding differs:
/// about 1e-5 of the results' standard deviation. Which algorithm runs depends on the sizes alone,
/// so that a run can be repeated.
///
/// Considered are Conv2d, Conv3d and ConvTranspose2d of 4x4 pixels (any number of frames), stride 2
/// (1 in time) and padding 1 (0 in time), and ConvTranspose2d without padding of a picture of one
/// pixel; in float32 on the CPU outside autocast, with Backend::winograd.
/// Gradients of any order can be taken.
std::optional<torch::Tensor> fast_convolution(const torch::nn::Module& layer,
                                              const torch::Tensor& x);

/// layer(x) by fast_convolution() where it knows better, by LibTorch otherwise. `layer` holds a
/// convolution.
template <class Layer>
torch::Tensor convolve(Layer& layer, const torch::Tensor& x) {
  const auto fast = fast_convolution(*layer, x);
  return fast ? *fast : layer->forward(x);
}

}  // namespace vidgen::nn
