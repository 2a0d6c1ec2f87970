#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "vidgen/graph/graph.h"
#include "vidgen/nn/observer.h"

namespace vidgen::nn {

/// What a residual block does to the size of its pictures.
enum class Resample { kDownsample2x, kUpsample2x };

struct ResidualBlockOptions {
  /// Channels in and out.
  int64_t in = 64;
  int64_t out = 128;
  Resample resample = Resample::kDownsample2x;
  /// Batch normalisation (2-D) behind `resample` and `conv`.
  bool batch_norm = false;
  /// A convolution over three frames behind the one over pixels: the two together are a factorised
  /// 3-D convolution, "(2+1)D" (Tran et al., "A closer look at spatiotemporal convolutions for
  /// action recognition", 2018).
  bool over_time = false;
};

/// A residual block (He et al., 2016) that halves or doubles its pictures:
/// y = lrelu((main(x) + skip(x)) / sqrt(2)), with a slope of 0.2.
///
/// main: `resample` (4x4, stride 2, transposed where it doubles), lrelu, `over_time` (3 frames) and
/// lrelu if asked, `conv` (3x3). skip: `project` (1x1), behind an average over 2x2 pixels where it
/// halves, before a repetition of each pixel where it doubles. Batch normalisation, if asked, is
/// `norm1` and `norm2` behind `resample` and `conv`, which then have no bias, as `project` never
/// has.
class ResidualBlockImpl : public torch::nn::Cloneable<ResidualBlockImpl> {
 public:
  explicit ResidualBlockImpl(ResidualBlockOptions options);

  /// Frames [M,in,H,W], of which each `frames` in a row are one clip (counts with over_time only),
  /// to [M,out,H',W'].
  torch::Tensor forward(torch::Tensor x, int64_t frames = 1, const LayerObserver& observer = {});
  /// The same, of a block that doubles.
  graph::Value describe(graph::Graph& graph, graph::Value x, const std::string& name) const;
  void reset() override;

  ResidualBlockOptions options;

 private:
  torch::Tensor along_time(const torch::Tensor& x, int64_t frames, const LayerObserver& observer);
  torch::Tensor skip(const torch::Tensor& x, const LayerObserver& observer);

  // The one that options.resample names; the other stays empty.
  torch::nn::Conv2d down_{nullptr};
  torch::nn::ConvTranspose2d up_{nullptr};
  torch::nn::Conv2d over_time_{nullptr};
  torch::nn::Conv2d conv_{nullptr};
  torch::nn::Conv2d project_{nullptr};
  torch::nn::BatchNorm2d norm1_{nullptr};
  torch::nn::BatchNorm2d norm2_{nullptr};
};
TORCH_MODULE(ResidualBlock);

/// Adds a channel that tells how much a batch varies (Karras et al., "Progressive growing of GANs",
/// 2018), so that a discriminator can see samples that are all alike: the standard deviation of
/// each feature over the clips, averaged over all features, one number for each frame's place in
/// the batch. The group is the whole batch, or each of several that lie one behind the other.
class MinibatchStddevImpl : public torch::nn::Cloneable<MinibatchStddevImpl> {
 public:
  /// Features [M,C,H,W], of which each `frames` in a row are one clip, to [M,C+1,H,W].
  torch::Tensor forward(const torch::Tensor& x, int64_t frames = 1, int64_t batches = 1);
  void reset() override {}
};
TORCH_MODULE(MinibatchStddev);

/// Adds one of LibTorch's layers, as it is in evaluation mode, with weights called after `name`. A
/// transposed convolution may be given longer latents than it takes, of which it reads the first
/// numbers.
graph::Value describe_layer(graph::Graph& graph, graph::Value x, const torch::nn::Module& layer,
                            const std::string& name);

}  // namespace vidgen::nn
