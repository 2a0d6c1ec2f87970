#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <vector>

#include "vidgen/nn/attention.h"
#include "vidgen/nn/stages.h"

/// The two networks of DCGAN (Radford et al., "Unsupervised Representation Learning with Deep
/// Convolutional Generative Adversarial Networks", 2016), for any power-of-two size from 16 and any
/// widths, with self-attention where asked.
namespace vidgen::models {

struct DcganGeneratorOptions {
  /// D, the length of a latent.
  int64_t latent_dim = 100;
  /// Channels of the hidden stages, the first of 4x4 pixels, each next of twice as many a side.
  std::vector<int64_t> widths = {128, 64};
  /// Whether the last hidden stage has the size of the picture already, and a 3x3 convolution turns
  /// it into colours. Otherwise it has half the size, and the last transposed convolution doubles
  /// it.
  bool full_size_stage = false;
  /// Channels of the picture.
  int64_t channels = 3;
  /// Resolutions of hidden stages with self-attention.
  std::vector<int64_t> attention;
  nn::AttentionAxes attention_axes = nn::AttentionAxes::kSpace;
  /// The resolution of the hidden stage behind which what a clip shows is moved to where it is in
  /// each frame, by the whole latent (nn::Warp). The stages up to there are computed once a clip,
  /// from the first `clip_dim` numbers of its latents. 0: each frame is painted from its latent.
  int64_t warp_at = 0;
  int64_t warp_groups = 1;
  int64_t warp_still = 0;
  bool warp_fade = false;
  int64_t clip_dim = 0;
  /// With warp_at: latents are so many of objects, one behind the other, and so is clip_dim of
  /// each.
  int64_t objects = 1;
};

/// What the first layer of a generator takes for latents [M,D], of which each `frames` rows are one
/// clip: [M,D,1,1], or with warp_at [M/frames*objects,clip_dim,1,1].
torch::Tensor first_pixels(const DcganGeneratorOptions& options, const torch::Tensor& z,
                           int64_t frames);

/// Of the block of a generator that moves `channels` at warp_at.
nn::WarpOptions warp_options(const DcganGeneratorOptions& options, int64_t channels);

/// Transposed convolutions from a latent to a picture in [-1,1]: stages of ConvTranspose2d k4,
/// BatchNorm, ReLU (the first s1 p0, the others s2 p1), then ConvTranspose2d k4 s2 p1 (or Conv2d k3
/// s1 p1, see full_size_stage) and Tanh; no bias. Parameters: main.<i>.*, attention_<resolution>.*,
/// warp_<resolution>.*.
class DcganGeneratorImpl : public torch::nn::Cloneable<DcganGeneratorImpl> {
 public:
  explicit DcganGeneratorImpl(DcganGeneratorOptions options);

  /// z [M,D] or [M,D,1,1] -> [M,C,S,S]. Each `frames` rows are one clip, for attention over time.
  /// `stages`, if given, is filled with the hidden stages, 4x4 first.
  torch::Tensor forward(const torch::Tensor& z, int64_t frames = 1,
                        const nn::LayerObserver& observer = {}, nn::StageOutputs* stages = nullptr);
  void reset() override;

  DcganGeneratorOptions options;

 private:
  nn::Stages stages_;
};
TORCH_MODULE(DcganGenerator);

struct DcganDiscriminatorOptions {
  /// Channels of the picture.
  int64_t channels = 3;
  /// Channels of the hidden stages; N of them take pictures of 4 * 2^N pixels a side.
  std::vector<int64_t> widths = {64, 128};
  /// Resolutions of hidden stages with self-attention.
  std::vector<int64_t> attention;
  nn::AttentionAxes attention_axes = nn::AttentionAxes::kSpace;
  /// Classes, each of which has a channel of the output behind that of the logit, as
  /// project_on_classes() takes them; 0 for clips that have none.
  int64_t classes = 0;
};

/// Strided convolutions from a picture to a logit: stages of Conv2d k4 s2 p1, BatchNorm (from the
/// second on), LeakyReLU 0.2, then Conv2d k4 s1 p0; no bias. Parameters: main.<i>.*,
/// attention_<resolution>.*.
class DcganDiscriminatorImpl : public torch::nn::Cloneable<DcganDiscriminatorImpl> {
 public:
  explicit DcganDiscriminatorImpl(DcganDiscriminatorOptions options);

  /// x [M,C,S,S] -> logits [M,1+classes,1,1]. Each `frames` rows are of one clip, for attention
  /// over time.
  torch::Tensor forward(const torch::Tensor& x, int64_t frames = 1,
                        const nn::LayerObserver& observer = {});
  void reset() override;

  DcganDiscriminatorOptions options;

 private:
  nn::Stages stages_;
};
TORCH_MODULE(DcganDiscriminator);

}  // namespace vidgen::models
