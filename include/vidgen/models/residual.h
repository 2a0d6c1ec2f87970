#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "vidgen/models/dcgan.h"
#include "vidgen/models/options.h"
#include "vidgen/nn/stages.h"

/// A discriminator of residual blocks (nn::ResidualBlock), for any power-of-two size from 16 and
/// any widths, with self-attention where asked.
namespace vidgen::models {

struct ResidualDiscriminatorOptions : DcganDiscriminatorOptions {
  /// Batch normalisation of the blocks, or spectral normalisation of all weights.
  DiscriminatorNorm norm = DiscriminatorNorm::kNone;
  /// Whether the blocks look at neighbouring frames too: a (2+1)D network of clips. With
  /// `frame_stack`, those behind it.
  bool over_time = false;
  /// Frames that are laid one over the other, as channels of one picture, at the resolution
  /// `frame_stack_resolution`, or with 0 before all else. The work behind it is divided by it.
  /// Early, what moves between the frames is seen by the first layer already; late, what is shown
  /// (StyleGAN-V, Skorokhodov et al., 2022, does it at 16x16).
  int64_t frame_stack = 1;
  int64_t frame_stack_resolution = 0;
  /// Whether the last layer is told how much the batch varies (nn::MinibatchStddev).
  bool minibatch_stddev = false;
};

/// From pictures or clips to logits: a residual block for each halving down to 4x4 pixels, then
/// Conv2d k4 s1 p0. Parameters: main.<i>.*, attention_<resolution>.*. It cannot be cloned, because
/// layers with spectral normalisation cannot.
class ResidualDiscriminatorImpl : public torch::nn::Module, public DiscriminatorNet {
 public:
  explicit ResidualDiscriminatorImpl(ResidualDiscriminatorOptions options);

  /// x [M,C,S,S], of which each `frames` in a row are one clip -> logits
  /// [M/frame_stack,1+classes,1,1]; `frames` must be a multiple of `frame_stack`.
  torch::Tensor forward(const torch::Tensor& x, int64_t frames,
                        const nn::LayerObserver& observer = {});

  torch::Tensor logits(const torch::Tensor& pictures, int64_t frames,
                       const nn::LayerObserver& observer) override {
    return forward(pictures, frames, observer);
  }

  const ResidualDiscriminatorOptions options;

 private:
  nn::Stages stages_;
};
TORCH_MODULE(ResidualDiscriminator);

}  // namespace vidgen::models
