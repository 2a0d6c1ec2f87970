// Training on clips that have classes.
#include <gtest/gtest.h>

#include "support/error.h"
#include "train/tiny_gan.h"
#include "vidgen/nn/init.h"
#include "vidgen/train/penalties.h"

namespace vidgen::train {
namespace {

RunOptions class_options() {
  auto options = tiny_options();
  options.data.classes = true;
  options.model.class_names = {"cats", "dogs"};
  options.model.class_dim = 3;
  return options;
}

losses::LossOptions every_penalty() {
  losses::LossOptions options;
  options.r1 = 1;
  options.r2 = 1;
  options.gradient_penalty = 1;
  return options;
}

TEST(ClassesTrainTest, DcganWithAllPenaltiesResumesBitwise) {
  auto options = class_options();
  options.loss = every_penalty();
  options.train.accumulate = 2;
  models::validate(options.model, seen_shape(options));
  expect_bitwise_resume(options);
}

TEST(ClassesTrainTest, ResidualPairsOfSomeFramesResumeBitwise) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    auto options = class_options();
    use_residual_discriminators(options);
    options.loss = every_penalty();
    options.loss.type = losses::LossType::kRelativistic;
    options.augment.color = 1;
    options.augment.translation = 0.125;
    options.train.precision = precision;
    models::validate(options.model, seen_shape(options));
    expect_bitwise_resume(options);
  }
}

TEST(ClassesTrainTest, OnlyTheClassesThatAreSeenAreLearned) {
  const auto options = class_options();
  GanStep gan(options, torch::kCPU);
  const auto before = state_of(gan);
  gan.run(
      0, [&] { return data::Batch(real_clips(options, 0), {}, {torch::ones({4}, torch::kLong)}); });
  const auto after = state_of(gan);
  const auto same = [&](const std::string& name, int64_t row) {
    return after.at(name)[row].equal(before.at(name)[row]);
  };
  EXPECT_TRUE(same("generator.classes.weight", 0));
  EXPECT_FALSE(same("generator.classes.weight", 1));
  for (const std::string number : {"0", "1"}) {
    const auto last = "discriminator." + number + ".net.main.5.weight";
    EXPECT_EQ(after.at(last).size(0), 3) << "psi, and an embedding of each class";
    EXPECT_FALSE(same(last, 0));
    EXPECT_TRUE(same(last, 1));
    EXPECT_FALSE(same(last, 2));
  }
}

TEST(ClassesTrainTest, GeneratedClipsAreOfTheClassesOfTheRealOnes) {
  auto options = class_options();
  const auto batch = real_batch(options, 1);
  const auto inputs = StepDraws(options, 0).next(batch);
  EXPECT_TRUE(inputs.latents.condition.labels.equal(torch::tensor({1, 0, 1, 0}, torch::kLong)));
  EXPECT_TRUE(inputs.latents.condition.labels.equal(batch.condition.labels));
  // The labels are copied into tensors that stay, as all else.
  auto other = StepDraws(options, 0).next({batch.clips, {}, {torch::zeros({4}, torch::kLong)}});
  const auto place = other.latents.condition.labels;
  other.copy_(inputs);
  EXPECT_TRUE(other.latents.condition.labels.is_same(place));
  EXPECT_TRUE(place.equal(batch.condition.labels));
  // The rest does not depend on them.
  options.data.classes = false;
  options.model.class_names.clear();
  const auto without = StepDraws(options, 0).next(real_clips(options, 1));
  EXPECT_FALSE(without.latents.condition.labels.defined());
  EXPECT_TRUE(without.latents.content.equal(inputs.latents.content));
  EXPECT_TRUE(without.fake_frames[0].equal(inputs.fake_frames[0]));
}

TEST(ClassesTrainTest, NamesAreKnownBeforeNetworksAreMade) {
  auto options = class_options();
  options.model.class_names.clear();
  EXPECT_THROW(GanStep(options, torch::kCPU), c10::Error);
}

TEST(ClassesTrainTest, NamesGoWithClasses) {
  auto options = class_options();
  options.data.sources = {{"clips", 1}};
  EXPECT_EQ(test::error_of([&] { validate(options); }), "");
  options.data.classes = false;
  EXPECT_EQ(test::error_of([&] { validate(options); }),
            "model.class_names: found 2 names with data.classes false, expected none, or "
            "data.classes true");
}

/// A discriminator of classes judges those of one class as the network without classes whose last
/// layer is the sum of psi and of that class's embedding.
TEST(ClassesTrainTest, PenaltiesAreThoseOfTheNetworkOfTheClass) {
  const auto options = class_options();
  for (const auto& own : options.model.discriminators) {
    const auto all = models::make_discriminator(own, clip_shape(options.data), {2});
    const auto one = models::make_discriminator(own, clip_shape(options.data));
    nn::initialize(*all, nn::Init::kDefault, random_stream(7, "init", 0));
    {
      const torch::NoGradGuard no_grad;
      const auto from = all->named_parameters();
      for (auto& item : one->named_parameters()) {
        const auto& source = from[item.key()];
        const bool last = source.sizes() != item.value().sizes();
        item.value().copy_(last ? source.narrow(0, 0, 1) + source.narrow(0, 2, 1) : source);
      }
    }
    const bool frames = own.type == "frame";
    const auto batch = [&](int64_t seed) {
      models::ClipBatch clips{torch::randn({3, 3, 10, 16, 16}, random_stream(seed, "clips", 0)),
                              {},
                              {},
                              {torch::ones({3}, torch::kLong)}};
      if (frames) {
        clips.frame_indices =
            models::draw_frame_indices(3, 10, 2, random_stream(seed, "frames", 0));
      }
      return clips;
    };
    const auto real = batch(1), fake = batch(2);
    const auto mix = torch::rand({frames ? 6 : 3}, random_stream(3, "mix", 0));
    EXPECT_TRUE(torch::allclose(all->forward(real), one->forward(real), 1e-4, 1e-5));
    const auto found = penalties(every_penalty(), *all, real, fake, mix);
    const auto expected = penalties(every_penalty(), *one, real, fake, mix);
    ASSERT_EQ(found.size(), 3u);
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_TRUE(torch::allclose(found[i], expected[i], 1e-3, 1e-8)) << i;
    }
    auto cats = real;
    cats.condition.labels = torch::zeros({3}, torch::kLong);
    EXPECT_FALSE(
        torch::allclose(penalties(every_penalty(), *all, cats, fake, mix)[0], found[0], 1e-3, 0));
  }
}

}  // namespace
}  // namespace vidgen::train
