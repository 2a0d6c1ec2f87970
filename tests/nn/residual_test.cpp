#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "support/gradient.h"
#include "support/random.h"
#include "vidgen/nn/backend.h"
#include "vidgen/nn/layers.h"
#include "vidgen/nn/layout.h"

namespace vidgen::nn {
namespace {

constexpr int64_t kFrames = 3;

ResidualBlockOptions block_options(Resample resample, bool batch_norm, bool over_time) {
  ResidualBlockOptions options{3, 5, resample};
  options.batch_norm = batch_norm;
  options.over_time = over_time;
  return options;
}

torch::Tensor two_clips() {
  return torch::randn({2 * kFrames, 3, 8, 8}, test::random(1), torch::kDouble);
}

/// Few numbers, so that no small step takes one of them over a rectifier's kink.
torch::Tensor small_clip() {
  return torch::randn({kFrames, 3, 4, 4}, test::random(2), torch::kDouble);
}

torch::Tensor batch_normalised(const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias) {
  return weight.defined() ? at::batch_norm(x, weight, bias, {}, {}, true, 0.1, 1e-5, false) : x;
}

/// What the block computes, by its definition.
torch::Tensor by_definition(const ResidualBlock& block, const torch::Tensor& x) {
  const auto parameters = block->named_parameters();
  const auto get = [&parameters](const std::string& name) {
    const auto* found = parameters.find(name);
    return found ? *found : torch::Tensor();
  };
  const auto lrelu = [](const torch::Tensor& in) { return at::leaky_relu(in, 0.2); };
  const bool halve = block->options.resample == Resample::kDownsample2x;
  const auto weight = get("resample.weight"), bias = get("resample.bias");
  auto main =
      halve ? at::conv2d(x, weight, bias, 2, 1) : at::conv_transpose2d(x, weight, bias, 2, 1);
  main = lrelu(batch_normalised(main, get("norm1.weight"), get("norm1.bias")));
  if (block->options.over_time) {
    const auto clips = main.unflatten(0, {-1, kFrames}).transpose(1, 2);
    const auto moved = at::conv3d(clips, get("over_time.weight").unsqueeze(4),
                                  get("over_time.bias"), {1, 1, 1}, {1, 0, 0});
    main = lrelu(moved.transpose(1, 2).flatten(0, 1));
  }
  main = at::conv2d(main, get("conv.weight"), get("conv.bias"), 1, 1);
  main = batch_normalised(main, get("norm2.weight"), get("norm2.bias"));
  auto skip = at::conv2d(halve ? at::avg_pool2d(x, 2) : x, get("project.weight"));
  if (!halve) skip = skip.repeat_interleave(2, 2).repeat_interleave(2, 3);
  return lrelu((main + skip) / std::sqrt(2.0));
}

/// Resample, batch_norm, over_time.
class ResidualBlocks : public testing::TestWithParam<std::tuple<Resample, bool, bool>> {
 protected:
  ResidualBlocks() : block_(options()) {
    block_->to(torch::kDouble);
    // All different, biases and scales included, which else start at 0 and 1.
    const torch::NoGradGuard no_grad;
    uint64_t seed = 10;
    for (auto& parameter : block_->parameters())
      parameter.copy_(0.3 * torch::randn(parameter.sizes(), test::random(++seed), torch::kDouble));
  }
  static ResidualBlockOptions options() {
    const auto [resample, batch_norm, over_time] = GetParam();
    return block_options(resample, batch_norm, over_time);
  }
  /// Something that depends on every output, and not linearly.
  torch::Tensor value(const torch::Tensor& x) { return block_->forward(x, kFrames).square().sum(); }

  ResidualBlock block_;
};
INSTANTIATE_TEST_SUITE_P(, ResidualBlocks,
                         testing::Combine(testing::Values(Resample::kDownsample2x,
                                                          Resample::kUpsample2x),
                                          testing::Bool(), testing::Bool()));

TEST_P(ResidualBlocks, HalveOrDoublePictures) {
  const int64_t side = options().resample == Resample::kDownsample2x ? 4 : 16;
  EXPECT_EQ(block_->forward(two_clips(), kFrames).sizes(),
            torch::IntArrayRef({2 * kFrames, 5, side, side}));
}

TEST_P(ResidualBlocks, ComputeWhatTheyAreDefinedAsWithAllGradients) {
  const auto derive = [&](const auto& forward) {
    const auto x = two_clips().requires_grad_();
    const torch::Tensor y = forward(x);
    auto wanted = block_->parameters();
    wanted.push_back(x);
    auto results = torch::autograd::grad({y.pow(3).sum()}, wanted);
    results.push_back(y.detach());
    return results;
  };
  const auto expected = derive([&](const auto& x) { return by_definition(block_, x); });
  const auto expect_same = [&](const std::vector<torch::Tensor>& found) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_TRUE(torch::allclose(found[i], expected[i], 1e-9, 1e-10)) << i;
  };
  const auto run = [&](const auto& x) { return block_->forward(x, kFrames); };
  expect_same(derive(run));
  to_channels_last(*block_);
  expect_same(derive([&](const auto& x) {
    const auto y = run(x.contiguous(torch::MemoryFormat::ChannelsLast));
    EXPECT_TRUE(y.is_contiguous(torch::MemoryFormat::ChannelsLast));
    return y;
  }));
}

TEST_P(ResidualBlocks, GradientsOfTwoOrders) {
  const auto x = small_clip().requires_grad_();
  test::expect_gradient([&] { return value(x); }, x);
  const auto penalty = [&] {
    return torch::autograd::grad({value(x)}, {x}, {}, /*retain_graph=*/true, true)[0]
        .square()
        .sum();
  };
  test::expect_gradient(penalty, x);
  for (const char* name : {"resample.weight", "conv.weight", "project.weight"}) {
    SCOPED_TRACE(name);
    test::expect_gradient(penalty, block_->named_parameters()[name]);
  }
}

TEST_P(ResidualBlocks, CloneIsEqual) {
  const auto x = two_clips();
  block_->eval();
  const auto expected = block_->forward(x, kFrames);
  ResidualBlock copy(std::dynamic_pointer_cast<ResidualBlockImpl>(block_->clone()));
  {
    const torch::NoGradGuard no_grad;
    for (auto& parameter : block_->parameters()) parameter.zero_();
  }
  EXPECT_TRUE(copy->forward(x, kFrames).equal(expected));
}

TEST_P(ResidualBlocks, ObserverSeesEveryParameterOnce) {
  std::vector<std::string> seen;
  const LayerObserver observer = [&seen](const std::string& name, const auto& layer, const auto&) {
    for (const auto& item : layer.named_parameters()) seen.push_back(name + "." + item.key());
  };
  block_->forward(two_clips(), kFrames, observer);
  auto names = block_->named_parameters().keys();
  std::sort(seen.begin(), seen.end());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(seen, names);
}

TEST(ResidualBlock, SeesNeighbouringFramesOfItsOwnClip) {
  ResidualBlock block(block_options(Resample::kDownsample2x, false, true));
  block->to(torch::kDouble);
  const int64_t frames = 4;
  const auto x = torch::randn({2 * frames, 3, 8, 8}, test::random(1), torch::kDouble);
  const auto before = block->forward(x, frames);
  auto other = x.clone();
  other[frames - 1].add_(1);  // the last frame of the first clip
  const auto change =
      (block->forward(other, frames) - before).abs().sum({1, 2, 3}).gt(1e-9).to(torch::kLong);
  EXPECT_TRUE(change.equal(torch::tensor({0, 0, 1, 1, 0, 0, 0, 0}, torch::kLong)))
      << "its own and its neighbour's, none of the second clip's";
  EXPECT_TRUE(torch::allclose(block->forward(x.narrow(0, frames, frames), frames),
                              before.narrow(0, frames, frames), 1e-9, 1e-12));
}

/// Result and gradients of a block of sizes for which Winograd pays.
std::vector<torch::Tensor> with_backend(ResidualBlock block, const torch::Tensor& x, bool fast) {
  backend().winograd = fast;
  const auto in = x.detach().clone().requires_grad_();
  const auto y = block->forward(in);
  backend().winograd = true;
  auto results =
      torch::autograd::grad({y.square().sum()}, {in, block->named_parameters()["resample.weight"],
                                                 block->named_parameters()["resample.bias"]});
  results.push_back(y.detach());
  return results;
}

TEST(ResidualBlock, FastConvolutionsEqualPlainOnes) {
  for (const auto resample : {Resample::kDownsample2x, Resample::kUpsample2x}) {
    const bool halve = resample == Resample::kDownsample2x;
    ResidualBlock block(ResidualBlockOptions{halve ? 64 : 256, halve ? 256 : 70, resample});
    {
      const torch::NoGradGuard no_grad;
      auto bias = block->named_parameters()["resample.bias"];
      bias.copy_(torch::randn(bias.sizes(), test::random(2)));
    }
    const int64_t side = halve ? 16 : 8;
    const auto x = torch::randn({8, halve ? 64 : 256, side, side}, test::random(1));
    const auto fast = with_backend(block, x, true), plain = with_backend(block, x, false);
    EXPECT_FALSE(fast.back().equal(plain.back())) << "the same algorithm twice";
    // The kinks of the rectifiers: a value near 0 may fall to either side.
    for (size_t i = 0; i < fast.size(); ++i)
      EXPECT_LT(((fast[i] - plain[i]).norm() / plain[i].norm()).item<double>(), 1e-2) << i;
  }
}

}  // namespace
}  // namespace vidgen::nn
