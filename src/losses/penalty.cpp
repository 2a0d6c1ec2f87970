#include "vidgen/losses/penalty.h"

#include <torch/csrc/autograd/autograd.h>

namespace vidgen::losses {
namespace {

/// dD/dx as [n,values], itself differentiable.
torch::Tensor gradients_at(const Critic& critic, const torch::Tensor& samples) {
  const auto x = samples.detach().requires_grad_();
  const auto logits = critic(x);
  TORCH_CHECK(logits.numel() > 0 && logits.numel() % x.size(0) == 0, "expected logits of ",
              x.size(0), " samples, found ", logits.numel());
  const auto sum = logits.sum() * (static_cast<double>(x.size(0)) / logits.numel());
  return torch::autograd::grad({sum}, {x}, {}, /*retain_graph=*/true, /*create_graph=*/true)
      .front()
      .flatten(1);
}

}  // namespace

torch::Tensor zero_centered_penalty(const Critic& critic, const torch::Tensor& samples,
                                    double gamma) {
  return gradients_at(critic, samples).square().sum(1).mean() * (gamma / 2);
}

torch::Tensor one_centered_penalty(const Critic& critic, const torch::Tensor& real,
                                   const torch::Tensor& fake, const torch::Tensor& mix,
                                   double lambda) {
  TORCH_CHECK(real.sizes() == fake.sizes() && mix.numel() == real.size(0), "expected pairs of ",
              real.sizes(), " and a number for each, found ", fake.sizes(), " and ", mix.sizes());
  std::vector<int64_t> each(static_cast<size_t>(real.dim()), 1);
  each.front() = real.size(0);
  const auto share = mix.reshape(each);
  const auto gradients = gradients_at(critic, share * real + (1 - share) * fake);
  // norm() has the gradient 0 where a square root of squares would have none.
  return (gradients.norm(2, 1) - 1).square().mean() * lambda;
}

}  // namespace vidgen::losses
