#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/types.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vidgen/nn/attention.h"
#include "vidgen/nn/observer.h"
#include "vidgen/nn/warp.h"

namespace vidgen::nn {

/// What the parts of a network put out, all but the last, in their order. A part is a convolution
/// or a residual block and what follows it, up to the next one.
using StageOutputs = std::vector<torch::Tensor>;

/// Layers that run one after the other, with self-attention behind some of them. Residual blocks
/// and MinibatchStddev are told how many frames a clip has. The blocks of attention have names of
/// their own, so that those of the layers stay what they are without attention.
///
/// A part of a module, built anew in its reset(): add the layers in their order, then
/// register_in().
class Stages {
 public:
  template <class Layer>
  void add(Layer layer) {
    main_->push_back(std::move(layer));
  }
  /// Attention behind the layer that was added last, at this resolution, if it is one of `wanted`.
  void add_attention(const std::vector<int64_t>& wanted, int64_t resolution,
                     const SelfAttentionOptions& options);
  /// The layers added from here on see each `frames` in a row as one picture with the channels of
  /// all. Once.
  void add_frame_stack(int64_t frames);
  /// Behind the layer that was added last, what a clip shows is moved to its place in each frame:
  /// the layers before see one picture a clip. Once, before a convolution or residual block.
  void add_warp(int64_t resolution, const WarpOptions& options);
  /// Makes the layers submodules of `owner`: "main.<i>", "attention_<resolution>" and
  /// "warp_<resolution>".
  void register_in(torch::nn::Module& owner);

  /// Takes frames [M,C,H,W] or clips [B,C,T,H,W]; `frames` as for SelfAttention. With
  /// Backend::recompute, each part is computed again. `stages`, if given, is filled. `code` is that
  /// of Warp, [M,code_dim]; with one, x is of clips [B,C,H,W].
  torch::Tensor forward(torch::Tensor x, int64_t frames, const LayerObserver& observer,
                        StageOutputs* stages = nullptr, const torch::Tensor& code = {});
  /// The same of frames, without a stack; weights are called after `name`. Where there is a Warp, x
  /// are all frames, not one a clip.
  graph::Value describe(graph::Graph& graph, graph::Value x, graph::Value code,
                        const std::string& name) const;

 private:
  /// The frames of a clip at this layer.
  int64_t frames_at(size_t index, int64_t frames) const {
    if (index <= warp_behind_ && warp_) return 1;
    return index < stack_before_ ? frames : frames / frame_stack_;
  }

  struct Attention {
    std::string name;
    SelfAttention block;
  };
  torch::Tensor run_layer(size_t index, const torch::Tensor& x, int64_t frames,
                          const LayerObserver& observer);
  torch::Tensor run(torch::Tensor x, size_t first, size_t end, int64_t frames,
                    const LayerObserver& observer);
  std::vector<std::shared_ptr<torch::nn::Module>> layers(size_t first, size_t end) const;
  /// Where the part that begins at `first` ends: before the next convolution or residual block.
  size_t end_of_part(size_t first) const;

  torch::nn::Sequential main_;
  /// By the index in main_ of the layer before.
  std::map<size_t, Attention> attention_;
  int64_t frame_stack_ = 1;
  /// The index in main_ of the first layer that sees stacked frames.
  size_t stack_before_ = 0;
  /// Empty without, and the index in main_ of the layer before.
  Warp warp_{nullptr};
  std::string warp_name_;
  size_t warp_behind_ = 0;
};

}  // namespace vidgen::nn
