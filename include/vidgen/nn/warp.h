#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <string>

#include "vidgen/graph/graph.h"

namespace vidgen::nn {

struct WarpOptions {
  /// Length of an object's code in a frame.
  int64_t code_dim = 10;
  /// Of the features.
  int64_t channels = 64;
  /// Groups of channels that move independently; a divisor of the channels.
  int64_t groups = 1;
  /// Width of the hidden layer that turns a code into motions.
  int64_t hidden = 64;
  /// Groups, the first ones, that stay where they are: what a fixed camera sees behind that which
  /// moves. Less than `groups`.
  int64_t still = 0;
  /// Pictures that a clip is the sum of, each moved by itself.
  int64_t slots = 1;
  /// Whether groups that move also show more or less of themselves.
  bool fade = false;

  int64_t moving() const { return groups - still; }
};

/// Moves what a clip shows to where it is in each frame: each group of channels of the clip's
/// features is resampled by an affine map of its own, which two linear layers make of the frame's
/// code (Jaderberg et al., "Spatial Transformer Networks", 2015). What leaves the picture is gone,
/// and zeros come in. The first `still` groups stay. With `fade` a group that moves is multiplied
/// by a number of its own in each frame, too, 1 + tanh(n) with n from the layers: so groups may
/// take turns, as the poses of a walk do. Where a clip has several slots, all are moved by the
/// same layers, each by its own code, and added up. Parameters: motion.0.*, motion.2.*, of which
/// the first 6*moving rows make the maps, and the others n.
///
/// Computed in float32. Only first derivatives. On CUDA the gradient is summed in no fixed order,
/// so that the same step may give other bits.
class WarpImpl : public torch::nn::Cloneable<WarpImpl>, public graph::Block {
 public:
  explicit WarpImpl(WarpOptions options);

  /// Features of clips' slots [B*slots,C,H,W] and the codes of their
  /// frames, clip by clip [B*frames,slots*code_dim] -> [B*frames,C,H,W] of the type of x,
  /// channels_last.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& code);
  /// The same of {x, code}, but of features of the slots of each frame
  /// [B*frames*slots,C,H,W].
  graph::Value describe(graph::Graph& graph, const std::vector<graph::Value>& inputs,
                        const std::string& name) const override;
  graph::Shape shape(const std::vector<graph::Shape>& inputs) const override;
  void reset() override;

  /// The maps that codes of slots [M,code_dim] stand for: [M,moving,2,3], as in
  /// torch.nn.functional.affine_grid.
  torch::Tensor maps(const torch::Tensor& code);
  /// What groups are multiplied by where codes are [M,code_dim]: [M,moving], from 0 to 2.
  torch::Tensor fades(const torch::Tensor& code);
  /// What turns the numbers n [M,6*moving] of the layers into maps [M*moving,2,3], as in
  /// torch.nn.functional.affine_grid: n * scale, [6*moving], and the identity.
  torch::Tensor scale(torch::Device device = torch::kCPU) const;

  WarpOptions options;

 private:
  torch::Tensor numbers(const torch::Tensor& code);
  torch::Tensor maps_of(const torch::Tensor& numbers) const;
  torch::Tensor fades_of(const torch::Tensor& numbers) const;

  torch::nn::Sequential motion_;
};
TORCH_MODULE(Warp);

/// What Warp does with the maps [B*frames*slots,moving,2,3] and the fades [B*frames*slots,moving],
/// empty for ones, by LibTorch's grid_sampler, on any device. On the CPU Warp itself has loops
/// of its own, which give the same up to rounding, several times as fast.
torch::Tensor warp_by_grid(const torch::Tensor& x, const torch::Tensor& maps,
                           const torch::Tensor& fades, const WarpOptions& options);

}  // namespace vidgen::nn
