#include "vidgen/models/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vidgen/models/discriminator.h"

namespace vidgen::models {
namespace {

using Widths = std::vector<int64_t>;

std::string problem(const ModelOptions& options, const ClipShape& shape = {}) {
  try {
    validate(options, shape);
  } catch (const core::FieldError& error) {
    return error.what();
  }
  return "";
}

TEST(ModelOptions, DefaultsAreThoseOfMocogan) {
  const ModelOptions options;
  const ClipShape shape;
  EXPECT_EQ(problem(options, shape), "");
  EXPECT_EQ(resolved_widths(options.generator, shape), Widths({512, 256, 128, 64}));
  ASSERT_EQ(options.discriminators.size(), 2);
  EXPECT_EQ(options.discriminators[0].type, "frame");
  EXPECT_EQ(options.discriminators[1].type, "clip");
  EXPECT_EQ(resolved_widths(options.discriminators[1], shape), Widths({64, 128, 256, 512}));
}

TEST(ModelOptions, WidthsFollowSize) {
  const GeneratorOptions generator;
  DiscriminatorOptions discriminator;
  EXPECT_EQ(resolved_widths(generator, {3, 16, 16}), Widths({128, 64}));
  EXPECT_EQ(resolved_widths(discriminator, {3, 16, 16}), Widths({64, 128}));
  EXPECT_EQ(resolved_widths(generator, {3, 16, 256}), Widths({512, 512, 512, 256, 128, 64}));
  discriminator.pool = 2;
  EXPECT_EQ(resolved_widths(discriminator, {3, 16, 64}), Widths({64, 128, 256}));
  discriminator.widths = {3, 2, 1};
  EXPECT_EQ(resolved_widths(discriminator, {3, 16, 64}), Widths({3, 2, 1}));
}

TEST(ModelOptions, SizeIsAPowerOfTwo) {
  EXPECT_EQ(problem({}, {3, 16, 48}),
            "data.size: found 48, expected a power of two from 16 upwards");
  EXPECT_EQ(problem({}, {3, 16, 8}), "data.size: found 8, expected a power of two from 16 upwards");
}

TEST(ModelOptions, WidthsFitTheSize) {
  ModelOptions options;
  options.generator.widths = {64, 32};
  EXPECT_EQ(problem(options),
            "model.generator.widths: found 2 widths, expected 4 for pictures of 64x64 (one for "
            "each doubling from 4x4), 5 (with a last stage of full size), or none");
  options.generator.widths = {64, 32, 16, 8, 4};
  EXPECT_EQ(problem(options), "");
  options.generator.widths.push_back(2);
  EXPECT_THAT(problem(options), testing::StartsWith("model.generator.widths: found 6 widths"));
  options.generator.widths.clear();
  options.discriminators[1].pool = 2;
  options.discriminators[1].widths = {8, 16, 32, 64};
  EXPECT_EQ(problem(options),
            "model.discriminators[1].widths: found 4 widths, expected 3 for pictures of 32x32 "
            "(one for each doubling from 4x4), or none");
}

TEST(ModelOptions, ResidualGeneratorHasAStageOfEverySize) {
  ModelOptions options;
  options.generator.type = "residual";
  EXPECT_EQ(problem(options), "");
  EXPECT_EQ(resolved_widths(options.generator, {3, 16, 64}), Widths({512, 256, 128, 64, 32}));
  EXPECT_EQ(resolved_widths(options.generator, {3, 16, 16}), Widths({128, 64, 32}));
  options.generator.widths = {64, 32, 16, 8, 4};
  EXPECT_EQ(problem(options), "");
  options.generator.widths.pop_back();
  EXPECT_EQ(problem(options),
            "model.generator.widths: found 4 widths, expected 5 for a residual generator of "
            "pictures of 64x64 (one for each size from 4x4), or none");
}

TEST(ModelOptions, OnlyResidualDiscriminatorsHaveChoices) {
  const auto with = [](const auto& change) {
    ModelOptions options;
    change(options.discriminators[1]);
    return problem(options);
  };
  EXPECT_EQ(with([](auto& d) { d.frame_stack = 2; }),
            "model.discriminators[1].frame_stack: found 2, which needs network: residual");
  EXPECT_EQ(with([](auto& d) { d.norm = DiscriminatorNorm::kBatch; }),
            "model.discriminators[1].norm: found batch, which needs network: residual");
  EXPECT_EQ(with([](auto& d) { d.norm = DiscriminatorNorm::kSpectral; }),
            "model.discriminators[1].norm: found spectral, which needs network: residual");
  EXPECT_EQ(with([](auto& d) { d.minibatch_stddev = true; }),
            "model.discriminators[1].minibatch_stddev: found true, which needs network: residual");
}

TEST(ModelOptions, FoldDividesTheFramesOfAClip) {
  ModelOptions options;
  auto& clip = options.discriminators[1];
  clip.network = "residual";
  clip.norm = DiscriminatorNorm::kSpectral;
  clip.minibatch_stddev = true;
  clip.frame_stack = 4;
  EXPECT_EQ(problem(options), "");
  EXPECT_EQ(problem(options, {3, 4, 64}), "") << "it takes clips of any length";
  clip.frame_stack = 3;
  EXPECT_EQ(
      problem(options),
      "model.discriminators[1].frame_stack: found 3, expected a divisor of 16, the frames of a "
      "clip");
  clip.frame_stack = 1;
  options.discriminators[0].network = "residual";
  options.discriminators[0].frame_stack = 2;
  EXPECT_EQ(problem(options),
            "model.discriminators[0].frame_stack: found 2, expected 1 for single frames");
}

TEST(ModelOptions, FoldStandsAtAResolutionOfTheNetwork) {
  ModelOptions options;
  auto& clip = options.discriminators[1];
  clip.network = "residual";
  clip.frame_stack = 4;
  for (const int64_t resolution : {4, 8, 32, 64}) {
    clip.frame_stack_resolution = resolution;
    EXPECT_EQ(problem(options), "");
  }
  clip.frame_stack_resolution = 12;
  EXPECT_EQ(problem(options),
            "model.discriminators[1].frame_stack_resolution: found resolution 12, expected some of "
            "4, 8, 16, 32");
}

TEST(ModelOptions, AttentionStandsAtHiddenStages) {
  ModelOptions options;
  options.generator.attention = {4, 32};
  options.discriminators[0].attention = {4, 32};
  EXPECT_EQ(problem(options), "");
  options.generator.attention = {16, 64};
  EXPECT_EQ(problem(options),
            "model.generator.attention: found resolution 64, expected some of 4, 8, 16, 32");
  options.generator.attention = {};
  options.discriminators[0].pool = 4;
  EXPECT_EQ(problem(options),
            "model.discriminators[0].attention: found resolution 32, expected some of 4, 8");
  options.discriminators[0].attention = {6};
  EXPECT_EQ(problem(options),
            "model.discriminators[0].attention: found resolution 6, expected some of 4, 8");
}

TEST(ModelOptions, ObjectsHaveEqualPartsOfTheLatents) {
  ModelOptions options;
  options.generator.slots = 2;
  EXPECT_EQ(problem(options),
            "model.generator.slots: found 2, expected 1 without warp_resolution, where they are "
            "added up");
  options.generator.warp_resolution = 16;
  EXPECT_EQ(problem(options), "");
  options.generator.attention = {8};
  EXPECT_EQ(problem(options), "");
  options.generator.attention_axes = nn::AttentionAxes::kSpaceTime;
  EXPECT_EQ(problem(options),
            "model.generator.slots: found 2, expected 1 with attention_axes: space_time");
  options.generator.attention = {};
  options.temporal.content_dim = 7;
  EXPECT_EQ(problem(options),
            "model.temporal.content_dim: found 7, expected a multiple of 2, as much for each of "
            "model.generator.slots");
  options.temporal.content_dim = 8;
  options.temporal.type = "sinusoidal";
  options.temporal.motion_dim = 6;
  EXPECT_EQ(problem(options),
            "model.temporal.motion_dim: found 6, expected a multiple of 4, as much for each of "
            "model.generator.slots");
}

TEST(ModelOptions, WarpStandsAtAHiddenStageOfEqualGroups) {
  ModelOptions options;
  options.generator.widths = {32, 24, 16, 8};
  options.generator.warp_resolution = 8;
  options.generator.warp_groups = 6;
  EXPECT_EQ(problem(options), "");
  options.generator.warp_groups = 5;
  EXPECT_EQ(problem(options),
            "model.generator.warp_groups: found 5, expected a divisor of 24, the width at 8x8");
  options.generator.warp_resolution = 64;
  EXPECT_EQ(problem(options),
            "model.generator.warp_resolution: found resolution 64, expected some of 4, 8, 16, 32");
  options.generator.widths = {32, 24, 16, 8, 8};
  options.generator.warp_groups = 4;
  EXPECT_EQ(problem(options), "");
  options.generator.warp_still = 3;
  EXPECT_EQ(problem(options), "");
  options.generator.warp_still = 4;
  EXPECT_EQ(problem(options),
            "model.generator.warp_still: found 4, expected less than the 4 of warp_groups");
  options.generator.warp_still = 0;
  options.generator.warp_resolution = 8;
  options.temporal.content_dim = 0;
  EXPECT_EQ(problem(options),
            "model.generator.warp_resolution: found 8, which paints clips from their content, but "
            "model.temporal.content_dim is 0");
  options.class_names = {"cats", "dogs"};
  options.generator.warp_groups = 1;
  EXPECT_EQ(problem(options), "");
  options.generator.warp_fade = true;
  EXPECT_EQ(problem(options), "");
  options.generator.warp_resolution = 0;
  EXPECT_EQ(
      problem(options),
      "model.generator.warp_fade: found true, expected false without warp_resolution, where groups "
      "move");
}

TEST(ModelOptions, ClipDiscriminatorNeedsEnoughFrames) {
  ModelOptions options;
  EXPECT_EQ(
      problem(options, {3, 15, 64}),
      "model.discriminators[1].type: a clip discriminator of pictures of 64x64 needs 16 "
      "frames, found data.frames 15 (a larger pool needs fewer; network: residual takes any)");
  options.discriminators[1].pool = 2;
  EXPECT_EQ(problem(options, {3, 13, 64}), "");
}

TEST(ModelOptions, FramesAndPoolFitTheClip) {
  ModelOptions options;
  options.discriminators[0].frames = 17;
  EXPECT_EQ(problem(options),
            "model.discriminators[0].frames: found 17, expected at most 16, the frames of a clip");
  options.discriminators[0].frames = 1;
  options.discriminators[0].pool = 3;
  EXPECT_EQ(problem(options).substr(0, 36), "model.discriminators[0].pool: found ");
  options.discriminators[0].pool = 4;
  EXPECT_EQ(problem(options, {3, 16, 16}).substr(0, 36), "model.discriminators[0].pool: found ");
}

TEST(ModelOptions, NeedsADiscriminatorAndLatents) {
  ModelOptions options;
  options.temporal.motion_dim = 0;
  EXPECT_EQ(problem(options).substr(0, 26), "model.temporal.motion_dim:");
  options.temporal.motion_dim = 10;
  options.discriminators.clear();
  EXPECT_EQ(problem(options), "model.discriminators: found none, expected at least one");
}

TEST(ModelOptions, ClassesAreSortedAndSeveral) {
  const auto with = [](const std::vector<std::string>& names) {
    ModelOptions options;
    options.class_names = names;
    return problem(options);
  };
  EXPECT_EQ(with({"cats", "cows", "dogs"}), "");
  EXPECT_EQ(with({"cats"}),
            "model.class_names: found one, \"cats\", expected at least two, or none");
  EXPECT_EQ(with({"cats", "dogs", "cows"}),
            "model.class_names: found \"cows\" behind \"dogs\", expected alphabetical order and "
            "each name once");
  EXPECT_EQ(with({"cats", "cats"}).substr(0, 30), "model.class_names: found \"cats");
}

TEST(ModelOptions, FieldsGoThroughATree) {
  ModelOptions options;
  core::read_fields(core::Json::parse(R"({
    "generator": {"type": "residual", "widths": [32, 16], "attention": [8],
                  "attention_axes": "space_time"},
    "temporal": {"type": "lstm"}, "init": "he",
    "discriminators": [{"type": "clip", "network": "residual", "norm": "spectral", "frame_stack": 2},
                       {"type": "frame", "frames": 2, "weight": 0.5}, "clip"]})"),
                    options, "model");
  EXPECT_EQ(options.generator.attention_axes, nn::AttentionAxes::kSpaceTime);
  EXPECT_EQ(options.temporal.type, "lstm");
  EXPECT_EQ(options.init, nn::Init::kHe);
  EXPECT_EQ(options.generator.type, "residual");
  EXPECT_EQ(options.discriminators[0].network, "residual");
  EXPECT_EQ(options.discriminators[0].norm, DiscriminatorNorm::kSpectral);
  EXPECT_EQ(options.discriminators[0].frame_stack, 2);
  EXPECT_EQ(options.discriminators[0].type, "clip");
  EXPECT_EQ(options.discriminators[1].frames, 2);
  EXPECT_EQ(options.discriminators[2].type, "clip");

  ModelOptions again;
  core::read_fields(core::write_fields(options), again);
  EXPECT_EQ(core::write_fields(again), core::write_fields(options));
}

}  // namespace
}  // namespace vidgen::models
