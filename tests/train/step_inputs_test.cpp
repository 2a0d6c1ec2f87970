#include "vidgen/train/step_inputs.h"

#include <gtest/gtest.h>

#include "train/tiny_gan.h"

namespace vidgen::train {
namespace {

TEST(StepDrawsTest, AreAFunctionOfSeedAndStep) {
  const auto options = tiny_options();
  const auto clips = real_clips(options, 0);
  StepDraws a(options, 3), b(options, 3), later(options, 4);
  const auto first = a.next(clips), again = b.next(clips);
  EXPECT_TRUE(first.real.clips.is_same(clips));
  EXPECT_TRUE(first.latents.noise.equal(again.latents.noise));
  EXPECT_TRUE(first.real_frames[0].equal(again.real_frames[0]));
  EXPECT_FALSE(first.latents.noise.equal(later.next(clips).latents.noise));
  // The batches of one step differ, and so do the frames of real and generated clips.
  const auto second = a.next(clips);
  EXPECT_FALSE(first.latents.content.equal(second.latents.content));
  EXPECT_FALSE(first.real_frames[0].equal(first.fake_frames[0]));
  EXPECT_EQ(first.real_frames[0].sizes(), (std::vector<int64_t>{4, 2}));
  EXPECT_FALSE(first.real_frames[1].defined()) << "it sees whole clips";
}

TEST(StepDrawsTest, MixIsANumberForEachSample) {
  auto options = tiny_options();
  EXPECT_TRUE(StepDraws(options, 0).next(real_clips(options, 0)).mix.empty());
  options.loss.gradient_penalty = 10;
  StepDraws draws(options, 0);
  const auto first = draws.next(real_clips(options, 0)),
             second = draws.next(real_clips(options, 1));
  ASSERT_EQ(first.mix.size(), 2u);
  EXPECT_EQ(first.mix[0].sizes(), torch::IntArrayRef({8})) << "2 frames of 4 clips";
  EXPECT_EQ(first.mix[1].sizes(), torch::IntArrayRef({4}));
  EXPECT_FALSE(first.mix[1].equal(second.mix[1]));
  EXPECT_TRUE(first.mix[1].equal(StepDraws(options, 0).next(real_clips(options, 0)).mix[1]));
  options.loss.gradient_penalty = 0;
  const auto without = StepDraws(options, 0).next(real_clips(options, 0));
  EXPECT_TRUE(first.latents.noise.equal(without.latents.noise)) << "the rest stays what it was";
}

TEST(StepDrawsTest, TimesAreDrawnWhereAStepLooksAtSomeFrames) {
  auto options = tiny_options();
  const auto clips = real_clips(options, 0);
  const auto all = StepDraws(options, 0).next(clips);
  EXPECT_FALSE(all.real_timestamps.defined() || all.latents.timestamps.defined());
  options.train.frames = 4;
  const auto some = StepDraws(options, 0).next(clips), again = StepDraws(options, 0).next(clips);
  EXPECT_EQ(some.real_timestamps.sizes(), torch::IntArrayRef({4, 4}));
  EXPECT_FALSE(some.real_timestamps.equal(some.latents.timestamps));
  EXPECT_TRUE(some.latents.timestamps.equal(again.latents.timestamps));
  EXPECT_LT(some.real_frames[0].max().item<int64_t>(), 4) << "of those that are looked at";
  EXPECT_EQ(some.latents.noise.sizes(), all.latents.noise.sizes()) << "the path is whole";
}

TEST(StepDrawsTest, AugmentationHasDrawsForRealAndForGeneratedClips) {
  auto options = tiny_options();
  const auto clips = real_clips(options, 0);
  const auto without = StepDraws(options, 0).next(clips);
  for (const auto* draws : {&without.real_augment, &without.fake_augment}) {
    EXPECT_FALSE(draws->color.defined() || draws->translation.defined() ||
                 draws->cutout.defined() || draws->chance.defined());
  }
  options.augment.cutout = 0.5;
  StepDraws draws(options, 0);
  const auto first = draws.next(clips), second = draws.next(clips);
  const auto again = StepDraws(options, 0).next(clips), later = StepDraws(options, 1).next(clips);
  EXPECT_EQ(first.real_augment.color.sizes(), (std::vector<int64_t>{4, 3}));
  EXPECT_EQ(first.real_augment.translation.sizes(), (std::vector<int64_t>{4, 2}));
  EXPECT_EQ(first.real_augment.cutout.sizes(), (std::vector<int64_t>{4, 2}));
  EXPECT_EQ(first.real_augment.chance.sizes(), (std::vector<int64_t>{4, 5}));
  EXPECT_TRUE(first.real_augment.cutout.equal(again.real_augment.cutout));
  EXPECT_TRUE(first.fake_augment.chance.equal(again.fake_augment.chance));
  for (const auto* other : {&second.real_augment, &later.real_augment, &first.fake_augment}) {
    EXPECT_FALSE(first.real_augment.cutout.equal(other->cutout));
  }
  EXPECT_TRUE(first.latents.noise.equal(without.latents.noise)) << "the rest stays what it was";
  EXPECT_TRUE(first.real_frames[0].equal(without.real_frames[0]));

  auto inputs = draws.next(clips);
  const auto place = inputs.fake_augment.translation;
  inputs.copy_(first);
  EXPECT_TRUE(inputs.fake_augment.translation.is_same(place));
  EXPECT_TRUE(place.equal(first.fake_augment.translation));
  EXPECT_TRUE(inputs.real_augment.chance.equal(first.real_augment.chance));
}

TEST(StepDrawsTest, ConvolutionsHaveMoreNoiseThanFrames) {
  auto options = tiny_options();
  EXPECT_EQ(StepDraws(options, 0).next(real_clips(options, 0)).latents.noise.sizes(),
            torch::IntArrayRef({4, 10, 4}));
  options.model.temporal.type = "convolution";
  options.model.temporal.kernel = 7;
  EXPECT_EQ(StepDraws(options, 0).next(real_clips(options, 0)).latents.noise.sizes(),
            torch::IntArrayRef({4, 10 + 6, 4}));
}

TEST(StepDrawsTest, ValuesAreCopiedIntoTensorsThatStay) {
  const auto options = tiny_options();
  StepDraws draws(options, 0);
  const auto other = draws.next({real_clips(options, 0), torch::ones({4}, torch::kU8)});
  auto inputs = draws.next({real_clips(options, 1), torch::zeros({4}, torch::kU8)});
  const auto before = inputs;
  inputs.copy_(other);
  EXPECT_TRUE(inputs.real.clips.is_same(before.real.clips));
  EXPECT_TRUE(inputs.real.clips.equal(other.real.clips));
  EXPECT_TRUE(inputs.real.mirror.equal(other.real.mirror));
  EXPECT_TRUE(inputs.latents.initial.equal(other.latents.initial));
  EXPECT_TRUE(inputs.fake_frames[0].is_same(before.fake_frames[0]));
  EXPECT_TRUE(inputs.fake_frames[0].equal(other.fake_frames[0]));
  EXPECT_TRUE(inputs.to(torch::kCPU).latents.noise.is_same(inputs.latents.noise));
  EXPECT_THROW(inputs.copy_(draws.next(real_clips(options, 2))), c10::Error) << "mirror is missing";
}

}  // namespace
}  // namespace vidgen::train
