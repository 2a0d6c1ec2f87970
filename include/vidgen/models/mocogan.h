#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <vector>

#include "vidgen/models/discriminator_network.h"
#include "vidgen/nn/attention.h"
#include "vidgen/nn/layout.h"
#include "vidgen/nn/stages.h"

namespace vidgen::models {

struct MocoganDiscriminatorOptions {
  /// Channels of the picture.
  int64_t channels = 3;
  /// Channels of the hidden stages; N of them take pictures of 4 * 2^N pixels a side, and clips of
  /// at least 3N + 4 frames.
  std::vector<int64_t> widths = {64, 128, 256, 512};
  /// Resolutions of hidden stages with self-attention.
  std::vector<int64_t> attention;
  nn::AttentionAxes attention_axes = nn::AttentionAxes::kSpace;
  /// As in DcganDiscriminatorOptions.
  int64_t classes = 0;
};

/// The video discriminator of MoCoGAN (Tulyakov et al., "MoCoGAN: Decomposing Motion and Content
/// for Video Generation", 2018): stages of Conv3d k4 s(1,2,2) p(0,1,1), BatchNorm (from the second
/// on), LeakyReLU 0.2, then Conv3d k4 s1 p0; no bias. Each convolution shortens time by 3.
/// Parameters: main.<i>.*, attention_<resolution>.*.
class MocoganDiscriminatorImpl : public torch::nn::Cloneable<MocoganDiscriminatorImpl>,
                                 public DiscriminatorNet {
 public:
  explicit MocoganDiscriminatorImpl(MocoganDiscriminatorOptions options);

  /// x [B,C,T,S,S] -> logits [B,1+classes,T-3*(N+1),1,1].
  torch::Tensor forward(const torch::Tensor& x, const nn::LayerObserver& observer = {});
  torch::Tensor logits(const torch::Tensor& pictures, int64_t frames,
                       const nn::LayerObserver& observer) override {
    return forward(nn::as_clips(pictures, pictures.size(0) / frames), observer);
  }
  void reset() override;

  MocoganDiscriminatorOptions options;

 private:
  nn::Stages stages_;
};
TORCH_MODULE(MocoganDiscriminator);

}  // namespace vidgen::models
