#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/types.h>

#include <map>
#include <optional>
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

/// What the rows of a tensor are: each `frames` in a row are one clip, and the clips are of so many
/// batches one behind the other, each of the same size.
struct Rows {
  Rows(int64_t frames, int64_t batches = 1) : frames(frames), batches(batches) {}

  int64_t frames, batches;
};

/// Layers that run one after the other, with self-attention behind some of them. Residual blocks
/// and MinibatchStddev are told what clips the rows are of. The blocks of attention have names of
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

  /// Takes frames [M,C,H,W] or clips [B,C,T,H,W], of which `rows` says more. With
  /// Backend::recompute, each part is computed again. `stages`, if given, is filled. `code` is that
  /// of Warp, [M,code_dim]; with one, x is of clips [B,C,H,W].
  torch::Tensor forward(torch::Tensor x, Rows rows, const LayerObserver& observer,
                        StageOutputs* stages = nullptr, const torch::Tensor& code = {});
  /// The same of frames, without a stack; weights are called after `name`. Where there is a Warp, x
  /// are all frames, not one a clip.
  graph::Value describe(graph::Graph& graph, graph::Value x, graph::Value code,
                        const std::string& name) const;

 private:
  /// What the rows are at this layer.
  Rows rows_at(size_t index, Rows rows) const {
    if (index <= warp_behind_ && warp_) return {1, rows.batches};
    return {index < stack_before_ ? rows.frames : rows.frames / frame_stack_, rows.batches};
  }

  struct Attention {
    std::string name;
    SelfAttention block;
  };
  torch::Tensor run_layer(size_t index, const torch::Tensor& x, Rows rows,
                          const LayerObserver& observer);
  torch::Tensor run(torch::Tensor x, size_t first, size_t end, Rows rows,
                    const LayerObserver& observer);
  /// The slope of the activation right behind a batch normalisation, with which it is one pass;
  /// nothing where that is not so, or not before `end`.
  std::optional<double> slope_behind(size_t index, size_t end) const;
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
