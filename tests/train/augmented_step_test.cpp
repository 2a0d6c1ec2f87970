// The GAN step with augmented clips.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "train/tiny_gan.h"
#include "vidgen/losses/adversarial.h"
#include "vidgen/models/pixels.h"
#include "vidgen/train/penalties.h"

namespace vidgen::train {
namespace {

RunOptions augmented_options() {
  auto options = tiny_options();
  options.augment.color = 1;
  options.augment.translation = 0.125;
  options.augment.cutout = 0.5;
  return options;
}

/// Judges everything with logits of one sign: the last layer sums up what is mostly positive.
void set_last_weights(GanStep& gan, double value) {
  const torch::NoGradGuard no_grad;
  for (const auto& discriminator : gan.discriminators()) {
    auto last = discriminator->parameters().back();
    last.fill_(value);
  }
}

TEST(AugmentedStepTest, BothTurnsAndThePenaltySeeAugmentedClips) {
  auto options = augmented_options();
  options.augment.probability = 0.7;
  options.loss.r1 = 1;
  options.optim.discriminator.lr = 0;  // so that both turns see the first weights
  GanStep gan(options, torch::kCPU), first(options, torch::kCPU);
  train(gan, options, 0, 1);

  const auto inputs = StepDraws(options, 0).next(real_clips(options, 0));
  const auto probability = torch::full({}, 0.7);
  const auto real = augment(options.augment, models::to_float(inputs.real.clips),
                            inputs.real_augment, probability);
  const auto fake = augment(options.augment, first.generator()->forward(inputs.latents),
                            inputs.fake_augment, probability);
  double loss_d = 0, loss_r1 = 0;
  torch::Tensor loss_g;
  for (size_t i = 0; i < 2; ++i) {
    auto& discriminator = *first.discriminators()[i];
    const models::ClipBatch batch{real, inputs.real_frames[i]};
    const auto real_logits = discriminator.forward(batch);
    const auto fake_logits = discriminator.forward({fake, inputs.fake_frames[i]});
    const double loss_of_it =
        losses::discriminator_loss(options.loss.type, real_logits, fake_logits).item<double>();
    EXPECT_NEAR(gan.discriminator_losses()[static_cast<int64_t>(i)].item<double>(), loss_of_it,
                1e-5);
    loss_d += loss_of_it;
    loss_r1 += penalties(options.loss, discriminator, batch, batch, {}).front().item<double>();
    const auto loss = losses::generator_loss(options.loss.type, {}, fake_logits);
    loss_g = loss_g.defined() ? loss_g + loss : loss;
  }
  EXPECT_NEAR(metric(gan, "loss_d").item<double>(), loss_d, 1e-5);
  EXPECT_NEAR(metric(gan, "loss_r1").item<double>(), loss_r1, 1e-4 * loss_r1);
  EXPECT_NEAR(metric(gan, "loss_g").item<double>(), loss_g.item<double>(), 1e-5);

  // The gradient goes back through the augmentation.
  loss_g.backward();
  double squares = 0;
  for (const auto& weight : first.generator()->parameters()) {
    if (weight.grad().defined()) squares += weight.grad().square().sum().item<double>();
  }
  const double norm = std::sqrt(squares);
  EXPECT_GT(norm, 0);
  EXPECT_NEAR(metric(gan, "grad_norm_g").item<double>(), norm, 1e-3 * norm);
}

TEST(AugmentedStepTest, AProbabilityOfZeroGivesTheLossesOfNone) {
  auto options = tiny_options();
  GanStep plain(options, torch::kCPU);
  options = augmented_options();
  options.augment.probability = 0;
  GanStep never(options, torch::kCPU);
  options.augment.probability = 1;
  GanStep always(options, torch::kCPU);
  for (auto* gan : {&plain, &never, &always}) train(*gan, options, 0, 1);
  EXPECT_TRUE(metric(plain, "loss_d").equal(metric(never, "loss_d")));
  EXPECT_TRUE(metric(plain, "grad_norm_g").allclose(metric(never, "grad_norm_g")));
  EXPECT_FALSE(metric(plain, "loss_d").equal(metric(always, "loss_d")));
  for (const auto* gan : {&plain, &never, &always}) {
    EXPECT_THAT(gan->metric_names(), testing::Not(testing::Contains("augment_p")));
  }
  EXPECT_EQ(state_of(plain).size(), state_of(always).size());
}

TEST(AugmentedStepTest, AnAccumulatedTurnSeesTheClipsOfTheOther) {
  // With several batches the generator runs again for its own turn.
  auto options = augmented_options();
  options.optim.discriminator.lr = 0;
  options.train.accumulate = 2;
  GanStep gan(options, torch::kCPU), first(options, torch::kCPU);
  train(gan, options, 0, 1);
  StepDraws draws(options, 0);
  double loss_g = 0;
  for (int64_t batch = 0; batch < 2; ++batch) {
    const auto inputs = draws.next(real_clips(options, batch));
    const auto fake = augment(options.augment, first.generator()->forward(inputs.latents),
                              inputs.fake_augment, torch::ones({}));
    for (size_t i = 0; i < 2; ++i) {
      const auto logits = first.discriminators()[i]->forward({fake, inputs.fake_frames[i]});
      loss_g += losses::generator_loss(options.loss.type, {}, logits).item<double>() / 2;
    }
  }
  EXPECT_NEAR(metric(gan, "loss_g").item<double>(), loss_g, 1e-5);
}

TEST(AugmentedStepTest, TheProbabilityFollowsTheLogitsOfRealClips) {
  auto options = tiny_options();
  options.augment.translation = 0.125;
  options.augment.target = 0.1;
  options.augment.adapt_clips = 40;
  options.train.accumulate = 2;
  options.optim.discriminator.lr = 0;
  GanStep gan(options, torch::kCPU);
  const auto probability_after = [&](int64_t step) {
    train(gan, options, step, step + 1);
    EXPECT_TRUE(metric(gan, "augment_p").equal(state_of(gan).at("augment.probability")));
    return metric(gan, "augment_p").item<float>();
  };
  set_last_weights(gan, 1);
  EXPECT_FLOAT_EQ(probability_after(0), 0.2f) << "two batches of 4 clips";
  EXPECT_FLOAT_EQ(probability_after(1), 0.4f);
  set_last_weights(gan, -1);
  EXPECT_FLOAT_EQ(probability_after(2), 0.2f);
  EXPECT_NEAR(probability_after(3), 0, 1e-6);
  EXPECT_EQ(probability_after(4), 0);
}

TEST(AugmentedStepTest, AnAdaptedProbabilityIsResumedBitwise) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    auto options = augmented_options();
    options.augment.target = 0.6;
    options.augment.adapt_clips = 80;
    options.loss.r1 = 1;
    options.train.precision = precision;
    options.train.accumulate = 2;
    const auto start = [&](GanStep& gan) {
      checkpoint::StateSaver saver;
      gan.visit(saver);
      saver.tensors.at("augment.probability").fill_(0.5);
    };
    expect_bitwise_resume(options, start);
  }
}

}  // namespace
}  // namespace vidgen::train
