#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/conv.h>
#include <torch/types.h>

#include <optional>
#include <type_traits>

namespace vidgen::nn {

/// What `layer` makes of x by the Winograd algorithm, where few channels are made by a convolution
/// to their phases (phases.h) or by loops of our own (kernels/picture_layer.h), or from and to
/// single pixels by a matrix product, where that is known to be faster than LibTorch's own
/// convolution in at least one of the three directions (result, gradients of input and weights);
/// nothing otherwise. The rounding differs: about 1e-5 of the results' standard deviation in
/// float32, and as much as LibTorch's own in bfloat16. Which algorithm runs depends on the sizes
/// and the precision alone, so that a run can be repeated.
///
/// Considered are Conv2d, Conv3d and ConvTranspose2d of 4x4 pixels (any number of frames), stride 2
/// (1 in time) and padding 1 (0 in time), Conv2d of 3x3 pixels and padding 1 to 1 or 3 channels,
/// Conv2d without padding to one pixel and ConvTranspose2d without padding of one; on the CPU in
/// float32, or under autocast in bfloat16, with Backend::winograd. Weights, and their gradients,
/// are in float32. Gradients of any order can be taken.
std::optional<torch::Tensor> fast_convolution(const torch::nn::Module& layer,
                                              const torch::Tensor& x);

/// layer(x) by LibTorch's kernels, and all gradients of gradients by those for gradients: LibTorch
/// itself computes a weight's gradient within a second backward pass as a convolution that has the
/// batch for channels and the picture for a filter. On the CPU in float32, in which penalties are;
/// otherwise layer.forward(x).
torch::Tensor plain_convolution(torch::nn::Conv2dImpl& layer, const torch::Tensor& x);

/// layer(x) by fast_convolution() where it knows better, by LibTorch otherwise. `layer` holds a
/// convolution.
template <class Layer>
torch::Tensor convolve(Layer& layer, const torch::Tensor& x) {
  if (auto fast = fast_convolution(*layer, x)) return *fast;
  if constexpr (std::is_same_v<Layer, torch::nn::Conv2d>) return plain_convolution(*layer, x);
  return layer->forward(x);
}

/// A transposed convolution of 4x4 pixels, stride 2 and padding 1 by the Winograd algorithm, whose
/// weights stay as they are: their transform is made once. Bias and activation are part of the
/// pass that writes the result. On the CPU, without gradients.
class DoublingConvolution {
 public:
  /// weight [in,out,4,4], bias [out], both in float32; pictures are of `type`, float32 or bfloat16.
  /// What is negative in the result is multiplied by `slope`: 1 leaves it, 0 is ReLU, 0.2 a leaky
  /// ReLU.
  DoublingConvolution(const torch::Tensor& weight, const torch::Tensor& bias, double slope,
                      at::ScalarType type);

  /// Whether fast_convolution() would use the algorithm for so many pictures of this size, and for
  /// any number of any size.
  bool pays(int64_t pictures, int64_t height, int64_t width) const;
  static bool may_pay(const torch::Tensor& weight, at::ScalarType type);

  /// x [M,in,H,W], H and W even -> [M,out,2H,2W], channels_last.
  torch::Tensor operator()(const torch::Tensor& x) const;

 private:
  int64_t in_, out_;
  torch::Tensor prepared_, bias_;
  double slope_;
};

}  // namespace vidgen::nn
