// The GAN step under each objective, its penalties, and the course of its learning rates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "train/tiny_gan.h"
#include "vidgen/models/pixels.h"
#include "vidgen/train/schedule.h"

namespace vidgen::train {
namespace {

using losses::LossType;

struct Objective {
  std::string name;
  losses::LossOptions loss;
};

losses::LossOptions loss_of(LossType type, double r1, double r2, double gradient_penalty,
                            int64_t penalty_every) {
  losses::LossOptions loss;
  loss.type = type;
  loss.r1 = r1;
  loss.r2 = r2;
  loss.gradient_penalty = gradient_penalty;
  loss.penalty_every = penalty_every;
  return loss;
}

class ObjectiveTest : public testing::TestWithParam<Objective> {};
INSTANTIATE_TEST_SUITE_P(
    , ObjectiveTest,
    testing::Values(Objective{"wasserstein", loss_of(LossType::kWasserstein, 0, 0, 10, 1)},
                    Objective{"relativistic", loss_of(LossType::kRelativistic, 1, 1, 0, 1)},
                    Objective{"lazy", loss_of(LossType::kNonSaturating, 1, 0, 0, 3)},
                    Objective{"all", loss_of(LossType::kHinge, 1, 2, 3, 2)}),
    [](const auto& test) { return test.param.name; });

TEST_P(ObjectiveTest, ResumesBitwiseWithFiniteLosses) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    auto options = tiny_options();
    options.loss = GetParam().loss;
    options.train.precision = precision;
    options.train.accumulate = 2;
    options.train.steps = 4;
    options.optim.decay = Decay::kLinear;
    expect_bitwise_resume(options);
  }
}

TEST(ObjectivesTest, RelativisticLossesAreThoseOfThePairs) {
  auto options = tiny_options();
  options.loss.type = LossType::kRelativistic;
  options.optim.discriminator.lr = 0;  // so that both turns see the first weights
  options.model.discriminators[1].weight = 2;
  GanStep gan(options, torch::kCPU), first(options, torch::kCPU);
  train(gan, options, 0, 1);

  const auto inputs = StepDraws(options, 0).next(real_clips(options, 0));
  const auto real = models::to_float(inputs.real.clips, inputs.real.mirror);
  const auto fake = first.generator()->forward(inputs.latents).detach();
  double loss_d = 0, loss_g = 0;
  for (size_t i = 0; i < 2; ++i) {
    auto& discriminator = *first.discriminators()[i];
    const auto margin = discriminator.forward({real, inputs.real_frames[i]}) -
                        discriminator.forward({fake, inputs.fake_frames[i]});
    loss_d += (1 + (-margin).exp()).log().mean().item<double>();
    loss_g += (1 + margin.exp()).log().mean().item<double>() * discriminator.options.weight;
  }
  EXPECT_NEAR(metric(gan, "loss_d").item<double>(), loss_d, 1e-5);
  EXPECT_NEAR(metric(gan, "loss_g").item<double>(), loss_g, 1e-5);
}

TEST(ObjectivesTest, PenaltiesAreFloat32InEveryPrecision) {
  auto options = tiny_options();
  options.loss.r1 = 1;
  GanStep exact(options, torch::kCPU);
  train(exact, options, 0, 1);
  EXPECT_GT(metric(exact, "loss_r1").item<double>(), 0);
  for (const Precision precision : {Precision::kBfloat16, Precision::kFloat16}) {
    options.train.precision = precision;
    GanStep low(options, torch::kCPU);
    train(low, options, 0, 1);
    EXPECT_TRUE(metric(low, "loss_r1").equal(metric(exact, "loss_r1")));
    EXPECT_FALSE(metric(low, "loss_d").equal(metric(exact, "loss_d")));
  }
}

TEST(ObjectivesTest, PenaltiesMoveTheDiscriminatorsAndStayOutOfTheirLoss) {
  auto options = tiny_options();
  GanStep plain(options, torch::kCPU);
  options.loss.r2 = 100;
  GanStep penalised(options, torch::kCPU);
  train(plain, options, 0, 1);
  train(penalised, options, 0, 1);
  EXPECT_TRUE(metric(plain, "loss_d").equal(metric(penalised, "loss_d")));
  EXPECT_GT(metric(penalised, "grad_norm_d").item<double>(),
            metric(plain, "grad_norm_d").item<double>());
  EXPECT_THAT(plain.metric_names(), testing::Not(testing::Contains("loss_r2")));
}

TEST(ObjectivesTest, LazyPenaltiesAreTakenNowAndThen) {
  auto options = tiny_options();
  options.loss.r1 = 1;
  GanStep each(options, torch::kCPU);
  options.loss.penalty_every = 3;
  GanStep lazy(options, torch::kCPU);
  for (int64_t step = 0; step < 7; ++step) {
    train(lazy, options, step, step + 1);
    EXPECT_EQ(metric(lazy, "loss_r1").item<double>() > 0, step % 3 == 0) << step;
    if (step > 0) continue;
    train(each, options, 0, 1);
    EXPECT_TRUE(metric(lazy, "loss_r1").allclose(3 * metric(each, "loss_r1")));
  }
}

TEST(LearningRateTest, WarmsUpAndThenDecays) {
  OptimOptions options;
  EXPECT_EQ(lr_factor(options, 5, 10), 1);
  options.warmup_steps = 4;
  options.final_lr_factor = 0.2;
  EXPECT_EQ(lr_factor(options, 9, 10), 1) << "none";
  for (const Decay decay : {Decay::kLinear, Decay::kCosine}) {
    options.decay = decay;
    EXPECT_DOUBLE_EQ(lr_factor(options, 0, 104), 0.25);
    EXPECT_DOUBLE_EQ(lr_factor(options, 3, 104), 1);
    EXPECT_DOUBLE_EQ(lr_factor(options, 4, 104), 1);
    EXPECT_DOUBLE_EQ(lr_factor(options, 54, 104), 0.6) << "half way";
    EXPECT_DOUBLE_EQ(lr_factor(options, 104, 104), 0.2);
    EXPECT_DOUBLE_EQ(lr_factor(options, 1000, 104), 0.2);
    EXPECT_DOUBLE_EQ(lr_factor(options, 3, 2), 1) << "a run that ends in the warm-up";
  }
  options.decay = Decay::kLinear;
  EXPECT_DOUBLE_EQ(lr_factor(options, 29, 104), 0.8);
  options.decay = Decay::kCosine;
  EXPECT_NEAR(lr_factor(options, 29, 104), 0.2 + 0.8 * 0.853553390593, 1e-12);
}

/// How far the weight moves in a step half way through a run of ten.
torch::Tensor update_half_way(RunOptions options, Decay decay, const std::string& weight) {
  options.train.steps = 10;
  options.optim.decay = decay;
  GanStep step(options, torch::kCPU);
  const auto before = state_of(step).at(weight);
  train(step, options, 5, 6);
  return state_of(step).at(weight) - before;
}

TEST(LearningRateTest, ScalesTheUpdates) {
  auto options = tiny_options();
  const auto expect_half = [&](const std::string& weight) {
    const auto full = update_half_way(options, Decay::kNone, weight);
    const auto half = update_half_way(options, Decay::kLinear, weight);
    EXPECT_TRUE(torch::allclose(full * 0.5, half, 1e-2, 1e-7)) << weight;
  };
  expect_half("discriminator.0.net.main.0.weight");
  options.optim.discriminator.lr = 0;  // or the generator would learn from another one
  expect_half("generator.frame.main.0.weight");
}

}  // namespace
}  // namespace vidgen::train
