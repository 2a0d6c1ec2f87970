#pragma once

#include <ATen/core/Generator.h>
#include <torch/types.h>

#include <string>

#include "vidgen/checkpoint/state.h"
#include "vidgen/core/fields.h"
#include "vidgen/losses/adversarial.h"

/// Augmentation of what the discriminators see, real and generated alike, so that with few clips
/// they cannot learn them by heart and the generator does not learn to make augmented clips.
namespace vidgen::train {

/// "augment", where fields() describes each: the transformations of DiffAugment (Zhao et al.,
/// "Differentiable augmentation for data-efficient GAN training", 2020), in this order, with a
/// chance that is constant or adapts itself (ADA: Karras et al., "Training generative adversarial
/// networks with limited data", 2020).
struct AugmentOptions {
  double color = 0;
  double translation = 0;
  double cutout = 0;
  double probability = 1;
  double target = 0;
  int64_t adapt_clips = 500000;

  bool enabled() const { return color > 0 || translation > 0 || cutout > 0; }
  bool adapts() const { return enabled() && target > 0; }
};

void fields(core::FieldVisitor& visitor, AugmentOptions& options);

/// Throws core::FieldError when the options do not fit together, or not with the loss.
void validate(const AugmentOptions& options, losses::LossType loss);

/// What is random in the augmentation of B clips: float32, uniform in [0,1).
struct AugmentDraws {
  /// [B,3]: how much of brightness, saturation and contrast; 0.5 changes nothing.
  torch::Tensor color;
  /// [B,2]: how far up and how far left; below 0.5 down and right.
  torch::Tensor translation;
  /// [B,2]: row and column of the square's middle.
  torch::Tensor cutout;
  /// [B,5]: brightness, saturation, contrast, translation and cutout are applied where it is below
  /// the probability.
  torch::Tensor chance;
};

/// Draws for so many clips, on the CPU.
AugmentDraws draw_augment(int64_t clips, at::Generator generator);

/// Augments clips [B,C,T,H,W], all frames of a clip alike; contrast is about the mean of the clip.
/// `probability` is a scalar where the clips are. Returns float32 (float64, where the clips are),
/// channels_last_3d where the clips are. Differentiable any number of times; waits for nothing.
torch::Tensor augment(const AugmentOptions& options, const torch::Tensor& clips,
                      const AugmentDraws& draws, const torch::Tensor& probability);

/// Augmentation in training, with its probability. All state stays on the device.
class Augmentation {
 public:
  Augmentation(const AugmentOptions& options, torch::Device device);

  /// augment(), or the clips as they are when nothing is enabled; then no draws are needed.
  torch::Tensor apply(const torch::Tensor& clips, const AugmentDraws& draws) const;
  /// Moves a probability that adapts by one step, after so many clips: up where `mean_sign`, the
  /// mean of sign(D(real)), a scalar on the device, is above the target, down where it is below,
  /// within 0 and 1.
  void update(const torch::Tensor& mean_sign, int64_t clips);
  /// Float scalar on the device; undefined when nothing is enabled.
  const torch::Tensor& probability() const { return probability_; }

  void visit(checkpoint::StateVisitor& visitor, const std::string& prefix);

 private:
  AugmentOptions options_;
  torch::Tensor probability_;
};

}  // namespace vidgen::train
