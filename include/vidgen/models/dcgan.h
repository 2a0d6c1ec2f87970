#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <vector>

#include "vidgen/models/discriminator_network.h"
#include "vidgen/nn/attention.h"
#include "vidgen/nn/stages.h"

/// The discriminator of DCGAN (Radford et al., "Unsupervised Representation Learning with Deep
/// Convolutional Generative Adversarial Networks", 2016), for any power-of-two size from 16 and any
/// widths, with self-attention where asked.
namespace vidgen::models {

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
class DcganDiscriminatorImpl : public torch::nn::Cloneable<DcganDiscriminatorImpl>,
                               public DiscriminatorNet {
 public:
  explicit DcganDiscriminatorImpl(DcganDiscriminatorOptions options);

  /// x [M,C,S,S] -> logits [M,1+classes,1,1]. Each `frames` rows are of one clip, for attention
  /// over time.
  torch::Tensor forward(const torch::Tensor& x, int64_t frames = 1,
                        const nn::LayerObserver& observer = {});
  torch::Tensor logits(const torch::Tensor& pictures, int64_t frames,
                       const nn::LayerObserver& observer) override {
    return forward(pictures, frames, observer);
  }
  void reset() override;

  DcganDiscriminatorOptions options;

 private:
  nn::Stages stages_;
};
TORCH_MODULE(DcganDiscriminator);

}  // namespace vidgen::models
