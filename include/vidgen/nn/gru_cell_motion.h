#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/rnn.h>
#include <torch/nn/pimpl.h>

#include "vidgen/nn/motion.h"

namespace vidgen::nn {

struct GruCellMotionOptions {
  /// D, the length of the noise, the state and the motion code.
  int64_t dim = 10;
};

/// The motion path of MoCoGAN (Tulyakov et al., 2018): h_{t+1} = GRUCell(noise_t, h_t), and frame t
/// gets h_{t+1}, so that h_0 itself makes no frame. Parameters: recurrent.*.
class GruCellMotionImpl : public torch::nn::Cloneable<GruCellMotionImpl>, public Motion {
 public:
  explicit GruCellMotionImpl(GruCellMotionOptions options);

  /// noise [B,T,D], initial (h_0) [B,D] -> [B,T,D].
  torch::Tensor forward(const torch::Tensor& noise, const torch::Tensor& initial);
  torch::Tensor next(const MotionNoise& noise, int64_t frames, MotionState& state) override;
  MotionOutputs describe(graph::Graph& graph, const MotionInputs& inputs) const override;
  void reset() override;

  GruCellMotionOptions options;

 private:
  torch::nn::GRUCell recurrent_{nullptr};
};
TORCH_MODULE(GruCellMotion);

}  // namespace vidgen::nn
