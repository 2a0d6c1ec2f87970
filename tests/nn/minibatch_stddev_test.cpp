#include <gtest/gtest.h>

#include <cmath>

#include "support/gradient.h"
#include "support/random.h"
#include "vidgen/nn/layers.h"

namespace vidgen::nn {
namespace {

/// The number for one frame's place, one feature after the other.
double spread(const torch::Tensor& x, int64_t frames, int64_t place) {
  const auto values = x.accessor<double, 4>();
  const int64_t clips = x.size(0) / frames;
  double sum = 0;
  for (int64_t c = 0; c < x.size(1); ++c) {
    for (int64_t i = 0; i < x.size(2) * x.size(3); ++i) {
      const int64_t row = i / x.size(3), column = i % x.size(3);
      double mean = 0, variance = 0;
      for (int64_t b = 0; b < clips; ++b)
        mean += values[b * frames + place][c][row][column] / static_cast<double>(clips);
      for (int64_t b = 0; b < clips; ++b)
        variance += std::pow(values[b * frames + place][c][row][column] - mean, 2) /
                    static_cast<double>(clips);
      sum += std::sqrt(variance + 1e-8);
    }
  }
  return sum / static_cast<double>(x[0].numel());
}

TEST(MinibatchStddev, EqualsDirectComputation) {
  const auto x = torch::randn({6, 4, 4, 3}, test::random(1), torch::kDouble);
  const int64_t frames = 2;
  const auto y = MinibatchStddev()->forward(x, frames);
  ASSERT_EQ(y.sizes(), torch::IntArrayRef({6, 5, 4, 3}));
  EXPECT_TRUE(y.narrow(1, 0, 4).equal(x));
  for (int64_t row = 0; row < 6; ++row) {
    const auto channel = y[row][4];
    EXPECT_NEAR(channel.min().item<double>(), spread(x, frames, row % frames), 1e-12) << row;
    EXPECT_NEAR(channel.max().item<double>(), spread(x, frames, row % frames), 1e-12) << row;
  }
}

TEST(MinibatchStddev, KeepsLayout) {
  const auto x = torch::randn({6, 4, 4, 4}, test::random(1));
  const auto last = x.contiguous(torch::MemoryFormat::ChannelsLast);
  const auto y = MinibatchStddev()->forward(last, 3);
  EXPECT_TRUE(y.is_contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(torch::allclose(y, MinibatchStddev()->forward(x, 3)));
}

TEST(MinibatchStddev, ClipsThatAreAlikeHaveAFiniteGradient) {
  for (const auto type : {torch::kFloat, torch::kHalf, torch::kBFloat16}) {
    const auto x = torch::ones({4, 3, 4, 4}, type).requires_grad_();
    const auto y = MinibatchStddev()->forward(x, 2);
    EXPECT_EQ(y.scalar_type(), type);
    EXPECT_NEAR(y[0][3][0][0].item<double>(), 1e-4, 1e-6);
    y.sum().backward();
    EXPECT_TRUE(x.grad().isfinite().all().item<bool>()) << type;
  }
}

TEST(MinibatchStddev, GradientsOfTwoOrders) {
  const auto x = torch::randn({6, 2, 3, 3}, test::random(1), torch::kDouble).requires_grad_();
  const auto factors = torch::randn({6, 3, 3, 3}, test::random(2), torch::kDouble);
  MinibatchStddev layer;
  const auto value = [&] { return (layer->forward(x, 2) * factors).sum(); };
  test::expect_gradient(value, x);
  const auto penalty = [&] {
    return torch::autograd::grad({value()}, {x}, {}, /*retain_graph=*/true, true)[0].square().sum();
  };
  test::expect_gradient(penalty, x);
}

TEST(MinibatchStddev, RejectsFramesThatDoNotFit) {
  EXPECT_THROW(MinibatchStddev()->forward(torch::zeros({5, 3, 4, 4}), 2), c10::Error);
}

TEST(MinibatchStddevTest, BatchesBehindEachOtherAreGroupsOfTheirOwn) {
  MinibatchStddev layer;
  const auto first = torch::randn({6, 3, 2, 2}, test::random(1)),
             second = torch::randn({6, 3, 2, 2}, test::random(2)) * 3;
  const auto together = layer->forward(torch::cat({first, second}), /*frames=*/2, /*batches=*/2);
  EXPECT_TRUE(torch::allclose(
      together, torch::cat({layer->forward(first, 2), layer->forward(second, 2)}), 1e-6, 1e-6));
  EXPECT_THROW(layer->forward(first, 2, 2), c10::Error) << "three clips are not two batches";
}

}  // namespace
}  // namespace vidgen::nn
