#include "vidgen/losses/adversarial.h"

namespace vidgen::losses {

void fields(core::FieldVisitor& visitor, LossOptions& options) {
  visitor.choice("type", options.type,
                 core::Choices<LossType>{{"non_saturating", LossType::kNonSaturating},
                                         {"hinge", LossType::kHinge},
                                         {"least_squares", LossType::kLeastSquares}},
                 "the game that generator and discriminators play");
}

torch::Tensor discriminator_loss(LossType type, const torch::Tensor& real_logits,
                                 const torch::Tensor& fake_logits) {
  const auto real = real_logits.to(torch::kFloat);
  const auto fake = fake_logits.to(torch::kFloat);
  switch (type) {
    case LossType::kNonSaturating:
      return torch::softplus(-real).mean() + torch::softplus(fake).mean();
    case LossType::kHinge:
      return torch::relu(1 - real).mean() + torch::relu(1 + fake).mean();
    case LossType::kLeastSquares:
      return 0.5 * ((real - 1).square().mean() + fake.square().mean());
  }
  TORCH_CHECK(false, "unknown type of loss");
}

torch::Tensor generator_loss(LossType type, const torch::Tensor& /*real_logits*/,
                             const torch::Tensor& fake_logits) {
  const auto fake = fake_logits.to(torch::kFloat);
  switch (type) {
    case LossType::kNonSaturating:
      return torch::softplus(-fake).mean();
    case LossType::kHinge:
      return -fake.mean();
    case LossType::kLeastSquares:
      return 0.5 * (fake - 1).square().mean();
  }
  TORCH_CHECK(false, "unknown type of loss");
}

}  // namespace vidgen::losses
