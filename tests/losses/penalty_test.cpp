#include "vidgen/losses/penalty.h"

#include <ATen/ops/conv2d.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "support/fixture.h"
#include "support/random.h"

namespace vidgen::losses {
namespace {

using test::Fixture;
using Weights = std::map<std::string, torch::Tensor>;

/// The discriminator of the fixture: [n,3,8,8] -> [n].
Critic critic_with(const Weights& weights) {
  return [weights](const torch::Tensor& x) {
    const auto conv = [&](const torch::Tensor& in, const std::string& name) {
      return at::conv2d(in, weights.at(name + ".weight"), weights.at(name + ".bias"), {2, 2},
                        {1, 1});
    };
    const auto hidden = at::leaky_relu(conv(x, "conv1"), 0.2);
    const auto last = conv(hidden, "conv2").tanh().flatten(1);
    return at::linear(last, weights.at("fc.weight"), weights.at("fc.bias")).squeeze(1);
  };
}

Weights weights_of(const Fixture& fixture) {
  Weights weights;
  for (const auto& name : fixture.names()) {
    if (name.rfind("d.", 0) == 0) weights[name.substr(2)] = fixture.tensor(name).requires_grad_();
  }
  return weights;
}

struct PenaltyCase {
  /// As the fixture calls it.
  std::string name;
  torch::Tensor (*value)(const Critic&, const Fixture&, at::ScalarType);
};

torch::Tensor r1(const Critic& critic, const Fixture& fixture, at::ScalarType type) {
  return zero_centered_penalty(critic, fixture.tensor("in.x_real").to(type),
                               fixture.number("gamma"));
}
torch::Tensor r2(const Critic& critic, const Fixture& fixture, at::ScalarType type) {
  return zero_centered_penalty(critic, fixture.tensor("in.x_fake").to(type),
                               fixture.number("gamma"));
}
torch::Tensor gp(const Critic& critic, const Fixture& fixture, at::ScalarType type) {
  return one_centered_penalty(critic, fixture.tensor("in.x_real").to(type),
                              fixture.tensor("in.x_fake").to(type),
                              fixture.tensor("in.gp_eps").to(type), fixture.number("gp_lambda"));
}

class Penalty : public testing::TestWithParam<PenaltyCase> {};
INSTANTIATE_TEST_SUITE_P(, Penalty,
                         testing::Values(PenaltyCase{"r1", r1}, PenaltyCase{"r2", r2},
                                         PenaltyCase{"gp", gp}),
                         [](const auto& test) { return test.param.name; });

TEST_P(Penalty, ReproducesReferenceWithTheGradientOfEveryWeight) {
  const Fixture fixture("losses");
  const auto weights = weights_of(fixture);
  const auto critic = critic_with(weights);
  fixture.expect_close("out.d_real", critic(fixture.tensor("in.x_real")));
  const auto& [name, value] = GetParam();
  const auto penalty = value(critic, fixture, torch::kFloat);
  penalty.backward();
  fixture.expect_close("out." + name, penalty);
  for (const auto& [weight, tensor] : weights) {
    const auto gradient = tensor.grad().defined() ? tensor.grad() : torch::zeros_like(tensor);
    fixture.expect_close("grad." + name + "." + weight, gradient);
  }
}

TEST_P(Penalty, GradientIsThatOfFiniteDifferences) {
  const Fixture fixture("losses");
  Weights weights;
  for (const auto& [name, tensor] : weights_of(fixture)) {
    weights[name] = tensor.detach().to(torch::kDouble).requires_grad_();
  }
  const auto value = [&] {
    return GetParam().value(critic_with(weights), fixture, torch::kDouble);
  };
  value().backward();
  constexpr double kStep = 1e-6;
  for (const auto& [name, weight] : weights) {
    if (name == "fc.bias") continue;  // shifts all logits alike
    auto flat = weight.detach().view(-1);
    for (int64_t i = 0; i < flat.numel(); i += 1 + flat.numel() / 12) {
      const double before = flat[i].item<double>();
      const auto moved = [&](double by) {
        flat[i].fill_(before + by);
        return value().item<double>();
      };
      const double slope = (moved(kStep) - moved(-kStep)) / (2 * kStep);
      flat[i].fill_(before);
      const double gradient = weight.grad().flatten()[i].item<double>();
      EXPECT_NEAR(gradient, slope, 1e-6 * std::max(1.0, std::abs(slope)))
          << name << "[" << i << "]";
    }
  }
}

TEST(PenaltyTest, OfALinearCriticFollowsFromItsWeight) {
  const auto weight = torch::randn({6}, test::random(1), torch::kDouble);
  const double square = weight.square().sum().item<double>();
  const auto real = torch::randn({5, 6}, test::random(2), torch::kDouble);
  const auto fake = torch::randn({5, 6}, test::random(3), torch::kDouble);
  const auto mix = torch::rand({5}, test::random(4), torch::kDouble);
  const Critic critic = [&](const torch::Tensor& x) { return x.matmul(weight) + 3; };
  EXPECT_NEAR(zero_centered_penalty(critic, real, 4).item<double>(), 2 * square, 1e-12);
  const double distance = std::sqrt(square) - 1;
  EXPECT_NEAR(one_centered_penalty(critic, real, fake, mix, 10).item<double>(),
              10 * distance * distance, 1e-12);
}

TEST(PenaltyTest, SeveralLogitsOfASampleCountAsTheirMean) {
  const auto weights = torch::randn({6, 4}, test::random(1), torch::kDouble);
  const auto x = torch::randn({5, 6}, test::random(2), torch::kDouble);
  const auto four = zero_centered_penalty(
      [&](const torch::Tensor& in) { return in.matmul(weights).flatten(); }, x, 2);
  const auto mean = zero_centered_penalty(
      [&](const torch::Tensor& in) { return in.matmul(weights).mean(1); }, x, 2);
  EXPECT_NEAR(four.item<double>(), mean.item<double>(), 1e-12);
}

TEST(PenaltyTest, MixesSampleBySample) {
  // The gradient of x^2 / 2 is x: the penalty shows where it was taken.
  const auto real = torch::full({2, 1}, 5.0), fake = torch::full({2, 1}, 1.0);
  const auto at = [&](float first, float second) {
    return one_centered_penalty([](const torch::Tensor& x) { return x.square().sum(1) / 2; }, real,
                                fake, torch::tensor({first, second}), 1)
        .item<float>();
  };
  EXPECT_FLOAT_EQ(at(1, 1), 16);
  EXPECT_FLOAT_EQ(at(0, 0), 0);
  EXPECT_FLOAT_EQ(at(0.25f, 1), (1 + 16) / 2.0f);
}

TEST(PenaltyTest, WhereNothingChangesTheGradientIsFinite) {
  const auto weight = torch::zeros({6}).requires_grad_();
  const auto x = torch::ones({5, 6});
  const auto penalty = one_centered_penalty(
      [&](const torch::Tensor& in) { return in.matmul(weight); }, x, x, torch::ones({5}), 10);
  EXPECT_FLOAT_EQ(penalty.item<float>(), 10);
  penalty.backward();
  EXPECT_TRUE(weight.grad().isfinite().all().item<bool>());
}

TEST(PenaltyTest, RefusesLogitsAndPairsThatDoNotFit) {
  const auto x = torch::ones({4, 6});
  const Critic sum = [](const torch::Tensor& in) { return in.sum(1); };
  const Critic three = [](const torch::Tensor& in) { return in.sum(1).narrow(0, 0, 3); };
  EXPECT_THROW(zero_centered_penalty(three, x, 1), c10::Error);
  EXPECT_THROW(one_centered_penalty(sum, x, x.narrow(0, 0, 1), torch::ones({4}), 1), c10::Error);
  EXPECT_THROW(one_centered_penalty(sum, x, x, torch::ones({1}), 1), c10::Error);
}

}  // namespace
}  // namespace vidgen::losses
