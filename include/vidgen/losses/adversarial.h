#pragma once

#include <torch/types.h>

/// Adversarial losses: pure functions of logits. Each is a mean over the batch, computed in float32
/// whatever the logits' type, and finite with a useful gradient for any finite logits.
namespace vidgen::losses {

enum class LossType {
  /// D: softplus(-real) + softplus(fake), G: softplus(-fake): the cross-entropy on logits
  /// (Goodfellow et al., 2014).
  kNonSaturating,
  /// D: relu(1 - real) + relu(1 + fake), G: -fake (Lim and Ye, "Geometric GAN", 2017).
  kHinge,
  /// D: ((real - 1)^2 + fake^2) / 2, G: (fake - 1)^2 / 2 (Mao et al., "Least Squares GAN", 2017).
  kLeastSquares,
  /// D: fake - real, G: -fake (Arjovsky et al., "Wasserstein GAN", 2017). The logits have no bound:
  /// a penalty has to give them one.
  kWasserstein,
  /// D: softplus(fake - real), G: softplus(real - fake), the logits of one index being a pair
  /// (Jolicoeur-Martineau, "The relativistic discriminator", 2018; with R1 and R2 it is that of
  /// Huang et al., "The GAN is dead; long live the GAN! A modern baseline GAN", 2024).
  kRelativistic
};

/// The discriminator's loss, a scalar, from its logits [n] for real and [m] for generated input;
/// kRelativistic needs as many of both.
torch::Tensor discriminator_loss(LossType type, const torch::Tensor& real_logits,
                                 const torch::Tensor& fake_logits);

/// discriminator_loss() of logits that are 0 throughout: what a discriminator that cannot tell real
/// from generated gets. 0 for kWasserstein; the others are positive and near 0 where every input is
/// told for sure, so that next to nothing is left to learn.
double undecided_loss(LossType type);

/// Whether generator_loss() reads the logits of real input.
bool compares_with_real(LossType type);

/// The generator's loss, a scalar. `real_logits` may be undefined for a loss that does not read it.
torch::Tensor generator_loss(LossType type, const torch::Tensor& real_logits,
                             const torch::Tensor& fake_logits);

}  // namespace vidgen::losses
