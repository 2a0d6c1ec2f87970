#include "vidgen/nn/recompute.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "../support/random.h"

namespace vidgen::nn {
namespace {

/// Convolution, batch norm and activation on a batch, with what is left of them afterwards.
struct Outcome {
  torch::Tensor result, x_gradient, running_mean;
  std::vector<torch::Tensor> gradients;
  int calls = 0;
};

Outcome train_once(bool again, bool x_needs_gradient = true) {
  at::manual_seed(3);
  torch::nn::Conv2d conv(torch::nn::Conv2dOptions(3, 8, 3).bias(false));
  torch::nn::BatchNorm2d norm(8);
  torch::nn::LeakyReLU activation(torch::nn::LeakyReLUOptions().inplace(true));
  const auto x = torch::randn({4, 3, 9, 9}, test::random(1)).requires_grad_(x_needs_gradient);
  Outcome outcome;
  const auto work = [&](const torch::Tensor& in) {
    ++outcome.calls;
    return activation(norm(conv(in)));
  };
  const auto y = again ? recompute(work, {conv.ptr(), norm.ptr(), activation.ptr()}, x) : work(x);
  outcome.result = y.detach().clone();
  y.pow(2).sum().backward();
  outcome.x_gradient = x.grad();
  outcome.running_mean = norm->running_mean;
  outcome.gradients = {conv->weight.grad(), norm->weight.grad(), norm->bias.grad()};
  return outcome;
}

TEST(RecomputeTest, GivesTheSameBitsAndComputesTwice) {
  const auto once = train_once(false), again = train_once(true);
  EXPECT_EQ(once.calls, 1);
  EXPECT_EQ(again.calls, 2);
  EXPECT_TRUE(once.result.equal(again.result));
  EXPECT_TRUE(once.x_gradient.equal(again.x_gradient));
  EXPECT_TRUE(once.running_mean.equal(again.running_mean)) << "statistics moved twice";
  for (size_t i = 0; i < once.gradients.size(); ++i)
    EXPECT_TRUE(once.gradients[i].equal(again.gradients[i])) << i;
}

TEST(RecomputeTest, ParametersGetGradientsWhenTheInputNeedsNone) {
  const auto once = train_once(false, false), again = train_once(true, false);
  EXPECT_FALSE(again.x_gradient.defined());
  for (size_t i = 0; i < once.gradients.size(); ++i)
    EXPECT_TRUE(once.gradients[i].equal(again.gradients[i])) << i;
}

TEST(RecomputeTest, WithoutGradientsToRecordItComputesOnce) {
  int calls = 0;
  const auto work = [&calls](const torch::Tensor& x) {
    ++calls;
    return x * 2;
  };
  const auto x = torch::ones({2});
  EXPECT_FALSE(recompute(work, {}, x).requires_grad());
  const torch::NoGradGuard no_grad;
  EXPECT_FALSE(recompute(work, {}, torch::ones({2}).requires_grad_()).requires_grad());
  EXPECT_EQ(calls, 2);
}

TEST(RecomputeTest, RefusesGradientsOfGradients) {
  const auto x = torch::ones({2}).requires_grad_();
  const auto y = recompute([](const torch::Tensor& in) { return in * in; }, {}, x);
  EXPECT_THROW(torch::autograd::grad({y.sum()}, {x}, {}, true, /*create_graph=*/true), c10::Error);
}

}  // namespace
}  // namespace vidgen::nn
