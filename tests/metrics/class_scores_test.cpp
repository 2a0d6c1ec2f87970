#include "vidgen/metrics/class_scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/clips.h"
#include "vidgen/metrics/diversity.h"

namespace vidgen::metrics {
namespace {

using test::blob_clips;
using ::testing::ElementsAre;

/// "a", "b", "a", "b" ...
std::vector<std::string> in_turn(const std::vector<std::string>& names, size_t count) {
  std::vector<std::string> classes;
  for (size_t i = 0; i < count; ++i) classes.push_back(names[i % names.size()]);
  return classes;
}

/// Clips of two classes in turn: blobs, and brighter ones.
torch::Tensor two_classes(int64_t count, uint64_t seed) {
  auto clips = blob_clips(count, 8, 32, seed);
  clips.slice(0, 1, count, 2) += 15;
  return clips;
}

ClipSets real_sets(int64_t count) {
  return {{}, two_classes(count, 1), two_classes(count, 2), two_classes(count, 3)};
}

std::vector<std::string> names_of(const std::vector<Score>& scores) {
  std::vector<std::string> names;
  for (const auto& score : scores) {
    if (score.name.find('.') == std::string::npos) names.push_back(score.name);
  }
  return names;
}

ScoreOptions few_patches(std::vector<std::string> names) {
  ScoreOptions options;
  options.names = std::move(names);
  options.patches = 256;
  return options;
}

TEST(ClassScoresTest, AreThoseOfTheClipsOfAClass) {
  const auto real = real_sets(16);
  const auto classes = in_turn({"a", "b"}, 16);
  const auto generated = two_classes(16, 4);
  const auto scores =
      ClassScorer(real, classes, classes, few_patches({"motion", "diversity"})).score(generated);
  ASSERT_EQ(scores.size(), 2u);
  EXPECT_EQ(scores[0].name, "a");
  EXPECT_EQ(scores[1].name, "b");
  EXPECT_EQ(scores[1].clips, 8);
  const auto every_second = [](const torch::Tensor& clips) {
    return clips.slice(0, 1, clips.size(0), 2).contiguous();
  };
  const auto want = score_clips(
      {every_second(generated), every_second(real.real), every_second(real.other_real), {}},
      few_patches({"motion", "diversity"}));
  ASSERT_EQ(scores[1].scores.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(scores[1].scores[i].name, want[i].name);
    EXPECT_EQ(scores[1].scores[i].value, want[i].value);
    EXPECT_EQ(scores[1].scores[i].floor, want[i].floor);
  }
}

TEST(ClassScoresTest, FindACollapseThatAllClipsTogetherHide) {
  const auto real = real_sets(16);
  const auto classes = in_turn({"a", "b"}, 16);
  // Two different clips, each of a class.
  auto collapsed = two_classes(16, 4);
  for (int64_t i = 2; i < 16; ++i) collapsed[i].copy_(collapsed[i % 2]);
  const double all = mean_pairwise_distance(collapsed) / mean_pairwise_distance(real.real);
  EXPECT_GT(all, 0.3);
  const ClassScorer scorer(real, classes, classes, few_patches({"diversity"}));
  const auto found = scorer.score(collapsed);
  EXPECT_EQ(least_diverse(found)->diversity().value, 0);
  EXPECT_GT(least_diverse(found)->diversity().real_mean, 5);
  // Only one of them.
  auto half = two_classes(16, 4);
  for (int64_t i = 3; i < 16; i += 2) half[i].copy_(half[1]);
  const auto one = scorer.score(half);
  EXPECT_EQ(least_diverse(one)->name, "b");
  EXPECT_EQ(least_diverse(one)->diversity().value, 0);
  EXPECT_GT(one[0].diversity().value, 0.5);
  EXPECT_EQ(least_diverse({}), nullptr);
}

TEST(ClassScoresTest, FewClipsAllowLess) {
  // 3 of a, 5 of b, 8 of c.
  std::vector<std::string> classes(3, "a");
  classes.insert(classes.end(), 5, "b");
  classes.insert(classes.end(), 8, "c");
  const ClassScorer scorer(real_sets(16), classes, classes, few_patches({}));
  EXPECT_EQ(scorer.classes(), 3u);
  EXPECT_EQ(scorer.scored(), 2u);
  const auto scores = scorer.score(two_classes(16, 4));
  EXPECT_EQ(scores[0].name, "b");
  EXPECT_THAT(names_of(scores[0].scores), ElementsAre("diversity"));
  EXPECT_THAT(names_of(scores[1].scores),
              ElementsAre("swd", "swd_video", "psnr", "ssim", "motion", "flicker", "diversity"));
  // What was not asked for is not computed, but for the diversity.
  EXPECT_THAT(names_of(ClassScorer(real_sets(16), classes, classes, few_patches({"psnr"}))
                           .score(two_classes(16, 4))[1]
                           .scores),
              ElementsAre("psnr", "diversity"));
  // Nothing to compare with.
  const std::vector<std::string> others(16, "c");
  EXPECT_EQ(ClassScorer(real_sets(16), classes, others, few_patches({"diversity"})).scored(), 1u);
  auto still = real_sets(16);
  still.real.copy_(still.real[0].expand_as(still.real).clone());
  EXPECT_EQ(ClassScorer(still, classes, classes, few_patches({"diversity"})).scored(), 0u);
}

}  // namespace
}  // namespace vidgen::metrics
