#include "vidgen/models/scaling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vidgen::models {
namespace {

using ::testing::ElementsAre;
using Widths = std::vector<int64_t>;

bool nothing_fixed(const std::string&) { return false; }

ClipShape shape_of(int64_t size) { return {3, 16, size}; }

/// As configs/vidgen64.yaml, made for 64x64.
ModelOptions moved_objects() {
  ModelOptions options;
  options.generator.type = "residual";
  options.generator.widths = {128, 64, 64, 32, 16};
  options.generator.warp_resolution = 64;
  options.generator.warp_groups = 4;
  options.discriminators[0].widths = {16, 32, 64, 128};
  options.discriminators[1].widths = {32, 32, 64, 128};
  for (auto& one : options.discriminators) one.network = "residual";
  return options;
}

ModelOptions scaled(ModelOptions options, int64_t from, int64_t to) {
  scale_networks(options, from, shape_of(to), nothing_fixed);
  return options;
}

TEST(ScalingTest, StagesThatStayKeepTheirWidths) {
  const auto large = scaled(moved_objects(), 64, 256);
  EXPECT_EQ(large.generator.widths, Widths({128, 64, 64, 32, 16, 8, 8}));
  EXPECT_EQ(large.generator.warp_resolution, 256) << "what is moved at full size still is";
  EXPECT_EQ(large.discriminators[0].widths, Widths({8, 8, 16, 32, 64, 128}));
  EXPECT_EQ(large.discriminators[1].widths, Widths({8, 16, 32, 32, 64, 128}));
  const auto small = scaled(moved_objects(), 64, 32);
  EXPECT_EQ(small.generator.widths, Widths({128, 64, 64, 32}));
  EXPECT_EQ(small.generator.warp_resolution, 32);
  EXPECT_EQ(small.discriminators[0].widths, Widths({32, 64, 128}));
  EXPECT_EQ(scaled(large, 256, 64).generator.widths, moved_objects().generator.widths);
}

TEST(ScalingTest, EveryPowerOfTwoGivesNetworksThatCanBeMade) {
  auto classic = ModelOptions();
  classic.generator.widths = {256, 128, 64, 32};
  classic.generator.attention = {16, 32};
  classic.generator.warp_resolution = 16;
  classic.discriminators[0].widths = {64, 128, 256, 512};
  classic.discriminators[0].attention = {16};
  classic.discriminators[1].pool = 2;
  classic.discriminators[1].widths = {32, 64, 128};
  auto folded = moved_objects();
  folded.discriminators[1].frame_stack = 4;
  folded.discriminators[1].frame_stack_resolution = 8;
  for (const auto& options : {moved_objects(), classic, folded}) {
    for (const int64_t size : {16, 32, 64, 128, 256}) {
      SCOPED_TRACE(size);
      EXPECT_NO_THROW(validate(scaled(options, 64, size), shape_of(size)));
    }
  }
}

TEST(ScalingTest, OtherResolutionsStayWhereTheyAre) {
  auto options = moved_objects();
  options.generator.type = "dcgan";
  options.generator.widths = {128, 64, 64, 32};
  options.generator.warp_resolution = 16;
  options.generator.attention = {16, 32};
  options.discriminators[1].frame_stack_resolution = 32;
  options.discriminators[1].attention = {8, 32};
  const auto large = scaled(options, 64, 128);
  EXPECT_EQ(large.generator.warp_resolution, 16);
  EXPECT_EQ(large.generator.attention, Widths({16, 32}));
  EXPECT_EQ(large.generator.widths, Widths({128, 64, 64, 32, 16})) << "no stage of full size";
  EXPECT_EQ(large.discriminators[1].frame_stack_resolution, 32);
  const auto small = scaled(options, 64, 16);
  EXPECT_EQ(small.generator.warp_resolution, 8);
  EXPECT_EQ(small.generator.attention, Widths({8}));
  EXPECT_EQ(small.discriminators[1].frame_stack_resolution, 16);
  EXPECT_EQ(small.discriminators[1].attention, Widths({8}));
}

TEST(ScalingTest, WidthsOfGroupsAreDivisible) {
  auto options = moved_objects();
  options.generator.warp_groups = 16;
  EXPECT_EQ(scaled(options, 64, 128).generator.widths.back(), 16);
  options.generator.warp_groups = 3;
  options.generator.widths.back() = 24;
  EXPECT_EQ(scaled(options, 64, 128).generator.widths.back(), 12);
  EXPECT_EQ(scaled(options, 64, 256).generator.widths.back(), 9) << "8 is not a multiple of 3";
}

TEST(ScalingTest, ClipsThatAreShortArePooledInstead) {
  ModelOptions mocogan;
  mocogan.discriminators[0].widths = mocogan.discriminators[1].widths = {64, 128, 256, 512};
  mocogan.generator.widths = {512, 256, 128, 64};
  // Five strided convolutions over time need 19 frames.
  const auto pooled = scaled(mocogan, 64, 128);
  EXPECT_EQ(pooled.discriminators[1].pool, 2);
  EXPECT_EQ(pooled.discriminators[1].widths, mocogan.discriminators[1].widths);
  EXPECT_EQ(pooled.discriminators[0].pool, 1);
  EXPECT_EQ(pooled.discriminators[0].widths, Widths({32, 64, 128, 256, 512}));
  mocogan.discriminators[0].pool = 4;
  mocogan.discriminators[0].widths = {64, 128};
  const auto small = scaled(mocogan, 64, 16);
  EXPECT_EQ(small.discriminators[0].pool, 2) << "8 pixels are needed";
  EXPECT_EQ(small.discriminators[0].widths, Widths({128}));
}

TEST(ScalingTest, SaysWhatItChangedAndLeavesWhatIsFixed) {
  auto options = moved_objects();
  const auto changes = scale_networks(options, 64, shape_of(32), [](const auto& key) {
    return key == "model.generator.warp_resolution";
  });
  EXPECT_EQ(options.generator.warp_resolution, 64);
  EXPECT_THAT(changes, ElementsAre("model.generator.widths [128, 64, 64, 32]",
                                   "model.discriminators[0].widths [32, 64, 128]",
                                   "model.discriminators[1].widths [32, 64, 128]"));
}

TEST(ScalingTest, TheSizeIsSeenFromTheWidths) {
  const auto options = moved_objects();
  EXPECT_EQ(size_made_for(options, 64, 128, nothing_fixed), 64);
  EXPECT_EQ(size_made_for(options, 128, 128, nothing_fixed), 64) << "the file's size is another";
  EXPECT_EQ(size_made_for(ModelOptions(), 64, 128, nothing_fixed), 64) << "no widths at all";
  auto mixed = options;
  mixed.discriminators[0].widths = {16, 32, 64};
  EXPECT_EQ(size_made_for(mixed, 128, 128, nothing_fixed), 128) << "no size fits all of them";
  // A generator of four widths is one of 64x64, or of 32x32 with a stage of full size.
  ModelOptions four;
  four.generator.widths = {64, 32, 16, 8};
  EXPECT_EQ(size_made_for(four, 32, 32, nothing_fixed), 32);
  EXPECT_EQ(size_made_for(four, 128, 128, nothing_fixed), 64);
  const auto fixed = [](const std::string& key) { return key.find("widths") != std::string::npos; };
  EXPECT_EQ(size_made_for(options, 128, 128, fixed), 128);
}

TEST(ScalingTest, DefaultsAbove64GrowByNarrowStages) {
  ModelOptions options;
  options.generator.type = "residual";
  options.discriminators[1].pool = 4;
  EXPECT_TRUE(name_default_widths(options, shape_of(64)).empty());
  EXPECT_EQ(name_default_widths(options, shape_of(256)).size(), 2u);
  EXPECT_EQ(options.generator.widths, Widths({512, 256, 128, 64, 32, 16, 8}));
  EXPECT_EQ(options.discriminators[0].widths, Widths({16, 32, 64, 128, 256, 512}));
  EXPECT_TRUE(options.discriminators[1].widths.empty()) << "of pictures of 64x64";
}

TEST(ScalingTest, ARunWithoutWidthsKeepsItsNetworks) {
  const ModelOptions stored;
  ModelOptions options;
  name_default_widths(options, shape_of(128));
  ASSERT_FALSE(options.generator.widths.empty());
  keep_unnamed_widths(options, stored, shape_of(128));
  EXPECT_EQ(core::write_fields(options), core::write_fields(stored));
  EXPECT_EQ(resolved_widths(options.generator, shape_of(128)), Widths({512, 512, 256, 128, 64}));
  // Widths that somebody chose are not taken for the default.
  options.generator.widths = {8, 8, 8, 8, 8};
  keep_unnamed_widths(options, stored, shape_of(128));
  EXPECT_EQ(options.generator.widths, Widths({8, 8, 8, 8, 8}));
}

}  // namespace
}  // namespace vidgen::models
