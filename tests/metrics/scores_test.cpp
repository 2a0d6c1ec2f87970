#include "vidgen/metrics/scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "metrics/clips.h"
#include "support/error.h"

namespace vidgen::metrics {
namespace {

using test::blob_clips;
using ::testing::HasSubstr;

/// 24 clips of 8 frames in each set.
ClipSets clip_sets(const torch::Tensor& generated) {
  return {generated, blob_clips(24, 8, 32, 11), blob_clips(24, 8, 32, 12),
          blob_clips(40, 8, 32, 13)};
}

std::map<std::string, Score> scores_of(const torch::Tensor& generated, uint64_t seed = 0) {
  ScoreOptions options;
  options.seed = seed;
  options.patches = 1024;
  std::map<std::string, Score> scores;
  for (auto& score : score_clips(clip_sets(generated), options)) scores[score.name] = score;
  return scores;
}

TEST(ScoresTest, HaveAFloorAndSamples) {
  const auto scores = scores_of(blob_clips(24, 8, 32, 14));
  for (const auto& name : score_names()) ASSERT_EQ(scores.count(name), 1u) << name;
  EXPECT_EQ(scores.count("swd.32"), 1u);
  EXPECT_EQ(scores.count("swd_video.16"), 1u);
  EXPECT_EQ(scores.size(), score_names().size() + 4);
  for (const auto& [name, score] : scores) {
    EXPECT_GT(score.floor, 0) << name;
    // Clips of the same kind are about as far away as the floor is.
    EXPECT_LT(std::abs(score.value - score.ideal), 3 * std::abs(score.floor - score.ideal) + 0.25)
        << name;
  }
  EXPECT_EQ(scores.at("psnr").generated.size(0), 24);
  EXPECT_NEAR(scores.at("psnr").generated_mean, scores.at("psnr").generated.mean().item<double>(),
              1e-12);
}

TEST(ScoresTest, OfTheRealClipsThemselvesAreIdeal) {
  const auto sets = clip_sets(blob_clips(24, 8, 32, 11));
  ScoreOptions options;
  options.patches = 1024;
  for (const auto& score : score_clips(sets, options)) {
    EXPECT_NEAR(score.value, score.ideal, 1e-12) << score.name;
  }
}

TEST(ScoresTest, ScorerGivesTheSameAgain) {
  const auto generated = blob_clips(24, 8, 32, 14);
  const auto sets = clip_sets(generated);
  ScoreOptions options;
  options.patches = 1024;
  const Scorer scorer({{}, sets.real, sets.other_real, sets.training}, options);
  scorer.score(blob_clips(8, 8, 32, 15));
  const auto want = score_clips(sets, options), got = scorer.score(generated);
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(got[i].name, want[i].name);
    EXPECT_EQ(got[i].value, want[i].value) << want[i].name;
    EXPECT_EQ(got[i].floor, want[i].floor) << want[i].name;
    const auto name = want[i].name.substr(0, want[i].name.find('.'));
    EXPECT_EQ(want[i].ideal, ideal_score(name)) << name;
  }
}

TEST(ScoresTest, ScorerKnowsWhatTheClipsAllow) {
  const auto expect_computes = [](const ClipSets& sets, const std::vector<std::string>& asked,
                                  const std::vector<std::string>& expected) {
    ScoreOptions options;
    options.names = asked;
    options.patches = 64;
    const Scorer scorer(sets, options);
    std::vector<std::string> computed, scored;
    for (const auto& name : score_names()) {
      if (scorer.computes(name)) computed.push_back(name);
    }
    for (const auto& score : scorer.score(sets.other_real)) {
      // A level of a metric is no metric.
      if (score.name.find('.') == std::string::npos) scored.push_back(score.name);
    }
    EXPECT_EQ(computed, expected);
    EXPECT_EQ(scored, expected);
  };
  const auto all = clip_sets({});
  expect_computes(all, {}, score_names());
  expect_computes(all, {"flicker", "swd"}, {"swd", "flicker"});
  const ClipSets short_clips{{}, blob_clips(8, 2, 32, 11), blob_clips(8, 2, 32, 12), {}};
  expect_computes(short_clips, {}, {"swd", "swd_video", "psnr", "ssim", "motion", "diversity"});
  expect_computes(short_clips, {"flicker", "nearest"}, {});
}

TEST(ScoresTest, BetterIsNearerToTheIdeal) {
  EXPECT_TRUE(is_better("swd", 0.1, 0.2));
  EXPECT_FALSE(is_better("swd", 0.2, 0.2));
  EXPECT_TRUE(is_better("diversity", 0.9, 0.5));
  EXPECT_TRUE(is_better("diversity", 0.9, 1.2));
  EXPECT_FALSE(is_better("nearest", std::nan(""), 0.5));
}

TEST(ScoresTest, SameSeedSameNumberOtherSeedAnother) {
  const auto clips = blob_clips(24, 8, 32, 14);
  const auto one = scores_of(clips, 3), two = scores_of(clips, 3), three = scores_of(clips, 4);
  for (const auto& [name, score] : one) EXPECT_EQ(score.value, two.at(name).value) << name;
  EXPECT_NE(one.at("swd").value, three.at("swd").value);
}

TEST(ScoresTest, FindWhatIsWrong) {
  const auto good = blob_clips(24, 8, 32, 14);
  const auto base = scores_of(good);
  const auto farther = [&](const torch::Tensor& clips, const std::vector<std::string>& names) {
    const auto scores = scores_of(clips);
    for (const auto& name : names) {
      const double ideal = base.at(name).ideal;
      EXPECT_GT(std::abs(scores.at(name).value - ideal), 2 * std::abs(base.at(name).value - ideal))
          << name;
    }
    return scores;
  };
  farther(test::with_noise(good, 10, 1), {"swd", "swd_video", "psnr", "ssim", "flicker"});
  // Clips that stand still.
  farther(good.narrow(1, 0, 1).expand_as(good).contiguous(), {"psnr", "motion"});
  // Collapse.
  const auto collapsed = farther(good.narrow(0, 0, 1).expand_as(good).contiguous(), {"diversity"});
  EXPECT_EQ(collapsed.at("diversity").value, 0);
  // Copies.
  const auto copied = scores_of(blob_clips(40, 8, 32, 13).narrow(0, 0, 24));
  EXPECT_EQ(copied.at("nearest").value, 0);
}

TEST(ScoresTest, OnlyThoseAskedForAndPossible) {
  auto sets = clip_sets(blob_clips(24, 8, 32, 14));
  ScoreOptions options;
  options.names = {"diversity", "psnr"};
  const auto two = score_clips(sets, options);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0].name, "psnr");
  options.names = {"fvd"};
  EXPECT_THAT(test::error_of([&] { score_clips(sets, options); }),
              HasSubstr("unknown metric \"fvd\", expected one of swd,"));
  // Of two frames there is no second difference, and without training clips no nearest.
  const auto shorten = [](torch::Tensor& clips) { clips = clips.narrow(1, 0, 2).contiguous(); };
  for (auto* set : {&sets.generated, &sets.real, &sets.other_real}) shorten(*set);
  sets.training = torch::Tensor();
  options.names = {"psnr", "flicker", "nearest"};
  EXPECT_EQ(score_clips(sets, options).size(), 1u);
}

TEST(ScoresTest, OfFeatures) {
  const Extractor mean_color = [](const torch::Tensor& clips) {
    return clips.to(torch::kDouble).mean({1, 2, 3});
  };
  const auto scores = score_features(clip_sets(blob_clips(24, 8, 32, 14)), mean_color, 0);
  ASSERT_EQ(scores.size(), 4u);
  EXPECT_EQ(scores[0].name, "frechet");
  const auto dark = score_features(clip_sets(blob_clips(24, 8, 32, 14) / 2), mean_color, 0);
  EXPECT_GT(dark[0].value, 5 * scores[0].value);
  EXPECT_GT(dark[1].value, scores[1].value);
  EXPECT_LT(dark[2].value, scores[2].value);
}

}  // namespace
}  // namespace vidgen::metrics
