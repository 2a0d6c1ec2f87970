#include "vidgen/nn/spectral_norm.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include "support/fixture.h"
#include "support/gradient.h"
#include "support/random.h"
#include "vidgen/nn/autocast.h"
#include "vidgen/nn/init.h"

namespace vidgen::nn {
namespace {

using test::Fixture;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::ConvTranspose2d;
using torch::nn::ConvTranspose2dOptions;
using torch::nn::Sequential;

template <class Layer>
Sequential with_spectral_norm(const Layer& layer) {
  Sequential net;
  net->push_back(layer);
  add_spectral_norm(*net);
  return net;
}

template <class Layer>
torch::Tensor buffer_of(const Layer& layer, const std::string& name) {
  return layer->named_buffers()[name];
}

/// The layer with the fixture's weights, u and v, through five passes.
template <class Layer>
void expect_reference(Layer layer, const Fixture& fixture, const std::string& name) {
  auto net = with_spectral_norm(layer);
  const torch::Tensor parameter = layer->weight;
  const auto u = buffer_of(layer, "weight_u"), v = buffer_of(layer, "weight_v");
  {
    const torch::NoGradGuard no_grad;
    parameter.copy_(fixture.tensor(name + ".parametrizations.weight.original"));
    layer->bias.copy_(fixture.tensor(name + ".bias"));
    u.copy_(fixture.tensor(name + ".parametrizations.weight.0._u"));
    v.copy_(fixture.tensor(name + ".parametrizations.weight.0._v"));
  }
  const auto x = fixture.tensor("in." + name + ".x");
  for (int pass = 1; pass <= 5; ++pass) {
    const SpectralWeights weights(*net);
    const auto y = layer->forward(x);
    if (pass != 1 && pass != 5) continue;
    const std::string out = "out." + name + ".", number = "_" + std::to_string(pass);
    fixture.expect_close(out + "u" + number, u);
    fixture.expect_close(out + "v" + number, v);
    fixture.expect_close(out + "weight" + number, layer->weight);
    fixture.expect_close(out + "sigma" + number, parameter.norm() / layer->weight.norm());
    fixture.expect_close(out + "y" + number, y);
    const auto cotangent = fixture.tensor("in." + name + ".cotangent" + number);
    const auto gradient = torch::autograd::grad({(y * cotangent).sum()}, {parameter})[0];
    fixture.expect_close("grad." + name + ".y" + number + ".original", gradient);
  }
  EXPECT_TRUE(layer->weight.is_same(parameter)) << "the layer has its parameter back";
}

TEST(SpectralNorm, ReproducesReference) {
  const Fixture fixture("spectral_norm");
  const int64_t in = fixture.integer("in"), out = fixture.integer("out");
  const int64_t kernel = fixture.integer("kernel");
  expect_reference(Conv2d(Conv2dOptions(in, out, kernel)), fixture, "conv");
}

TEST(SpectralNorm, ReproducesReferenceOfTransposedConvolution) {
  const Fixture fixture("spectral_norm");
  const int64_t in = fixture.integer("in"), out = fixture.integer("out");
  const int64_t kernel = fixture.integer("kernel");
  expect_reference(ConvTranspose2d(ConvTranspose2dOptions(in, out, kernel)), fixture, "convt");
}

TEST(SpectralNorm, PowerMethodFindsTheLargestSingularValue) {
  const auto matrix = torch::randn({6, 9}, test::random(1), torch::kDouble);
  auto u = torch::ones({6}, torch::kDouble), v = torch::ones({9}, torch::kDouble);
  for (int i = 0; i < 500; ++i) power_iteration(matrix, u, v);
  EXPECT_NEAR(torch::dot(u, torch::mv(matrix, v)).item<double>(),
              at::linalg_svdvals(matrix)[0].item<double>(), 1e-9);
  EXPECT_NEAR(u.norm().item<double>(), 1, 1e-12);
  EXPECT_NEAR(v.norm().item<double>(), 1, 1e-12);
}

TEST(SpectralNorm, StepsInTrainingModeOnly) {
  Conv2d layer(Conv2dOptions(3, 5, 3));
  auto net = with_spectral_norm(layer);
  const auto u = buffer_of(layer, "weight_u");
  const auto first = u.clone();
  net->eval();
  { const SpectralWeights weights(*net); }
  EXPECT_TRUE(u.equal(first));
  net->train();
  { const SpectralWeights weights(*net); }
  EXPECT_FALSE(u.equal(first));
}

TEST(SpectralNorm, LaterPassesLeaveGradientsOfEarlierOnesAlone) {
  Conv2d layer(Conv2dOptions(3, 5, 3));
  auto net = with_spectral_norm(layer);
  const torch::Tensor parameter = layer->weight;
  const auto x = torch::randn({2, 3, 6, 6}, test::random(1));
  const auto pass = [&] {
    const SpectralWeights weights(*net);
    return layer->forward(x).square().sum();
  };
  const auto first = pass();
  const auto expected = torch::autograd::grad({first}, {parameter}, {}, /*retain_graph=*/true)[0];
  pass();
  EXPECT_TRUE(torch::autograd::grad({first}, {parameter})[0].equal(expected));
}

TEST(SpectralNorm, GradientGoesThroughSigma) {
  Conv2d layer(Conv2dOptions(2, 3, 3));
  auto net = with_spectral_norm(layer);
  net->to(torch::kDouble);
  { const SpectralWeights weights(*net); }  // u and v are no longer constant numbers
  net->eval();
  const auto x = torch::randn({2, 2, 5, 5}, test::random(1), torch::kDouble);
  const auto value = [&] {
    const SpectralWeights weights(*net);
    return layer->forward(x).square().mean();
  };
  test::expect_gradient(value, torch::Tensor(layer->weight));
}

TEST(SpectralNorm, StaysInFloat32UnderAutocast) {
  Conv2d layer(Conv2dOptions(3, 5, 3));
  auto net = with_spectral_norm(layer);
  { const SpectralWeights weights(*net); }
  net->eval();
  torch::Tensor expected;
  {
    const SpectralWeights weights(*net);
    expected = layer->weight;
  }
  const Autocast autocast(torch::kCPU, true, torch::kBFloat16);
  const SpectralWeights weights(*net);
  EXPECT_TRUE(layer->weight.equal(expected));
  EXPECT_EQ(layer->forward(torch::ones({1, 3, 6, 6})).scalar_type(), torch::kBFloat16);
}

TEST(SpectralNorm, InitializeDrawsDirections) {
  Conv2d layer(Conv2dOptions(3, 5, 3));
  auto net = with_spectral_norm(layer);
  const auto u = buffer_of(layer, "weight_u"), v = buffer_of(layer, "weight_v");
  EXPECT_EQ(u.sizes(), torch::IntArrayRef({5}));
  EXPECT_EQ(v.sizes(), torch::IntArrayRef({27}));
  initialize(*net, Init::kDefault, test::random(3));
  const auto first = u.clone();
  EXPECT_NEAR(u.norm().item<double>(), 1, 1e-6);
  EXPECT_NEAR(v.norm().item<double>(), 1, 1e-6);
  initialize(*net, Init::kDefault, test::random(4));
  EXPECT_FALSE(u.equal(first));
  initialize(*net, Init::kDefault, test::random(3));
  EXPECT_TRUE(u.equal(first));
}

}  // namespace
}  // namespace vidgen::nn
