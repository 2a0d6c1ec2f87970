#pragma once

#include <torch/types.h>

#include <functional>

/// Penalties on the gradient of a discriminator with respect to what it sees: pure functions of
/// the discriminator and of samples [n,...], computed in the samples' type. Their own gradients,
/// with respect to the discriminator's weights, need derivatives of second order of all that it
/// does.
///
/// D of one sample is the mean of the logits that it gets. Where D normalises over the batch, a
/// sample's gradient holds what it does to the logits of the others too.
namespace vidgen::losses {

/// Returns the logits of samples [n,...]: [n], or the same number for each sample.
using Critic = std::function<torch::Tensor(const torch::Tensor& samples)>;

/// gamma / 2 times the mean of |dD/dx|^2, a scalar: R1 at real samples, R2 at generated ones
/// (Mescheder et al., "Which training methods for GANs do actually converge?", 2018).
torch::Tensor zero_centered_penalty(const Critic& critic, const torch::Tensor& samples,
                                    double gamma);

/// lambda times the mean of (|dD/dx| - 1)^2, a scalar, at x = mix real + (1 - mix) fake, with `mix`
/// in [0,1], a number for each sample (Gulrajani et al., "Improved training of Wasserstein GANs",
/// 2017).
torch::Tensor one_centered_penalty(const Critic& critic, const torch::Tensor& real,
                                   const torch::Tensor& fake, const torch::Tensor& mix,
                                   double lambda);

}  // namespace vidgen::losses
