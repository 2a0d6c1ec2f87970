#include "vidgen/losses/adversarial.h"

namespace vidgen::losses {
namespace {

/// softplus(b - a): small where a is above b.
torch::Tensor pair_loss(const torch::Tensor& a, const torch::Tensor& b) {
  TORCH_CHECK(a.defined() && b.defined() && a.sizes() == b.sizes(),
              "a relativistic loss needs as many logits of real as of generated input");
  return torch::softplus(b.to(torch::kFloat) - a.to(torch::kFloat)).mean();
}

}  // namespace

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
    case LossType::kWasserstein:
      return fake.mean() - real.mean();
    case LossType::kRelativistic:
      return pair_loss(real, fake);
  }
  TORCH_CHECK(false, "unknown type of loss");
}

double undecided_loss(LossType type) {
  const auto zero = torch::zeros({1});
  return discriminator_loss(type, zero, zero).item<double>();
}

bool compares_with_real(LossType type) { return type == LossType::kRelativistic; }

torch::Tensor generator_loss(LossType type, const torch::Tensor& real_logits,
                             const torch::Tensor& fake_logits) {
  const auto fake = fake_logits.to(torch::kFloat);
  switch (type) {
    case LossType::kNonSaturating:
      return torch::softplus(-fake).mean();
    case LossType::kHinge:
    case LossType::kWasserstein:
      return -fake.mean();
    case LossType::kLeastSquares:
      return 0.5 * (fake - 1).square().mean();
    case LossType::kRelativistic:
      return pair_loss(fake, real_logits);
  }
  TORCH_CHECK(false, "unknown type of loss");
}

}  // namespace vidgen::losses
