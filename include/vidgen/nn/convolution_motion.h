#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

#include "vidgen/nn/motion.h"

namespace vidgen::nn {

struct ConvolutionMotionOptions {
  /// D, the length of the noise and of the motion code.
  int64_t dim = 10;
  int64_t hidden = 64;
  int64_t layers = 1;
  int64_t kernel = 11;
};

/// A motion path by convolutions over time without padding, LeakyReLU 0.2 between them, as in
/// StyleGAN-V (Skorokhodov et al., 2022). Frame t depends on the noise t ... t + layers * (kernel -
/// 1) and on nothing else, and by the same function for every t: the path is stationary, so that a
/// long clip drifts nowhere, and any part of it can be computed by itself. Parameters: main.<i>.*.
class ConvolutionMotionImpl : public torch::nn::Cloneable<ConvolutionMotionImpl>, public Motion {
 public:
  explicit ConvolutionMotionImpl(ConvolutionMotionOptions options);

  /// noise [B, T + layers * (kernel - 1), D] -> [B,T,D].
  torch::Tensor forward(const torch::Tensor& noise);
  torch::Tensor next(const MotionNoise& noise, int64_t frames, MotionState& state) override;
  MotionOutputs describe(graph::Graph& graph, const MotionInputs& inputs) const override;
  void reset() override;

  ConvolutionMotionOptions options;

 private:
  torch::nn::Sequential main_;
};
TORCH_MODULE(ConvolutionMotion);

}  // namespace vidgen::nn
