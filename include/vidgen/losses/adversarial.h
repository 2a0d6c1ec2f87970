#pragma once

#include <torch/types.h>

#include "vidgen/core/fields.h"

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
  kLeastSquares
};

struct LossOptions {
  LossType type = LossType::kNonSaturating;
};

void fields(core::FieldVisitor& visitor, LossOptions& options);

/// The discriminator's loss, a scalar, from its logits [n] for real and [m] for generated input.
torch::Tensor discriminator_loss(LossType type, const torch::Tensor& real_logits,
                                 const torch::Tensor& fake_logits);

/// The generator's loss, a scalar. `real_logits` is for losses that compare the two and may be
/// undefined for those here.
torch::Tensor generator_loss(LossType type, const torch::Tensor& real_logits,
                             const torch::Tensor& fake_logits);

}  // namespace vidgen::losses
