// The compiled network against the plain one, in each precision.
#include <ATen/Context.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include "infer/networks.h"
#include "support/error.h"
#include "vidgen/infer/generator.h"
#include "vidgen/infer/plan.h"
#include "vidgen/models/pixels.h"
#include "vidgen/nn/convolution.h"

namespace vidgen::infer {
namespace {

CompiledGenerator compile(const NetworkCase& network_case, Precision precision,
                          torch::Device device = torch::kCPU) {
  return {lively_network(network_case.options), kTinyShape, network_case.options.class_names,
          CompileOptions{precision, device}};
}

class CompiledTest : public testing::TestWithParam<NetworkCase> {
 protected:
  /// Latents of four clips of ten frames, and the pictures that the plan makes of them.
  void SetUp() override {
    const torch::NoGradGuard no_grad;
    auto network = lively_network(GetParam().options);
    z_ = network->frame_latents(some_latents(network, 4));
    expected_ = run_plan(make_plan(network), z_, 10);
  }

  torch::Tensor z_, expected_;
};
INSTANTIATE_TEST_SUITE_P(, CompiledTest, testing::ValuesIn(network_cases()),
                         [](const auto& info) { return info.param.name; });

TEST_P(CompiledTest, Float32IsThePlan) {
  const auto generator = compile(GetParam(), Precision::kAuto);
  EXPECT_EQ(generator.precision(), Precision::kFloat32);
  const auto pictures = generator.frames(z_, 10);
  EXPECT_EQ(pictures.scalar_type(), torch::kFloat);
  EXPECT_LT(difference(pictures, expected_), 1e-5);
  EXPECT_LT(difference(generator.frames(z_, 10), expected_), 1e-5) << "again";
  if (GetParam().options.generator.attention_axes == nn::AttentionAxes::kSpaceTime) return;
  EXPECT_LT(difference(generator.frames(z_.narrow(0, 3, 1)), expected_.narrow(0, 3, 1)), 1e-5)
      << "a single frame";
}

TEST_P(CompiledTest, Bfloat16IsNear) {
  if (!can_compute(Precision::kBfloat16, torch::kCPU)) GTEST_SKIP() << "no bfloat16 here";
  const auto generator = compile(GetParam(), Precision::kBfloat16);
  EXPECT_EQ(generator.precision(), Precision::kBfloat16);
  const auto pictures = generator.frames(z_, 10);
  EXPECT_EQ(pictures.scalar_type(), torch::kFloat);
  EXPECT_LT(difference(pictures, expected_), 0.15);
  EXPECT_LT((pictures - expected_).abs().mean().item<double>(), 0.015);
  EXPECT_GT(difference(pictures, expected_), 1e-4) << "it is another precision";
}

TEST_P(CompiledTest, RendersWhatTheNetworkRenders) {
  auto network = lively_network(GetParam().options);
  const auto generator = compile(GetParam(), Precision::kFloat32);
  RenderOptions options;
  options.count = 5;
  options.frames = 10;
  options.seed = 1;
  const auto clips = generator.render(options);
  const auto expected = models::render(network, some_latents(network, 5), 5);
  EXPECT_LE(difference(clips, expected), 1) << "but for rounding";
  EXPECT_LT((clips.to(torch::kFloat) - expected.to(torch::kFloat)).abs().mean().item<float>(),
            0.01);
  options.batch = 1;
  EXPECT_LE(difference(generator.render(options), clips), 1);
  int64_t parameters = 0;
  for (const auto& parameter : network->parameters()) parameters += parameter.numel();
  EXPECT_EQ(generator.parameters(), parameters);
}

TEST_P(CompiledTest, PixelsAreThoseOfTheFrames) {
  auto network = lively_network(GetParam().options);
  auto latents = models::sample_latents(network->options.temporal, 4, kTinyShape.frames, 1);
  latents.condition = models::ConditionSampler(network->options.condition).in_turn(4);
  const torch::NoGradGuard no_grad;
  const auto z = network->frame_latents(latents);
  RenderOptions options;
  options.count = 4;
  options.seed = 1;
  for (const auto precision : {Precision::kFloat32, Precision::kBfloat16}) {
    if (!can_compute(precision, torch::kCPU)) continue;
    SCOPED_TRACE(precision_name(precision));
    const auto generator = compile(GetParam(), precision);
    const auto pixels = generator.render(options).flatten(0, 1);
    const auto pictures = generator.frames(z, kTinyShape.frames);
    const auto expected = models::to_rgb(pictures.unsqueeze(2)).squeeze(1);
    EXPECT_LE(difference(pixels, expected), 1);
    // Pixels of bfloat16 are made without rounding tanh to that type first.
    const double differing = pixels.ne(expected).to(torch::kFloat).mean().item<double>();
    EXPECT_LT(differing, precision == Precision::kFloat32 ? 0.001 : 0.3);
  }
}

TEST(CompileTest, IsTheSameOnAGpu_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
  const torch::Device device(torch::kCUDA, 0);
  for (const auto& network_case : network_cases()) {
    SCOPED_TRACE(network_case.name);
    const torch::NoGradGuard no_grad;
    auto network = lively_network(network_case.options);
    const auto z = network->frame_latents(some_latents(network, 4));
    const auto expected = run_plan(make_plan(network), z, 10);
    const auto exact = compile(network_case, Precision::kFloat32, device).frames(z, 10);
    EXPECT_TRUE(exact.is_cuda());
    EXPECT_LT(difference(exact, expected), 1e-4);
    const auto rounded = compile(network_case, Precision::kBfloat16, device).frames(z, 10);
    EXPECT_LT(difference(rounded, expected), 0.15);
    EXPECT_GT(difference(rounded, expected), 1e-4);
  }
}

TEST(CompileTest, WideNetworksUseWinograd) {
  const auto plan = make_plan(lively_network(network_cases().back().options));
  ASSERT_EQ(plan[1].kind, Layer::Kind::kUpsample2x);
  ASSERT_TRUE(nn::DoublingConvolution::may_pay(plan[1].weight, torch::kFloat));
  const nn::DoublingConvolution doubling(plan[1].weight, plan[1].bias, 0, torch::kFloat);
  EXPECT_TRUE(doubling.pays(40, 4, 4)) << "the rows that the tests above run at once";
  EXPECT_FALSE(doubling.pays(1, 4, 4)) << "a single frame, which they run too";
}

TEST(CompileTest, NetworkStaysAsItIs) {
  auto network = lively_network(tiny_model());
  const torch::NoGradGuard no_grad;
  const auto before = network->forward(some_latents(network, 1)).clone();
  const CompiledGenerator generator(network, kTinyShape);
  generator.render({});
  EXPECT_TRUE(network->forward(some_latents(network, 1)).equal(before));
  const auto z = network->frame_latents(some_latents(network, 1));
  const auto compiled = generator.frames(z).clone();
  for (auto& parameter : network->parameters()) parameter.zero_();
  EXPECT_TRUE(generator.frames(z).equal(compiled));
}

TEST(CompileTest, PixelsAreOrdinaryTensors) {
  const CompiledGenerator generator(lively_network(tiny_model()), kTinyShape);
  auto clips = generator.render({});
  EXPECT_FALSE(clips.is_inference());
  EXPECT_NO_THROW(clips.add_(1));
  EXPECT_FALSE(generator.stream().next_frame().is_inference());
}

TEST(CompileTest, PrecisionsHaveNames) {
  for (const auto* name : {"auto", "float32", "bfloat16", "int8"})
    EXPECT_EQ(precision_name(parse_precision(name)), name);
  EXPECT_EQ(test::error_of([] { parse_precision("half"); }),
            "precision half: expected one of auto, float32, bfloat16, int8");
  EXPECT_EQ(test::error_of([] { compile(network_cases()[0], Precision::kInt8); }),
            "precision int8: this generator is not quantised, which vidgen quantize does");
}

}  // namespace
}  // namespace vidgen::infer
