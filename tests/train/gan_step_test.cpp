#include "vidgen/train/gan_step.h"

#include <ATen/autocast_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "train/tiny_gan.h"

namespace vidgen::train {
namespace {

TEST(GanStepTest, SameSeedGivesTheSameBits) {
  const auto options = tiny_options();
  GanStep a(options, torch::kCPU), b(options, torch::kCPU);
  train(a, options, 0, 3);
  train(b, options, 0, 3);
  expect_equal(state_of(a), state_of(b));
  auto other = options;
  other.train.seed = 6;
  GanStep c(other, torch::kCPU);
  train(c, other, 0, 3);
  EXPECT_FALSE(state_of(a)
                   .at("generator.frame.main.0.weight")
                   .equal(state_of(c).at("generator.frame.main.0.weight")));
}

TEST(GanStepTest, RestoredStateContinuesBitwise) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    auto options = tiny_options();
    options.train.precision = precision;
    options.train.scaler.mode = ScalerMode::kOn;
    expect_bitwise_resume(options);
  }
}

TEST(GanStepTest, EveryLossTrainsAllWeights) {
  for (const auto type :
       {losses::LossType::kNonSaturating, losses::LossType::kHinge, losses::LossType::kLeastSquares,
        losses::LossType::kWasserstein, losses::LossType::kRelativistic}) {
    auto options = tiny_options();
    options.loss.type = type;
    GanStep gan(options, torch::kCPU);
    const auto before = state_of(gan);
    train(gan, options, 0, 2);
    EXPECT_TRUE(gan.metrics().isfinite().all().item<bool>());
    for (const auto& [name, tensor] : state_of(gan)) {
      const bool weight =
          name.find("weight") != std::string::npos && name.rfind("optimizer", 0) != 0;
      EXPECT_FALSE(weight && tensor.equal(before.at(name))) << name;
    }
  }
}

TEST(GanStepTest, DiscriminatorGetsNoGradientInTheGeneratorsTurn) {
  const auto options = tiny_options();
  GanStep gan(options, torch::kCPU);
  train(gan, options, 0, 1);
  for (const auto& discriminator : gan.discriminators()) {
    for (const auto& parameter : discriminator->parameters()) {
      EXPECT_FALSE(parameter.grad().defined());
      EXPECT_TRUE(parameter.requires_grad());
    }
  }
}

TEST(GanStepTest, AccumulationTakesSeveralBatchesForOneUpdate) {
  auto options = tiny_options();
  options.train.accumulate = 3;
  GanStep a(options, torch::kCPU), b(options, torch::kCPU);
  int calls = 0;
  a.run(0, [&] { return real_clips(options, calls++); });
  EXPECT_EQ(calls, 3);
  calls = 0;
  b.run(0, [&] { return real_clips(options, calls++); });
  expect_equal(state_of(a), state_of(b));
  const auto state = state_of(a);
  EXPECT_EQ(state.at("optimizer.generator.frame.main.0.weight.step").item<float>(), 1);
  // The last of the three batches leaves its mark on the update.
  GanStep c(options, torch::kCPU);
  calls = 0;
  c.run(0, [&] { return real_clips(options, calls++ == 2 ? 50 : calls - 1); });
  const std::string weight = "discriminator.0.net.main.0.weight";
  EXPECT_FALSE(state_of(c).at(weight).equal(state.at(weight)));
}

TEST(GanStepTest, ClippingBoundsTheUpdate) {
  // With a plain moment (beta1 = beta2 = 0) and a huge eps, Adam's update is lr / eps times the
  // gradient.
  auto options = tiny_options();
  options.optim.clip_grad_norm = 1e-3;
  options.optim.generator = {OptimizerType::kAdam, 1, 0, 0, 1, 0};
  GanStep gan(options, torch::kCPU);
  const auto before = state_of(gan);
  train(gan, options, 0, 1);
  double squares = 0;
  for (const auto& [name, tensor] : state_of(gan)) {
    const bool parameter = name.rfind("generator.", 0) == 0 &&
                           name.find("running") == std::string::npos &&
                           name.find("num_batches") == std::string::npos;
    if (parameter)
      squares += (tensor - before.at(name)).to(torch::kDouble).square().sum().item<double>();
  }
  EXPECT_LE(std::sqrt(squares), 1.01e-3);
  EXPECT_GT(std::sqrt(squares), 0.9e-3);
}

TEST(GanStepTest, WarmUpScalesTheFirstSteps) {
  auto options = tiny_options();
  GanStep plain(options, torch::kCPU);
  options.optim.warmup_steps = 10;
  GanStep warm(options, torch::kCPU);
  const auto before = state_of(plain);
  train(plain, options, 0, 1);
  train(warm, options, 0, 1);
  const std::string name = "discriminator.0.net.main.0.weight";
  const auto full = state_of(plain).at(name) - before.at(name);
  const auto tenth = state_of(warm).at(name) - before.at(name);
  EXPECT_TRUE(torch::allclose(full * 0.1, tenth, 1e-2, 1e-7));
}

TEST(GanStepTest, MasksKeepWeightsAtZero) {
  const auto options = tiny_options();
  GanStep gan(options, torch::kCPU);
  const std::string name = "frame.main.3.weight";
  auto mask = (torch::rand({8, 8, 4, 4}) > 0.5).to(torch::kU8);
  gan.set_masks({{name, mask}});
  train(gan, options, 0, 3);
  const auto state = state_of(gan);
  for (const std::string prefix : {"generator.", "ema."}) {
    const auto weight = state.at(prefix + name);
    EXPECT_TRUE((weight * (1 - mask)).eq(0).all().item<bool>());
    EXPECT_TRUE((weight.ne(0)).to(torch::kU8).equal(mask));
  }
  EXPECT_THROW(gan.set_masks({{"no.such.weight", mask}}), Error);
  EXPECT_THROW(gan.set_masks({{name, torch::ones({2})}}), Error);
}

TEST(GanStepTest, LowPrecisionStaysNearFloat32) {
  for (const Precision precision : {Precision::kBfloat16, Precision::kFloat16}) {
    auto options = tiny_options();
    GanStep exact(options, torch::kCPU);
    train(exact, options, 0, 1);
    options.train.precision = precision;
    GanStep low(options, torch::kCPU);
    train(low, options, 0, 1);
    const bool scaled = precision == Precision::kFloat16;
    const auto has_scale = testing::Contains(std::string("scale_g"));
    EXPECT_EQ(testing::Value(low.metric_names(), has_scale), scaled)
        << "float16 needs the scaler, bfloat16 does not";
    EXPECT_NEAR(low.metrics()[0].item<float>(), exact.metrics()[0].item<float>(), 0.1);
    EXPECT_NEAR(low.metrics()[1].item<float>(), exact.metrics()[1].item<float>(), 0.1);
    for (const auto& parameter : low.generator()->parameters())
      EXPECT_EQ(parameter.scalar_type(), torch::kFloat);
  }
}

TEST(GanStepTest, OverflowSkipsTheStepAndShrinksTheScale) {
  auto options = tiny_options();
  options.train.precision = Precision::kFloat16;
  options.train.scaler.init_scale = 1e30;
  GanStep gan(options, torch::kCPU);
  const auto before = state_of(gan);
  train(gan, options, 0, 1);
  const auto after = state_of(gan);
  EXPECT_EQ(after.at("scaler.generator.skipped_steps").item<int64_t>(), 1);
  EXPECT_FLOAT_EQ(after.at("scaler.generator.scale").item<float>(), 5e29f);
  EXPECT_TRUE(
      after.at("generator.frame.main.0.weight").equal(before.at("generator.frame.main.0.weight")));
  EXPECT_TRUE(gan.metrics().slice(0, 0, 2).isfinite().all().item<bool>());
}

TEST(AutocastTest, PutsTheStateBack) {
  ASSERT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  const auto x = torch::randn({4, 4});
  {
    Autocast outer(torch::kCPU, Precision::kBfloat16);
    EXPECT_EQ(x.mm(x).scalar_type(), torch::kBFloat16);
    {
      Autocast inner(torch::kCPU, Precision::kFloat32);
      EXPECT_EQ(x.mm(x).scalar_type(), torch::kFloat);
    }
    EXPECT_EQ(x.mm(x).scalar_type(), torch::kBFloat16);
  }
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  EXPECT_EQ(x.mm(x).scalar_type(), torch::kFloat);
}

TEST(GanStepTest, MirroredClipsAreThoseThatTheLoaderNames) {
  const auto options = tiny_options();
  const auto clips = real_clips(options, 0);
  const auto state_after = [&](const data::Batch& batch) {
    GanStep gan(options, torch::kCPU);
    gan.run(0, [&] { return batch; });
    return state_of(gan);
  };
  const auto all = torch::ones({4}, torch::kU8);
  expect_equal(state_after({clips, all}), state_after(clips.flip(3)));
  const std::string weight = "discriminator.0.net.main.0.weight";
  EXPECT_FALSE(state_after({clips, all}).at(weight).equal(state_after(clips).at(weight)));
}

}  // namespace
}  // namespace vidgen::train
