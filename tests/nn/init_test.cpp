#include "vidgen/nn/init.h"

#include <gtest/gtest.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/embedding.h>

#include <cmath>

#include "nn/motions.h"
#include "support/random.h"
#include "vidgen/nn/attention.h"
#include "vidgen/nn/layout.h"

namespace vidgen::nn {
namespace {

using torch::nn::BatchNorm2d;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::ConvTranspose2d;
using torch::nn::ConvTranspose2dOptions;
using torch::nn::Embedding;
using torch::nn::Linear;
using torch::nn::ModuleList;
using torch::nn::Sequential;

ModuleList all_kinds() {
  const auto layers = [](const TemporalOptions& options) { return TestedMotion(options).layers; };
  return ModuleList(Conv2d(Conv2dOptions(16, 64, 3)), BatchNorm2d(64),
                    ConvTranspose2d(ConvTranspose2dOptions(64, 16, 4)), Linear(64, 100),
                    layers(motion_options("lstm", 8, 64, 2)), layers(motion_options("gru", 8)),
                    layers(motion_options("gru_cell", 16)), SelfAttention(SelfAttentionOptions{64}),
                    layers(motion_options("convolution", 16, 64, 2, 9)), Embedding(50, 40));
}

void expect_uniform(const torch::Tensor& weights, double bound) {
  EXPECT_LE(weights.abs().max().item<double>(), bound);
  EXPECT_NEAR(weights.std().item<double>(), bound / std::sqrt(3.0), 0.1 * bound);
}

TEST(Initialize, EmbeddingsAreStandardNormal) {
  for (const Init init : {Init::kDcgan, Init::kDefault, Init::kHe}) {
    Sequential network(Embedding(50, 40));
    initialize(*network, init, test::random(7));
    const auto weight = network->parameters()[0];
    EXPECT_NEAR(weight.mean().item<double>(), 0, 0.1);
    EXPECT_NEAR(weight.std().item<double>(), 1, 0.1);
  }
}

TEST(Initialize, SameSeedGivesSameWeights) {
  for (const Init init : {Init::kDcgan, Init::kDefault, Init::kHe}) {
    auto first = all_kinds();
    auto second = all_kinds();
    initialize(*first, init, test::random(7));
    torch::rand({100});
    initialize(*second, init, test::random(7));
    for (const auto& item : first->named_parameters()) {
      EXPECT_TRUE(torch::equal(item.value(), second->named_parameters()[item.key()])) << item.key();
    }
    initialize(*second, init, test::random(8));
    EXPECT_FALSE(torch::equal(first->parameters()[0], second->parameters()[0]));
  }
}

TEST(Initialize, DrawsEveryWeightOfALayer) {
  for (const Init init : {Init::kDcgan, Init::kDefault, Init::kHe}) {
    auto network = all_kinds();
    const torch::NoGradGuard no_grad;
    for (auto& item : network->named_parameters()) item.value().fill_(9);
    initialize(*network, init, test::random(7));
    for (const auto& item : network->named_parameters()) {
      const bool gamma = item.key() == "7.gamma";
      EXPECT_EQ(item.value().eq(9).any().item<bool>(), gamma) << item.key();
    }
  }
}

TEST(Initialize, LeavesGlobalRandomStateAlone) {
  auto network = all_kinds();
  torch::manual_seed(3);
  const auto expected = torch::rand({4});
  torch::manual_seed(3);
  initialize(*network, Init::kDcgan, test::random(7));
  EXPECT_TRUE(torch::equal(torch::rand({4}), expected));
}

TEST(Initialize, DoesNotDependOnLayout) {
  auto plain = all_kinds();
  auto channels_last = all_kinds();
  to_channels_last(*channels_last);
  initialize(*plain, Init::kDcgan, test::random(7));
  initialize(*channels_last, Init::kDcgan, test::random(7));
  EXPECT_TRUE(torch::equal(plain->parameters()[0], channels_last->parameters()[0]));
}

TEST(Initialize, DcganRule) {
  auto network = all_kinds();
  initialize(*network, Init::kDcgan, test::random(7));
  auto parameters = network->named_parameters();
  for (const auto* name : {"0.weight", "2.weight", "7.value.weight"}) {
    EXPECT_NEAR(parameters[name].mean().item<double>(), 0, 2e-3) << name;
    EXPECT_NEAR(parameters[name].std().item<double>(), 0.02, 2e-3) << name;
  }
  EXPECT_NEAR(parameters["1.weight"].mean().item<double>(), 1, 0.01);
  EXPECT_NEAR(parameters["1.weight"].std().item<double>(), 0.02, 5e-3);
  EXPECT_EQ(parameters["0.bias"].abs().max().item<double>(), 0);
  EXPECT_EQ(parameters["1.bias"].abs().max().item<double>(), 0);
  expect_uniform(parameters["4.rnn.weight_ih_l0"], 1 / 8.0);
  expect_uniform(parameters["4.fc.weight"], 1 / 8.0);
  EXPECT_EQ(parameters["7.gamma"].item<double>(), 0);
  expect_uniform(parameters["8.main.0.weight"], 1 / 12.0);
}

TEST(Initialize, HeRule) {
  auto network = all_kinds();
  initialize(*network, Init::kHe, test::random(7));
  auto parameters = network->named_parameters();
  const double deviation = std::sqrt(2.0 / (16 * 9));
  EXPECT_NEAR(parameters["0.weight"].mean().item<double>(), 0, 0.1 * deviation);
  EXPECT_NEAR(parameters["0.weight"].std().item<double>(), deviation, 0.03 * deviation);
  EXPECT_EQ(parameters["0.bias"].abs().max().item<double>(), 0);
  EXPECT_TRUE(torch::equal(parameters["1.weight"], torch::ones({64})));
  expect_uniform(parameters["3.weight"], 1 / 8.0);
  expect_uniform(parameters["4.rnn.weight_ih_l0"], 1 / 8.0);
  EXPECT_NEAR(parameters["8.main.2.weight"].std().item<double>(), std::sqrt(2.0 / (64 * 9)), 3e-3);
}

TEST(Initialize, HeRuleKeepsTheSquaresOfWhatIsRectified) {
  const auto x = torch::randn({8, 64, 16, 16}, test::random(1)).relu();  // mean square 1/2
  const auto expect_one = [](auto layer, const torch::Tensor& in) {
    initialize(*layer, Init::kHe, test::random(7));
    const auto y = layer->forward(in);
    const int64_t border = y.size(2) > 4 ? 2 : 0;  // where the padding counts
    const int64_t inner = y.size(2) - 2 * border;
    const auto seen = y.narrow(2, border, inner).narrow(3, border, inner);
    EXPECT_NEAR(seen.square().mean().template item<double>(), 1, 0.15);
  };
  expect_one(Conv2d(Conv2dOptions(64, 256, 3).padding(1)), x);
  expect_one(Conv2d(Conv2dOptions(64, 256, 4).stride(2).padding(1)), x);
  expect_one(ConvTranspose2d(ConvTranspose2dOptions(64, 256, 4).stride(2).padding(1)), x);
  const auto latents = torch::randn({64, 100, 1, 1}, test::random(2)).relu();
  expect_one(ConvTranspose2d(ConvTranspose2dOptions(100, 64, 4)), latents);
}

TEST(Initialize, DefaultRule) {
  auto network = all_kinds();
  initialize(*network, Init::kDefault, test::random(7));
  auto parameters = network->named_parameters();
  expect_uniform(parameters["0.weight"], 1 / std::sqrt(16.0 * 9));
  expect_uniform(parameters["0.bias"], 1 / std::sqrt(16.0 * 9));
  expect_uniform(parameters["2.weight"], 1 / std::sqrt(16.0 * 16));
  expect_uniform(parameters["3.weight"], 1 / 8.0);
  expect_uniform(parameters["4.rnn.bias_hh_l1"], 1 / 8.0);
  expect_uniform(parameters["5.rnn.weight_hh_l0"], 1 / 8.0);
  expect_uniform(parameters["6.recurrent.weight_hh"], 1 / 4.0);
  EXPECT_TRUE(torch::equal(parameters["1.weight"], torch::ones({64})));
  EXPECT_TRUE(torch::equal(parameters["1.bias"], torch::zeros({64})));
}

}  // namespace
}  // namespace vidgen::nn
