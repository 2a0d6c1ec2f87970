#pragma once

#include "vidgen/core/fields.h"
#include "vidgen/losses/adversarial.h"

namespace vidgen::losses {

/// "loss": a game and penalties (penalty.h), each discriminator's for itself; fields() describes
/// each.
struct LossOptions {
  LossType type = LossType::kNonSaturating;
  double r1 = 0;
  double r2 = 0;
  double gradient_penalty = 0;
  /// Lazy regularisation (Karras et al., "Analyzing and improving the image quality of StyleGAN",
  /// 2020).
  int64_t penalty_every = 1;

  bool has_penalties() const { return r1 > 0 || r2 > 0 || gradient_penalty > 0; }
};

void fields(core::FieldVisitor& visitor, LossOptions& options);

/// Throws core::FieldError when the options do not fit together.
void validate(const LossOptions& options);

}  // namespace vidgen::losses
