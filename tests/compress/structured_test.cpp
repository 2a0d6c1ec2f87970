#include "vidgen/compress/structured.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "compress/generators.h"
#include "support/error.h"

namespace vidgen::compress {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Four channels that one filter bank makes and one reads.
ChannelGroup two_places() {
  ChannelGroup group;
  group.channels = 4;
  group.norm = "norm";
  group.places = {{"made", 1, ChannelRole::kMakes, false},
                  {"read", 0, ChannelRole::kReads, false},
                  {"norm.weight", 0, ChannelRole::kOther, true}};
  return group;
}

TEST(ImportanceTest, L1IsTheShareOfWhatMakesAndReads) {
  const checkpoint::Tensors weights{
      {"made", torch::tensor({1.0f, -2.0f, 0.0f, 1.0f, 0.0f, 2.0f, -4.0f, 0.0f}).view({2, 4})},
      {"read", torch::tensor({-1.0f, 0.0f, 0.0f, 1.0f}).view({4, 1})},
      {"norm.weight", torch::tensor({0.5f, -3.0f, 0.0f, 1.0f})}};
  const auto l1 = l1_importance(weights, two_places());
  EXPECT_TRUE(l1.allclose(torch::tensor({0.1 + 0.5, 0.4, 0.4, 0.1 + 0.5}, torch::kDouble)));
  EXPECT_TRUE(norm_importance(weights, two_places())
                  .equal(torch::tensor({0.5, 3.0, 0.0, 1.0}, torch::kDouble)));
  auto queries = two_places();
  queries.norm = "";
  EXPECT_TRUE(norm_importance(weights, queries).equal(l1));
}

TEST(ImportanceTest, MostImportantAreInOrder) {
  const auto importance = torch::tensor({1.0, 3.0, 2.0, 3.0, 1.0}, torch::kDouble);
  EXPECT_TRUE(most_important(importance, 3).equal(torch::tensor({1, 2, 3}, torch::kLong)));
  EXPECT_TRUE(most_important(importance, 4).equal(torch::tensor({0, 1, 2, 3}, torch::kLong)))
      << "among equals the first";
}

TEST(ImportanceTest, TaylorIsNothingForWhatNobodyReads) {
  for (const std::string type : {"dcgan", "residual"}) {
    const auto options = small_model(type);
    const auto groups = channel_groups(random_generator(options));
    auto tensors = tensors_of(random_generator(options));
    for (const auto& group : groups) {
      for (const auto& place : group.places) {
        const bool counts = place.role == ChannelRole::kReads || group.queries;
        if (counts) tensors.at(place.tensor).select(place.dim, 0).zero_();
      }
    }
    auto generator = checkpoint::load_generator(weights_file(options, tensors));
    const auto importance = taylor_importance(generator, groups, kSmallClip, 2);
    ASSERT_EQ(importance.size(), groups.size());
    for (size_t i = 0; i < groups.size(); ++i) {
      EXPECT_EQ(importance[i].size(0), groups[i].channels);
      EXPECT_EQ(importance[i][0].item<double>(), 0) << i;
      EXPECT_GT(importance[i].max().item<double>(), 0) << i;
    }
    EXPECT_TRUE(importance[0].equal(taylor_importance(generator, groups, kSmallClip, 2)[0]));
  }
}

TEST(ErrorCurveTest, GrowsFasterAndFaster) {
  ErrorCurve curve(16);
  EXPECT_EQ(curve.at(4), 0) << "nothing was measured";
  curve.add(12, 2);
  curve.add(8, 8);
  EXPECT_EQ(curve.at(16), 0);
  EXPECT_EQ(curve.at(14), 1);
  EXPECT_EQ(curve.at(12), 2);
  EXPECT_EQ(curve.at(10), 5);
  EXPECT_EQ(curve.at(4), 14) << "beyond what was measured";
  // Spoilt already: the next channel costs as much as those before all the same.
  curve.add(4, 9);
  EXPECT_EQ(curve.at(4), 14);
  EXPECT_THROW(curve.add(4, 20), c10::Error);
}

double weighted(const std::vector<int64_t>& widths) {
  return static_cast<double>(10 * widths[0] + 2 * widths[1] + widths[2]);
}

TEST(AllocateWidths, TakesWhatCostsLeastForWhatItSaves) {
  // The errors of losing a channel are 10, 1 and 2; by arithmetic 1, 0.5 and 2.
  std::vector<ErrorCurve> curves{ErrorCurve(16), ErrorCurve(18), ErrorCurve(16)};
  curves[0].add(8, 80);
  curves[1].add(9, 9);
  curves[2].add(8, 16);
  AllocationOptions options;
  options.sparsity = 0.1;  // of 212
  EXPECT_THAT(allocate_widths({16, 18, 16}, curves, weighted, options), ElementsAre(16, 4, 16));
  options.sparsity = 0.2;
  EXPECT_THAT(allocate_widths({16, 18, 16}, curves, weighted, options), ElementsAre(12, 4, 16));
  options.multiple = 1;
  EXPECT_THAT(allocate_widths({16, 18, 16}, curves, weighted, options), ElementsAre(14, 4, 16));
  options.sparsity = 0;
  EXPECT_THAT(allocate_widths({16, 18, 16}, curves, weighted, options), ElementsAre(16, 18, 16));
}

TEST(AllocateWidths, StopsAsSoonAsItIsEnough) {
  std::vector<ErrorCurve> curves{ErrorCurve(64), ErrorCurve(32), ErrorCurve(10)};
  for (size_t i = 0; i < 3; ++i) curves[i].add(5, 1 + static_cast<double>(i));
  const std::vector<int64_t> widths{64, 32, 10};
  const double before = weighted(widths);
  for (int percent = 0; percent < 90; percent += 5) {
    AllocationOptions options;
    options.sparsity = percent / 100.0;
    const auto result = allocate_widths(widths, curves, weighted, options);
    const double target = (1 - options.sparsity) * before;
    EXPECT_LE(weighted(result), target);
    // One step more of the most expensive stage is 4 channels of 10.
    EXPECT_GT(weighted(result) + 40, target);
    for (size_t i = 0; i < result.size(); ++i) {
      EXPECT_GE(result[i], 4);
      EXPECT_TRUE(result[i] == widths[i] || result[i] % 4 == 0) << result[i];
    }
  }
}

TEST(AllocateWidths, UniformTakesTheSameShareOfEach) {
  const std::vector<ErrorCurve> curves{ErrorCurve(512), ErrorCurve(256), ErrorCurve(6)};
  const std::vector<int64_t> widths{512, 256, 6};
  const Flops product = [](const std::vector<int64_t>& w) {
    return static_cast<double>(w[0] * w[1] + w[1] * w[2]);
  };
  AllocationOptions options;
  options.allocation = Allocation::kUniform;
  options.multiple = 16;
  options.min_width = 16;
  options.sparsity = 0;
  EXPECT_EQ(allocate_widths(widths, curves, product, options), widths);
  options.sparsity = 0.5;
  // 0.71 of each is 364 and 182, near which 368 and 176 are; the last has less than a multiple.
  EXPECT_THAT(allocate_widths(widths, curves, product, options), ElementsAre(368, 176, 6));
  for (int percent = 5; percent < 95; percent += 5) {
    options.sparsity = percent / 100.0;
    const auto result = allocate_widths(widths, curves, product, options);
    EXPECT_LE(product(result), (1 - options.sparsity) * product(widths));
    EXPECT_NEAR(static_cast<double>(result[0]) / 512, static_cast<double>(result[1]) / 256, 0.05);
  }
  options.sparsity = 0.9999;
  EXPECT_THAT(test::error_of([&] { allocate_widths(widths, curves, product, options); }),
              HasSubstr("sparsity: found 0.9999, expected at most"));
}

TEST(AllocateWidths, SaysWhatCannotBe) {
  std::vector<ErrorCurve> curves{ErrorCurve(8), ErrorCurve(8), ErrorCurve(3)};
  AllocationOptions options;
  options.sparsity = 0.6;
  // At most 4 of 8, 4 of 8 and 3 of 3: 48 of 99.
  EXPECT_THAT(test::error_of([&] {
                allocate_widths({8, 8, 3}, curves, weighted, options);
              }),
              ::testing::AllOf(HasSubstr("sparsity: found 0.6"), HasSubstr("at most 0.485")));
  for (const double wrong : {-0.1, 1.0, std::nan("")}) {
    options.sparsity = wrong;
    EXPECT_THAT(test::error_of([&] {
                  allocate_widths({8, 8, 3}, curves, weighted, options);
                }),
                HasSubstr("sparsity"));
  }
}

TEST(PruneStructured, RemovesItsShareOfTheArithmetic) {
  for (const std::string type : {"dcgan", "residual"}) {
    for (const auto importance : {Importance::kL1, Importance::kBatchNorm, Importance::kTaylor}) {
      const auto options = small_model(type);
      auto file = weights_file(options, tensors_of(random_generator(options)));
      StructuredOptions wanted;
      wanted.importance = importance;
      wanted.allocation.sparsity = 0.4;
      const auto report = prune_structured(file, wanted);
      EXPECT_LE(report.flops_after, 0.6 * report.flops_before);
      EXPECT_GT(report.flops_after, 0.2 * report.flops_before);
      EXPECT_LT(report.parameters_after, report.parameters_before);
      EXPECT_TRUE(std::isfinite(report.psnr));
      ASSERT_EQ(report.stages.size(), 3u);
      std::vector<int64_t> widths;
      for (const auto& stage : report.stages) {
        widths.push_back(stage.kept);
        EXPECT_EQ(stage.psnr.size(), kSensitivityShares.size());
      }
      EXPECT_EQ(checkpoint::model_options(file).generator.widths, widths);
      auto smaller = checkpoint::load_generator(file);
      double flops = 0;
      for (const auto& row : models::summarize(*smaller, kSmallClip)) {
        if (row.name.rfind("frame.", 0) == 0) flops += row.flops;
      }
      EXPECT_NEAR(flops / report.flops_after, 1, 1e-9);
      // The result can be pruned again.
      const auto again = prune_structured(file, wanted);
      EXPECT_NEAR(again.flops_before / report.flops_after, 1, 1e-9);
      EXPECT_LE(again.flops_after, 0.6 * again.flops_before);
    }
  }
}

TEST(ImportanceTest, BlocksKeepAsMany) {
  const auto importance = torch::tensor({9., 8., 7., 6., 1., 3., 2., 0.}, torch::kDouble);
  EXPECT_TRUE(most_important(importance, 4, 2).equal(torch::tensor({0, 1, 5, 6})));
  EXPECT_TRUE(most_important(importance, 4, 4).equal(torch::tensor({0, 2, 5, 6})));
}

TEST(PruneStructured, WhatMovesTogetherStaysTogether) {
  for (const std::string type : {"dcgan", "residual"}) {
    auto options = small_model(type);
    options.generator.warp_resolution = 8;
    options.generator.warp_groups = 6;
    options.generator.warp_still = 2;
    options.generator.warp_fade = true;
    options.generator.slots = type == "residual" ? 2 : 1;
    auto file = weights_file(options, tensors_of(random_generator(options)));
    StructuredOptions wanted;
    wanted.allocation.sparsity = 0.3;
    const auto report = prune_structured(file, wanted);
    EXPECT_LE(report.flops_after, 0.7 * report.flops_before);
    EXPECT_EQ(report.stages.at(1).kept % 6, 0);
    EXPECT_NO_THROW(checkpoint::load_generator(file));
  }
}

TEST(PruneStructured, NothingChangesWithoutSparsity) {
  const auto options = small_model("residual");
  auto file = weights_file(options, tensors_of(random_generator(options)));
  const auto before = file.file.tensors;
  StructuredOptions wanted;
  wanted.importance = Importance::kL1;
  wanted.allocation.sparsity = 0;
  const auto report = prune_structured(file, wanted);
  EXPECT_EQ(report.flops_after, report.flops_before);
  for (const auto& [name, tensor] : before) {
    EXPECT_TRUE(file.file.tensors.at(name).equal(tensor)) << name;
  }
}

TEST(PruneStructured, DefaultWidthsBecomeExplicit) {
  auto options = small_model("dcgan");
  options.generator.widths.clear();
  options.generator.attention.clear();
  auto file = weights_file(options, tensors_of(random_generator(options)));
  StructuredOptions wanted;
  wanted.importance = Importance::kBatchNorm;
  prune_structured(file, wanted);
  const auto widths = checkpoint::model_options(file).generator.widths;
  const auto full = models::resolved_widths(options.generator, kSmallClip);
  ASSERT_EQ(widths.size(), full.size());
  EXPECT_LT(std::accumulate(widths.begin(), widths.end(), int64_t{0}),
            std::accumulate(full.begin(), full.end(), int64_t{0}));
  checkpoint::load_generator(file);
}

}  // namespace
}  // namespace vidgen::compress
