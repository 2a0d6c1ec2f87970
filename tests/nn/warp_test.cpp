#include "vidgen/nn/warp.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "../support/random.h"

namespace vidgen::nn {
namespace {

/// Moves each group by the same number of pixels to the right and down, whatever the code.
Warp shifting(const WarpOptions& options, const std::vector<std::pair<double, double>>& pixels,
              double side) {
  Warp warp(options);
  const torch::NoGradGuard no_grad;
  auto parameters = warp->named_parameters();
  parameters["motion.2.weight"].zero_();
  auto& bias = parameters["motion.2.bias"].zero_();
  for (size_t group = 0; group < pixels.size(); ++group) {
    // Where a pixel comes from, in halves of the picture.
    const auto at = static_cast<int64_t>(6 * group);
    bias[at + 2] = -2 * pixels[group].first / side;
    bias[at + 5] = -2 * pixels[group].second / side;
  }
  return warp;
}

TEST(WarpTest, GroupsMoveByThemselvesAndZerosComeIn) {
  auto warp = shifting({4, 4, 2}, {{1, 0}, {0, -2}}, 8);
  const auto x = torch::randn({1, 4, 8, 8}, test::random(1));
  const auto y = warp(x, torch::randn({1, 4}, test::random(2)));
  EXPECT_LT((y.narrow(1, 0, 2).narrow(3, 1, 7) - x.narrow(1, 0, 2).narrow(3, 0, 7))
                .abs()
                .max()
                .item<double>(),
            1e-5);
  EXPECT_LT(y.narrow(1, 0, 2).select(3, 0).abs().max().item<double>(), 1e-5);
  EXPECT_LT((y.narrow(1, 2, 2).narrow(2, 0, 6) - x.narrow(1, 2, 2).narrow(2, 2, 6))
                .abs()
                .max()
                .item<double>(),
            1e-5);
  EXPECT_LT(y.narrow(1, 2, 2).narrow(2, 6, 2).abs().max().item<double>(), 1e-5);
}

TEST(WarpTest, TheFirstGroupsMayStay) {
  auto warp = shifting({4, 6, 3, 64, /*still=*/1}, {{1, 0}, {2, 0}}, 8);
  const auto x = torch::randn({2, 6, 8, 8}, test::random(1));
  const auto y = warp(x, torch::randn({4, 4}, test::random(2)));
  for (int64_t row = 0; row < 4; ++row) {
    const auto& clip = x[row / 2];
    EXPECT_TRUE(torch::equal(y[row].narrow(0, 0, 2), clip.narrow(0, 0, 2))) << row;
    for (const int64_t group : {1, 2}) {
      const auto moved = y[row].narrow(0, 2 * group, 2).narrow(2, group, 8 - group);
      const auto expected = clip.narrow(0, 2 * group, 2).narrow(2, 0, 8 - group);
      EXPECT_LT((moved - expected).abs().max().item<double>(), 1e-5) << row << " " << group;
    }
  }
}

TEST(WarpTest, EachFrameIsMovedByItsCode) {
  Warp warp(WarpOptions{3, 6, 2});
  const auto x = torch::randn({2, 6, 8, 8}, test::random(1));
  const auto code = torch::randn({8, 3}, test::random(2));
  const auto y = warp(x, code);
  EXPECT_EQ(y.sizes(), (std::vector<int64_t>{8, 6, 8, 8}));
  EXPECT_TRUE(y.is_contiguous(torch::MemoryFormat::ChannelsLast));
  for (int64_t row = 0; row < 8; ++row) {
    const auto alone = warp(x.narrow(0, row / 4, 1), code.narrow(0, row, 1))[0];
    EXPECT_LT((alone - y[row]).abs().max().item<double>(), 1e-5) << row;
  }
  EXPECT_GT((y[0] - y[1]).abs().max().item<double>(), 1e-2);
}

TEST(WarpTest, WhatMovesMayFade) {
  torch::manual_seed(1);
  WarpOptions options{3, 6, 3, 5, /*still=*/1};
  Warp plain(options);
  options.fade = true;
  Warp fading(options);
  const torch::NoGradGuard no_grad;
  for (auto& item : plain->named_parameters()) {
    auto all = fading->named_parameters()[item.key()];
    all.narrow(0, 0, item.value().size(0)).copy_(item.value());
  }
  const auto x = torch::randn({2, 6, 8, 8}, test::random(1));
  const auto code = 4 * torch::randn({8, 3}, test::random(2));
  const auto fades = fading->fades(code);
  ASSERT_EQ(fades.sizes(), (std::vector<int64_t>{8, 2}));
  EXPECT_GT(fades.min().item<double>(), 0);
  EXPECT_LT(fades.max().item<double>(), 2);
  EXPECT_GT(fades.std().item<double>(), 0.1);
  const auto moved = plain(x, code), shown = fading(x, code);
  EXPECT_TRUE(shown.is_contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(shown.narrow(1, 0, 2).equal(moved.narrow(1, 0, 2))) << "what stays";
  for (const int64_t group : {0, 1}) {
    const auto expected =
        moved.narrow(1, 2 + 2 * group, 2) * fades.select(1, group).view({8, 1, 1, 1});
    EXPECT_LT((shown.narrow(1, 2 + 2 * group, 2) - expected).abs().max().item<double>(), 1e-5);
  }
}

TEST(WarpTest, GradientsAreFiniteDifferences) {
  torch::manual_seed(1);
  WarpOptions options{3, 4, 2, 5};
  options.fade = true;
  Warp warp(options);
  const auto x = torch::randn({2, 4, 6, 6}, test::random(1)).requires_grad_();
  const auto code = torch::randn({4, 3}, test::random(2)).requires_grad_();
  const auto judge = torch::randn({4, 4, 6, 6}, test::random(3));
  const auto value = [&](const torch::Tensor& features, const torch::Tensor& motion) {
    return (warp(features, motion) * judge).sum();
  };
  const auto slopes = torch::autograd::grad({value(x, code)}, {x, code});
  const torch::NoGradGuard no_grad;
  const double step = 1e-2;
  const auto along_x = torch::randn(x.sizes(), test::random(4));
  const double measured =
      (value(x + step * along_x, code) - value(x - step * along_x, code)).item<double>() /
      (2 * step);
  EXPECT_NEAR((slopes[0] * along_x).sum().item<double>(), measured, 1e-2 * std::abs(measured));
  // Bilinear: linear between the pixels, so that a small step is needed not to cross one.
  const auto along_code = torch::randn(code.sizes(), test::random(5));
  const double small = 1e-3;
  const double turned =
      (value(x, code + small * along_code) - value(x, code - small * along_code)).item<double>() /
      (2 * small);
  EXPECT_NEAR((slopes[1] * along_code).sum().item<double>(), turned, 0.05 * std::abs(turned));
}

/// In units of the expected values' standard deviation.
double largest_error(const torch::Tensor& found, const torch::Tensor& expected) {
  EXPECT_EQ(found.sizes(), expected.sizes());
  return ((found - expected).abs().max() / expected.std()).item<double>();
}

/// Frames and gradients of the loops on the CPU and of LibTorch's grid_sampler.
void expect_as_by_grid(const WarpOptions& options, at::ScalarType type, double tolerance) {
  Warp warp(options);
  const auto features =
      torch::randn({3 * options.slots, options.channels, 12, 70}, test::random(6));
  // Far enough for some of what is shown to leave the picture.
  const auto codes = 4 * torch::randn({12, options.slots * options.code_dim}, test::random(7));
  const auto judge = torch::randn({12, options.channels, 12, 70}, test::random(8));
  const auto derive = [&](bool by_grid) {
    const auto x = features.detach().clone().requires_grad_();
    const auto code = codes.detach().clone().requires_grad_();
    const auto of_slots = code.view({-1, options.code_dim});
    const auto y =
        by_grid
            ? warp_by_grid(x, warp->maps(of_slots),
                           options.fade ? warp->fades(of_slots) : torch::empty(0), options)
            : warp(x.to(type).contiguous(torch::MemoryFormat::ChannelsLast), code).to(at::kFloat);
    auto of = warp->parameters();
    of.insert(of.end(), {x, code});
    auto found = torch::autograd::grad({(y * judge).sum()}, of);
    found.push_back(y.detach());
    return found;
  };
  const auto found = derive(false), expected = derive(true);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_LT(largest_error(found[i], expected[i]), tolerance) << i;
    EXPECT_GT(largest_error(found[i], 1.05 * expected[i]), tolerance) << i;
  }
}

TEST(WarpTest, OnTheCpuIsAsByGridSampler) {
  for (const int64_t width : {1, 3, 4, 8, 16, 32}) {
    SCOPED_TRACE(width);
    expect_as_by_grid({5, 3 * width, 3, 16, /*still=*/1}, at::kFloat, 1e-4);
    expect_as_by_grid({5, 3 * width, 3, 16, /*still=*/1, /*slots=*/3, /*fade=*/true}, at::kFloat,
                      1e-4);
    expect_as_by_grid({5, 2 * width, 2}, at::kBFloat16, 0.05);
    expect_as_by_grid({5, 2 * width, 2, 16, /*still=*/0, /*slots=*/2, /*fade=*/true}, at::kBFloat16,
                      0.05);
  }
}

TEST(WarpTest, AddsUpObjectsThatAreMovedByTheirOwnCodes) {
  torch::manual_seed(1);
  WarpOptions options{3, 4, 2};
  Warp one(options);
  options.slots = 3;
  Warp all(options);
  const torch::NoGradGuard no_grad;
  for (auto& item : one->named_parameters())
    all->named_parameters()[item.key()].copy_(item.value());
  const auto x = torch::randn({2 * 3, 4, 8, 8}, test::random(1));
  const auto code = torch::randn({2 * 5, 3 * 3}, test::random(2));
  const auto y = all(x, code);
  EXPECT_TRUE(y.is_contiguous(torch::MemoryFormat::ChannelsLast));
  auto expected = torch::zeros({10, 4, 8, 8});
  for (int64_t object = 0; object < 3; ++object)
    expected += one(x.slice(0, object, c10::nullopt, 3), code.narrow(1, 3 * object, 3));
  ASSERT_EQ(y.sizes(), expected.sizes());
  EXPECT_LT((y - expected).abs().max().item<double>(), 1e-5);
  EXPECT_THROW(all(x.narrow(0, 0, 5), code), c10::Error);
}

TEST(WarpTest, WhatIsNoNumberShowsNothing) {
  Warp warp(WarpOptions{3, 4, 2});
  auto code = torch::randn({2, 3}, test::random(2));
  code[1][0] = std::nanf("");
  const auto y = warp(torch::ones({1, 4, 8, 8}), code);
  EXPECT_GT(y[0].abs().max().item<double>(), 0.5);
  EXPECT_EQ(y[1].abs().max().item<double>(), 0);
}

TEST(WarpTest, RefusesWhatDoesNotFit) {
  Warp warp(WarpOptions{3, 6, 2});
  EXPECT_THROW(warp(torch::zeros({2, 4, 8, 8}), torch::zeros({4, 3})), c10::Error);
  EXPECT_THROW(warp(torch::zeros({2, 6, 8, 8}), torch::zeros({3, 3})), c10::Error);
}

}  // namespace
}  // namespace vidgen::nn
