#include "vidgen/nn/convolution.h"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/modules/conv.h>

#include <limits>

#include "../support/random.h"
#include "vidgen/nn/autocast.h"
#include "vidgen/nn/backend.h"

namespace vidgen::nn {
namespace {

namespace layers = torch::nn;

/// Puts the switch back at the end of a test.
class FastConvolutionTest : public testing::Test {
 protected:
  ~FastConvolutionTest() override { backend().winograd = true; }
};

layers::Conv2d down(int64_t in, int64_t out) {
  return layers::Conv2d(layers::Conv2dOptions(in, out, 4).stride(2).padding(1).bias(false));
}

layers::ConvTranspose2d up(int64_t in, int64_t out) {
  return layers::ConvTranspose2d(
      layers::ConvTranspose2dOptions(in, out, 4).stride(2).padding(1).bias(false));
}

layers::Conv3d down_clips(int64_t in, int64_t out, int64_t frames) {
  return layers::Conv3d(layers::Conv3dOptions(in, out, {frames, 4, 4})
                            .stride({1, 2, 2})
                            .padding({0, 1, 1})
                            .bias(false));
}

/// Largest difference in units of the expected values' standard deviation.
double error(const torch::Tensor& found, const torch::Tensor& expected) {
  EXPECT_EQ(found.sizes(), expected.sizes());
  return ((found - expected).abs().max() / expected.std()).item<double>();
}

constexpr double kTolerance = 5e-5;

/// The result, both gradients, and both gradients of a penalty on the gradient of x, of a layer
/// that is run as it is and by fast_convolution().
template <class Layer>
void expect_same(Layer layer, const torch::Tensor& x) {
  const auto derive = [&](bool fast) {
    const auto in = x.detach().clone().requires_grad_();
    const auto out = fast ? fast_convolution(*layer, in).value() : layer->forward(in);
    const auto weight = layer->weight;
    const auto gradients = torch::autograd::grad({out.pow(2).sum()}, {in, weight}, {}, {}, true);
    const auto penalty = torch::autograd::grad({gradients[0].pow(2).sum()}, {in, weight});
    return std::vector<torch::Tensor>{out, gradients[0], gradients[1], penalty[0], penalty[1]};
  };
  const auto found = derive(true), expected = derive(false);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_LT(error(found[i], expected[i]), kTolerance) << i;
    EXPECT_GT(error(found[i], expected[i] * 1.001), kTolerance) << i;
  }
}

torch::Tensor channels_last(const torch::Tensor& x) {
  return x.contiguous(x.dim() == 5 ? at::MemoryFormat::ChannelsLast3d
                                   : at::MemoryFormat::ChannelsLast);
}

TEST_F(FastConvolutionTest, ConvolutionOfFramesEqualsLibTorchsWithGradientsOfTwoOrders) {
  const auto x = torch::randn({8, 64, 16, 16}, test::random(1));
  expect_same(down(64, 256), channels_last(x));
  expect_same(down(64, 256), x);
}

TEST_F(FastConvolutionTest, TransposedConvolutionEqualsLibTorchs) {
  expect_same(up(256, 70), channels_last(torch::randn({8, 256, 8, 8}, test::random(2))));
}

TEST_F(FastConvolutionTest, ConvolutionOfClipsEqualsLibTorchs) {
  expect_same(down_clips(20, 70, 4),
              channels_last(torch::randn({2, 20, 9, 16, 16}, test::random(3))));
}

TEST_F(FastConvolutionTest, FewChannelsAndWideFramesEqualLibTorchs) {
  expect_same(down_clips(3, 16, 2),
              channels_last(torch::randn({3, 3, 4, 12, 20}, test::random(4))));
}

TEST_F(FastConvolutionTest, FramesOfFewChannelsEqualLibTorchs) {
  expect_same(down(3, 16), channels_last(torch::randn({4, 3, 16, 24}, test::random(9))));
  expect_same(up(16, 3), channels_last(torch::randn({4, 16, 8, 12}, test::random(10))));
}

TEST_F(FastConvolutionTest, PicturesFromOnePixelEqualLibTorchs) {
  const layers::ConvTranspose2d layer(layers::ConvTranspose2dOptions(20, 24, 4).bias(false));
  expect_same(layer, torch::randn({5, 20, 1, 1}, test::random(12)));
  layer->weight.set_data(channels_last(layer->weight.detach()));
  expect_same(layer, torch::randn({5, 20, 1, 1}, test::random(12)));
  const auto made = fast_convolution(*layer, torch::randn({5, 20, 1, 1}, test::random(12)));
  EXPECT_TRUE(made->is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST_F(FastConvolutionTest, ResultsCanBeChangedInPlace) {
  auto layer = down(3, 16);
  const auto x = channels_last(torch::randn({4, 3, 16, 24}, test::random(11)));
  const auto slope = [&](torch::Tensor y) {
    return torch::autograd::grad({torch::leaky_relu_(y, 0.2).pow(2).sum()}, {layer->weight})[0];
  };
  EXPECT_LT(error(slope(fast_convolution(*layer, x).value()), slope(layer->forward(x))),
            kTolerance);
}

/// The result and the gradient of the bias.
template <class Layer>
void expect_same_with_bias(Layer layer, const torch::Tensor& x) {
  {
    const torch::NoGradGuard no_grad;
    layer->bias.copy_(torch::randn(layer->bias.sizes(), test::random(8)));
  }
  expect_same(layer, x);
  const auto derive = [&](const torch::Tensor& out) {
    return torch::autograd::grad({out.pow(2).sum()}, {layer->bias})[0];
  };
  const torch::Tensor found = derive(fast_convolution(*layer, x).value()),
                      expected = derive(layer->forward(x));
  EXPECT_LT((found - expected).norm().item<double>(), kTolerance * expected.norm().item<double>());
}

TEST_F(FastConvolutionTest, BiasIsAdded) {
  const auto wide = channels_last(torch::randn({8, 64, 16, 16}, test::random(1)));
  expect_same_with_bias(layers::Conv2d(layers::Conv2dOptions(64, 256, 4).stride(2).padding(1)),
                        wide);
  expect_same_with_bias(
      layers::ConvTranspose2d(layers::ConvTranspose2dOptions(256, 70, 4).stride(2).padding(1)),
      channels_last(torch::randn({8, 256, 8, 8}, test::random(2))));
  expect_same_with_bias(
      layers::Conv3d(layers::Conv3dOptions(20, 70, 4).stride({1, 2, 2}).padding({0, 1, 1})),
      channels_last(torch::randn({2, 20, 9, 16, 16}, test::random(3))));
}

TEST_F(FastConvolutionTest, PicturesToColoursEqualLibTorchs) {
  for (const int64_t colours : {1, 3}) {
    for (const int64_t channels : {16, 48}) {
      const layers::Conv2d layer(layers::Conv2dOptions(channels, colours, 3).padding(1));
      // As wide as several registers, and not quite.
      expect_same_with_bias(layer,
                            channels_last(torch::randn({3, channels, 6, 64}, test::random(21))));
      expect_same_with_bias(layer, torch::randn({2, channels, 9, 37}, test::random(22)));
    }
  }
}

TEST_F(FastConvolutionTest, PicturesToOnePixelEqualLibTorchs) {
  const layers::Conv2d layer(layers::Conv2dOptions(21, 3, 4));
  expect_same_with_bias(layer, channels_last(torch::randn({5, 21, 4, 4}, test::random(23))));
  expect_same(layers::Conv2d(layers::Conv2dOptions(21, 1, 4).bias(false)),
              torch::randn({5, 21, 4, 4}, test::random(24)));
}

TEST_F(FastConvolutionTest, ManyClipsAreDoneInParts) {
  expect_same(down_clips(40, 70, 2),
              channels_last(torch::randn({16, 40, 6, 64, 64}, test::random(5))));
}

TEST_F(FastConvolutionTest, GradientsThatNobodyWantsAreNotComputed) {
  const auto layer = down(64, 256);
  layer->weight.requires_grad_(false);
  const auto x = channels_last(torch::randn({8, 64, 16, 16}, test::random(6))).requires_grad_();
  fast_convolution(*layer, x)->sum().backward();
  EXPECT_TRUE(x.grad().defined());
  EXPECT_FALSE(layer->weight.grad().defined());
}

/// Root of the mean squared difference, in units of the expected values' standard deviation.
double mean_error(const torch::Tensor& found, const torch::Tensor& expected) {
  EXPECT_EQ(found.sizes(), expected.sizes());
  return ((found.to(torch::kFloat) - expected).pow(2).mean().sqrt() / expected.std())
      .item<double>();
}

/// The result and both gradients in bfloat16 are, by fast_convolution(), about as near to those in
/// float32 as by LibTorch.
template <class Layer>
void expect_as_good_in_bfloat16(Layer layer, const torch::Tensor& x) {
  const auto factor = torch::randn(layer->forward(x).sizes(), test::random(20));
  const auto derive = [&](bool bfloat16, bool fast) {
    const auto in = x.detach().clone().requires_grad_();
    torch::Tensor out;
    {
      const Autocast autocast(at::kCPU, bfloat16, at::kBFloat16);
      out = fast ? fast_convolution(*layer, in).value() : layer->forward(in);
    }
    EXPECT_EQ(out.scalar_type(), bfloat16 ? at::kBFloat16 : at::kFloat);
    const auto gradients = torch::autograd::grad({(out * factor).sum()}, {in, layer->weight});
    EXPECT_EQ(gradients[1].scalar_type(), at::kFloat);
    return std::vector<torch::Tensor>{out, gradients[0], gradients[1]};
  };
  const auto exact = derive(false, false), plain = derive(true, false), fast = derive(true, true);
  for (size_t i = 0; i < exact.size(); ++i) {
    EXPECT_LT(mean_error(plain[i], exact[i]), 0.01) << i;
    EXPECT_LT(mean_error(fast[i], exact[i]), 3 * mean_error(plain[i], exact[i])) << i;
  }
}

TEST_F(FastConvolutionTest, InBfloat16ItIsAboutAsExactAsLibTorch) {
  expect_as_good_in_bfloat16(down(64, 256),
                             channels_last(torch::randn({8, 64, 64, 64}, test::random(13))));
  expect_as_good_in_bfloat16(up(256, 70),
                             channels_last(torch::randn({32, 256, 32, 16}, test::random(14))));
  expect_as_good_in_bfloat16(down_clips(64, 136, 4),
                             channels_last(torch::randn({3, 64, 9, 32, 32}, test::random(15))));
  expect_as_good_in_bfloat16(down_clips(3, 16, 2),
                             channels_last(torch::randn({3, 3, 4, 12, 20}, test::random(16))));
  expect_as_good_in_bfloat16(up(16, 3), torch::randn({4, 16, 8, 12}, test::random(17)));
  const layers::Conv2d colours(layers::Conv2dOptions(32, 3, 3).padding(1));
  expect_as_good_in_bfloat16(colours,
                             channels_last(torch::randn({4, 32, 20, 40}, test::random(25))));
  const layers::ConvTranspose2d from_pixel(layers::ConvTranspose2dOptions(20, 24, 4).bias(false));
  expect_as_good_in_bfloat16(from_pixel, torch::randn({50, 20, 1, 1}, test::random(18)));
}

TEST_F(FastConvolutionTest, InBfloat16WhatIsNoNumberStaysNone) {
  auto x = torch::randn({8, 64, 64, 64}, test::random(19));
  x[0][0][0][0] = std::numeric_limits<float>::quiet_NaN();
  const Autocast autocast(at::kCPU, true, at::kBFloat16);
  const auto y = fast_convolution(*down(64, 256), channels_last(x)).value();
  EXPECT_TRUE(y[0].isnan().any().item<bool>());
  EXPECT_FALSE(y[1].isnan().any().item<bool>());
}

TEST_F(FastConvolutionTest, Float16IsLeftToLibTorch) {
  const auto x = torch::randn({8, 64, 64, 64}, test::random(19));
  const Autocast autocast(at::kCPU, true, at::kHalf);
  EXPECT_FALSE(fast_convolution(*down(64, 256), x));
}

TEST_F(FastConvolutionTest, DoublingWithConstantWeightsInBfloat16) {
  auto layer = up(256, 72);
  const auto x = channels_last(torch::randn({32, 256, 32, 16}, test::random(8)));
  const auto bias = torch::randn({72}, test::random(9));
  const torch::NoGradGuard no_grad;
  const auto exact = torch::relu(layer->forward(x) + bias.view({1, -1, 1, 1}));
  ASSERT_TRUE(DoublingConvolution::may_pay(layer->weight, at::kBFloat16));
  const DoublingConvolution doubling(layer->weight, bias, 0, at::kBFloat16);
  EXPECT_TRUE(doubling.pays(32, 32, 16));
  EXPECT_FALSE(doubling.pays(1, 8, 8)) << "too few numbers";
  const auto found = doubling(x.to(at::kBFloat16));
  EXPECT_EQ(found.scalar_type(), at::kBFloat16);
  EXPECT_LT(mean_error(found, exact), 0.01);
}

TEST_F(FastConvolutionTest, DoublingWithConstantWeights) {
  auto layer = up(300, 70);
  const auto x = channels_last(torch::randn({40, 300, 8, 6}, test::random(8)));
  const auto bias = torch::randn({70}, test::random(9));
  const torch::NoGradGuard no_grad;
  ASSERT_TRUE(DoublingConvolution::may_pay(layer->weight, torch::kFloat));
  const auto sum = layer->forward(x) + bias.view({1, -1, 1, 1});
  for (const double slope : {1.0, 0.2, 0.0}) {
    const DoublingConvolution doubling(layer->weight, bias, slope, torch::kFloat);
    EXPECT_TRUE(doubling.pays(40, 8, 6));
    EXPECT_FALSE(doubling.pays(1, 8, 6)) << "too few tiles";
    const auto found = doubling(x);
    EXPECT_LT(error(found, at::leaky_relu(sum, slope)), kTolerance) << slope;
    EXPECT_TRUE(found.is_contiguous(torch::MemoryFormat::ChannelsLast));
    const c10::InferenceMode inference;
    EXPECT_TRUE(doubling(x + 0).equal(found)) << "of inference tensors";
  }
  EXPECT_FALSE(DoublingConvolution::may_pay(up(300, 10)->weight, torch::kFloat))
      << "too few channels";
  backend().winograd = false;
  EXPECT_FALSE(DoublingConvolution::may_pay(layer->weight, torch::kFloat));
}

/// The result and gradients of two orders of plain_convolution() are those of the layer.
void expect_plain_same(layers::Conv2d layer, const torch::Tensor& x) {
  const auto derive = [&](bool plain) {
    const auto in = x.detach().clone().requires_grad_();
    const auto out = plain ? plain_convolution(*layer, in) : layer->forward(in);
    std::vector<torch::Tensor> inputs{in, layer->weight};
    if (layer->bias.defined()) inputs.push_back(layer->bias);
    const auto once = torch::autograd::grad({out.pow(3).sum()}, inputs, {}, true, false);
    auto results = torch::autograd::grad({out.pow(3).sum()}, inputs, {}, true, true);
    for (size_t i = 0; i < once.size(); ++i)
      EXPECT_LT(error(once[i], results[i]), kTolerance) << "without a graph, " << i;
    torch::Tensor squares = torch::zeros({});
    for (const auto& gradient : results) squares = squares + gradient.pow(2).sum();
    for (const auto& second : torch::autograd::grad({squares}, inputs)) results.push_back(second);
    results.push_back(out);
    return results;
  };
  const auto found = derive(true), expected = derive(false);
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_LT(error(found[i], expected[i]), kTolerance) << i;
}

TEST_F(FastConvolutionTest, PlainOnesHaveLibTorchsGradientsOfTwoOrders) {
  const auto x = channels_last(torch::randn({6, 8, 12, 10}, test::random(26)));
  expect_plain_same(layers::Conv2d(layers::Conv2dOptions(8, 12, 3).padding(1)), x);
  expect_plain_same(layers::Conv2d(layers::Conv2dOptions(8, 12, 4).stride(2).padding(1)), x);
  expect_plain_same(layers::Conv2d(layers::Conv2dOptions(8, 12, 1).bias(false)), x.contiguous());
  expect_plain_same(layers::Conv2d(layers::Conv2dOptions(8, 12, {3, 1}).padding({1, 0})), x);
  expect_plain_same(layers::Conv2d(layers::Conv2dOptions(8, 4, 3).padding(1).groups(2)), x);
}

TEST_F(FastConvolutionTest, LeavesWhatItDoesNotKnowToLibTorch) {
  const auto x = torch::randn({8, 64, 16, 16}, test::random(7));
  EXPECT_TRUE(fast_convolution(*down(64, 256), x));
  EXPECT_FALSE(fast_convolution(*down(64, 32), x)) << "too few channels";
  EXPECT_FALSE(fast_convolution(*down(64, 256), x.narrow(0, 0, 1))) << "too few tiles";
  EXPECT_FALSE(fast_convolution(*down(64, 256), x.narrow(2, 0, 14))) << "odd size of the result";
  EXPECT_FALSE(fast_convolution(*down(64, 256), x.narrow(2, 0, 15))) << "odd size";
  EXPECT_FALSE(fast_convolution(*down(64, 256), x.to(torch::kBFloat16)));
  const auto options = layers::Conv2dOptions(64, 256, 4).stride(2).padding(1).bias(false);
  for (auto other :
       {layers::Conv2dOptions(options).stride(1), layers::Conv2dOptions(options).padding(0),
        layers::Conv2dOptions(options).groups(2),
        layers::Conv2dOptions(64, 256, 3).stride(2).padding(1).bias(false)}) {
    EXPECT_FALSE(fast_convolution(*layers::Conv2d(other), x));
  }
  backend().winograd = false;
  EXPECT_FALSE(fast_convolution(*down(64, 256), x));
}

}  // namespace
}  // namespace vidgen::nn
