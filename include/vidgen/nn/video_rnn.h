#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/rnn.h>
#include <torch/nn/pimpl.h>

#include "vidgen/nn/motion.h"

namespace vidgen::nn {

enum class RnnCell { kLstm, kGru };

struct VideoRnnOptions {
  RnnCell cell = RnnCell::kLstm;
  /// D, the length of a latent.
  int64_t dim = 100;
  int64_t hidden = 64;
  int64_t layers = 1;
};

/// A stack of LSTM or GRU layers over a sequence of latents, and a linear map from its state back
/// to a latent. The state starts at zero. Parameters: rnn.*, fc.*.
class VideoRnnImpl : public torch::nn::Cloneable<VideoRnnImpl>, public Motion {
 public:
  explicit VideoRnnImpl(VideoRnnOptions options);

  /// x [B,T,D] -> [B,T,D], one latent a step: a motion path from noise.
  torch::Tensor forward(const torch::Tensor& x);
  /// x [B,T,D] -> [B,D]: the latent that follows, which is the last step of forward().
  torch::Tensor predict_next(const torch::Tensor& x);
  torch::Tensor next(const MotionNoise& noise, int64_t frames, MotionState& state) override;
  MotionOutputs describe(graph::Graph& graph, const MotionInputs& inputs) const override;
  void reset() override;

  VideoRnnOptions options;

 private:
  /// The states of the last layer, [B,T,hidden]; `memory` is what steps before left, or empty, and
  /// becomes what the next ones need.
  torch::Tensor states(const torch::Tensor& x, std::vector<torch::Tensor>& memory);

  // The one that options.cell names; the other stays empty.
  torch::nn::LSTM lstm_{nullptr};
  torch::nn::GRU gru_{nullptr};
  torch::nn::Linear fc_{nullptr};
};
TORCH_MODULE(VideoRnn);

}  // namespace vidgen::nn
