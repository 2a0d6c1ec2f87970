
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/random.h"
#include "vidgen/compress/quantize.h"

namespace vidgen::compress {
namespace {

using Kind = infer::Layer::Kind;

infer::Layer drawn_layer(Kind kind, const std::vector<int64_t>& shape, double size,
                         infer::Activation activation, uint64_t seed) {
  infer::Layer layer;
  layer.name = "layer" + std::to_string(seed);
  layer.kind = kind;
  layer.weight = torch::randn(shape, test::random(seed)) * size;
  const int64_t channels = shape[static_cast<size_t>(infer::output_axis(kind))];
  layer.bias = torch::randn({channels}, test::random(seed + 100)) * 0.2;
  layer.activation = activation;
  return layer;
}

/// 7 latents -> pictures of 3x8x8, by a layer of each kind that can be in eight bits.
infer::Plan three_layers() {
  infer::Plan plan{drawn_layer(Kind::kFromLatent, {7, 12, 4, 4}, 0.4, infer::Activation::kRelu, 1),
                   drawn_layer(Kind::kUpsample2x, {12, 8, 4, 4}, 0.2, infer::Activation::kRelu, 2),
                   drawn_layer(Kind::kConvolution, {3, 8, 3, 3}, 0.1, infer::Activation::kTanh, 3)};
  plan[1].inputs = {0};
  plan[2].inputs = {1};
  return plan;
}

torch::Tensor seven_latents(int64_t count, uint64_t seed) {
  return torch::randn({count, 7}, test::random(seed));
}

/// The plan in eight bits, of which inputs but the latents have the share `shown` of their range.
infer::QuantizedLayers eight_bits(const infer::Plan& plan, double shown = 1) {
  infer::QuantizedLayers layers;
  infer::run_plan(plan, seven_latents(64, 50), 1,
                  [&](size_t index, const torch::Tensor& input, const torch::Tensor&) {
                    const auto& layer = plan[index];
                    const double share = index == 0 ? 1 : shown;
                    const auto range = widened({}, input);
                    const auto scale = uint8_scale({range.min * share, range.max * share});
                    const auto weight =
                        quantize_weight(layer.weight, infer::output_axis(layer.kind));
                    layers[layer.name] = {weight.values, weight.scale, layer.bias, scale.scale,
                                          scale.zero_point};
                  });
  return layers;
}

/// Those layers with the weights and biases of another plan.
infer::QuantizedLayers reweighted(infer::QuantizedLayers layers, const infer::Plan& plan) {
  for (const auto& layer : plan) {
    const auto weight = quantize_weight(layer.weight, infer::output_axis(layer.kind));
    auto& quantized = layers.at(layer.name);
    quantized.weight = weight.values;
    quantized.weight_scale = weight.scale;
    quantized.bias = layer.bias;
  }
  return layers;
}

double mean_square(const torch::Tensor& difference) {
  return difference.square().mean().item<double>();
}

infer::Plan tuned_plan(const infer::Plan& plan, const infer::QuantizedLayers& layers,
                       const QuantizeAwareOptions& options) {
  const auto latents = [&](int64_t step) {
    return seven_latents(options.batch, 1000 + static_cast<uint64_t>(step));
  };
  return finetune_int8(plan, layers, latents, 1, options);
}

TEST(FakeInt8Weight, IsRoundedAndPassesTheGradient) {
  for (const int64_t axis : {0, 1}) {
    auto weight = torch::randn({5, 4, 3, 3}, test::random(1));
    weight[2][1].zero_();
    weight[1][2][0][0] = 30;
    weight.requires_grad_();
    const auto fake = fake_int8_weight(weight, axis);
    EXPECT_TRUE(fake.allclose(dequantize_weight(quantize_weight(weight, axis), axis), 1e-5, 1e-7));
    EXPECT_FALSE(fake.equal(weight));
    const auto gradient = torch::randn(weight.sizes(), test::random(2));
    fake.backward(gradient);
    EXPECT_TRUE(weight.grad().equal(gradient)) << "no weight is outside of its range";
  }
}

TEST(FakeUint8, PassesTheGradientInsideTheRange) {
  // Stands for -1 ... 1.55.
  const infer::Uint8Scale scale{0.01, 100};
  const auto x = torch::tensor({-7.0, -1.2, -0.994, 0.0, 0.123, 1.54, 1.7, 30.0})
                     .to(torch::kFloat)
                     .requires_grad_();
  const auto fake = fake_uint8(x, scale);
  const auto expected = torch::tensor({-1.0, -1.0, -0.99, 0.0, 0.12, 1.54, 1.55, 1.55});
  EXPECT_TRUE(fake.allclose(expected.to(torch::kFloat), 0, 1e-6)) << fake;
  const auto integers = infer::to_uint8(x.detach(), scale).to(torch::kFloat);
  EXPECT_TRUE(fake.allclose((integers - 100) * 0.01, 0, 1e-6));

  const auto gradient = torch::tensor({1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}).to(torch::kFloat);
  fake.backward(gradient);
  const auto passed = torch::tensor({0.0, 0.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0}).to(torch::kFloat);
  EXPECT_TRUE(x.grad().equal(passed)) << x.grad();
}

TEST(SimulateInt8, IsWhatTheKernelsCompute) {
  const torch::NoGradGuard no_grad;
  const auto plan = three_layers();
  const auto z = seven_latents(16, 60);
  const auto exact = infer::run_plan(plan, z, 1);
  ASSERT_GT(exact.std().item<double>(), 0.05) << "pictures with something to see";
  for (const double shown : {1.0, 0.25}) {
    auto layers = eight_bits(plan, shown);
    for (const std::string without : {"", "layer2", "layer1"}) {
      layers.erase(without);
      const auto computed = infer::run_plan_int8(plan, layers, z, 1);
      EXPECT_LE(mean_square(simulate_int8(plan, layers, z, 1) - computed),
                0.05 * mean_square(exact - computed))
          << shown << " without " << without;
    }
  }
  EXPECT_TRUE(simulate_int8(plan, {}, z, 1).equal(exact));
}

TEST(SimulateInt8, GradientsReachEveryLayer) {
  auto plan = three_layers();
  const auto layers = eight_bits(plan);
  for (auto& layer : plan) {
    layer.weight.requires_grad_();
    layer.bias.requires_grad_();
  }
  simulate_int8(plan, layers, seven_latents(4, 60), 1).square().sum().backward();
  for (const auto& layer : plan) {
    for (const auto& tensor : {layer.weight, layer.bias}) {
      ASSERT_TRUE(tensor.grad().defined()) << layer.name;
      EXPECT_GT(tensor.grad().abs().max().item<double>(), 0) << layer.name;
    }
  }
}

TEST(FinetuneInt8, BringsThePicturesNearer) {
  const auto plan = three_layers();
  // Large inputs are clamped, which other weights make good.
  const auto layers = eight_bits(plan, 0.25);
  const auto tuned = tuned_plan(plan, layers, {/*steps=*/30, /*lr=*/0.01, /*batch=*/16});
  const auto z = seven_latents(64, 60);
  const auto exact = infer::run_plan(plan, z, 1);
  const double before = mean_square(infer::run_plan_int8(plan, layers, z, 1) - exact);
  const double after =
      mean_square(infer::run_plan_int8(plan, reweighted(layers, tuned), z, 1) - exact);
  EXPECT_LT(after, 0.9 * before);
}

TEST(FinetuneInt8, ChangesOnlyWhatIsInEightBits) {
  auto plan = three_layers();
  plan[0].weight[3].zero_();
  plan[2].weight.masked_fill_(plan[2].weight.abs() < 0.05, 0);
  auto layers = eight_bits(plan);
  layers.erase("layer2");
  const QuantizeAwareOptions options{/*steps=*/5, /*lr=*/1e-3, /*batch=*/4};
  const auto tuned = tuned_plan(plan, layers, options);
  ASSERT_EQ(tuned.size(), plan.size());
  for (const size_t i : {size_t{0}, size_t{2}}) {
    SCOPED_TRACE(plan[i].name);
    EXPECT_FALSE(tuned[i].weight.equal(plan[i].weight));
    EXPECT_FALSE(tuned[i].bias.equal(plan[i].bias));
    EXPECT_FALSE(tuned[i].weight.requires_grad());
    EXPECT_GT(plan[i].weight.eq(0).sum().item<int64_t>(), 0);
    EXPECT_EQ(tuned[i].weight.masked_select(plan[i].weight.eq(0)).abs().max().item<double>(), 0);
  }
  EXPECT_TRUE(tuned[1].weight.equal(plan[1].weight));
  EXPECT_TRUE(tuned[1].bias.equal(plan[1].bias));

  const auto again = tuned_plan(plan, layers, options);
  for (size_t i = 0; i < tuned.size(); ++i) {
    EXPECT_TRUE(again[i].weight.equal(tuned[i].weight)) << plan[i].name;
    EXPECT_TRUE(again[i].bias.equal(tuned[i].bias)) << plan[i].name;
  }
}

}  // namespace
}  // namespace vidgen::compress
