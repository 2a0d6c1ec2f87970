#pragma once

#include "vidgen/core/fields.h"
#include "vidgen/losses/adversarial.h"

namespace vidgen::losses {

/// What the networks are trained on: a game, and penalties that are added to the discriminators'
/// loss (penalty.h), each discriminator's for itself.
struct LossOptions {
  LossType type = LossType::kNonSaturating;
  /// gamma of the penalty on the gradient at real clips; 0 leaves it out. Too small lets training
  /// oscillate, too large keeps the discriminators from telling apart what differs little.
  double r1 = 0;
  /// gamma of the same at generated clips.
  double r2 = 0;
  /// lambda of the penalty that draws the gradient between real and generated clips to length 1; 0
  /// leaves it out.
  double gradient_penalty = 0;
  /// Steps from one on which the penalties are taken to the next; they count as many times as much
  /// then (Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020). Each
  /// costs about as much as the discriminators' own turn.
  int64_t penalty_every = 1;

  bool has_penalties() const { return r1 > 0 || r2 > 0 || gradient_penalty > 0; }
};

void fields(core::FieldVisitor& visitor, LossOptions& options);

/// Throws core::FieldError when the options do not fit together.
void validate(const LossOptions& options);

}  // namespace vidgen::losses
