#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

#include <utility>

#include "vidgen/nn/motion.h"

namespace vidgen::nn {

struct SinusoidalMotionOptions {
  /// D, the length of the noise and of the motion code; even.
  int64_t dim = 10;
  int64_t hidden = 64;
};

/// D / 2 waves, each a sine and a cosine: of frame t and wave j, sqrt(2) sin(w_j t + p_j) and
/// sqrt(2) cos(w_j t + p_j). The first half of the noise gives the phases, p_j = pi noise_j; the
/// second half the frequencies, through a layer of LeakyReLU 0.2 and sigmoid, 0 < w_j < pi / 2 (a
/// period of four frames). Stationary, as ConvolutionMotion, and frame t needs no other. After the
/// positional codes of StyleGAN-V (Skorokhodov et al., 2022), whose waves also change along a clip.
/// Parameters: frequency.0.*, frequency.2.*.
class SinusoidalMotionImpl : public torch::nn::Cloneable<SinusoidalMotionImpl>, public Motion {
 public:
  explicit SinusoidalMotionImpl(SinusoidalMotionOptions options);

  /// noise of a clip [B,D] -> [B,frames,D], from frame `first` on.
  torch::Tensor forward(const torch::Tensor& noise, int64_t frames, int64_t first = 0);
  torch::Tensor next(const MotionNoise& noise, int64_t frames, MotionState& state) override;
  /// The angle is computed in float64.
  torch::Tensor next_row(const MotionNoise& noise, MotionState& state) override;
  MotionOutputs describe(graph::Graph& graph, const MotionInputs& inputs) const override;
  void reset() override;

  SinusoidalMotionOptions options;

 private:
  /// Frequencies and phases [B,D/2].
  std::pair<torch::Tensor, torch::Tensor> waves(const torch::Tensor& noise);

  torch::nn::Sequential frequency_;
};
TORCH_MODULE(SinusoidalMotion);

}  // namespace vidgen::nn
