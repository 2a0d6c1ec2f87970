#include "vidgen/losses/options.h"

namespace vidgen::losses {

void fields(core::FieldVisitor& visitor, LossOptions& options) {
  visitor.choice("type", options.type,
                 core::Choices<LossType>{{"non_saturating", LossType::kNonSaturating},
                                         {"hinge", LossType::kHinge},
                                         {"least_squares", LossType::kLeastSquares},
                                         {"wasserstein", LossType::kWasserstein},
                                         {"relativistic", LossType::kRelativistic}},
                 "the game that generator and discriminators play");
  visitor.field(
      "r1", options.r1, {0, 1e6},
      "gamma: gamma / 2 times the squared gradient of each discriminator at real clips is "
      "added to its loss; too small lets training oscillate, too large keeps the discriminators "
      "from telling apart what differs little; 0 leaves it out");
  visitor.field("r2", options.r2, {0, 1e6}, "the same at generated clips");
  visitor.field("gradient_penalty", options.gradient_penalty, {0, 1e6},
                "lambda: lambda times (length of the gradient - 1)^2 between real and generated "
                "clips is added (WGAN-GP takes 10); 0 leaves it out");
  visitor.field(
      "penalty_every", options.penalty_every, {1, 1000000},
      "steps from one with the penalties to the next, where they count so many times as much; each "
      "penalty costs about as much as the discriminators' own turn");
}

void validate(const LossOptions& options) {
  if (options.type == LossType::kWasserstein && !options.has_penalties()) {
    throw core::FieldError("loss.gradient_penalty",
                           "found 0 with loss.type wasserstein, whose logits nothing else bounds; "
                           "expected a weight, usually 10, or loss.r1");
  }
}

}  // namespace vidgen::losses
