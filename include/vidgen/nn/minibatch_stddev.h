#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

namespace vidgen::nn {

/// Adds a channel that tells how much a batch varies (Karras et al., "Progressive growing of GANs",
/// 2018), so that a discriminator can see samples that are all alike: the standard deviation of
/// each feature over the clips, averaged over all features, one number for each frame's place in
/// the batch. The group is the whole batch.
class MinibatchStddevImpl : public torch::nn::Cloneable<MinibatchStddevImpl> {
 public:
  /// Features [M,C,H,W], of which each `frames` in a row are one clip, to [M,C+1,H,W].
  torch::Tensor forward(const torch::Tensor& x, int64_t frames = 1);
  void reset() override {}
};
TORCH_MODULE(MinibatchStddev);

}  // namespace vidgen::nn
