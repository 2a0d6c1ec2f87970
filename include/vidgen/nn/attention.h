#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <algorithm>

#include "vidgen/graph/graph.h"

namespace vidgen::nn {

/// Which positions attend to each other: those of one frame, or those of all frames of a clip.
enum class AttentionAxes { kSpace, kSpaceTime };

struct SelfAttentionOptions {
  /// Channels in and out.
  int64_t channels = 64;
  /// kSpaceTime holds (T*H*W)^2 attention weights a clip, kSpace T*(H*W)^2.
  AttentionAxes axes = AttentionAxes::kSpace;

  /// Channels of query and key: an eighth, at least one.
  int64_t query_channels() const { return std::max<int64_t>(1, channels / 8); }
};

/// Self-attention of SAGAN (Zhang et al., "Self-Attention Generative Adversarial Networks", 2019):
/// y = gamma * softmax_j(q_i . k_j) v_j + x, where gamma starts at 0, so that a new block changes
/// nothing.
///
/// Parameters: query, key, value (1x1 convolutions with bias) and gamma [1].
class SelfAttentionImpl : public torch::nn::Cloneable<SelfAttentionImpl>, public graph::Block {
 public:
  explicit SelfAttentionImpl(SelfAttentionOptions options);

  /// Takes frames [M,C,H,W], of which each `frames` in a row are one clip (counts for kSpaceTime
  /// only), or clips [B,C,T,H,W], for which `frames` is ignored. Returns the shape and memory
  /// layout of x.
  torch::Tensor forward(const torch::Tensor& x, int64_t frames = 1);
  /// The same of frames {x}.
  graph::Value describe(graph::Graph& graph, const std::vector<graph::Value>& inputs,
                        const std::string& name) const override;
  graph::Shape shape(const std::vector<graph::Shape>& inputs) const override {
    return inputs.front();
  }
  void reset() override;

  SelfAttentionOptions options;
  torch::nn::Conv2d query{nullptr};
  torch::nn::Conv2d key{nullptr};
  torch::nn::Conv2d value{nullptr};
  torch::Tensor gamma;

 private:
  torch::Tensor attend(const torch::Tensor& images, int64_t groups);
};
TORCH_MODULE(SelfAttention);

}  // namespace vidgen::nn
