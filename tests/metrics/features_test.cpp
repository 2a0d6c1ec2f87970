#include "vidgen/metrics/features.h"

#include <gtest/gtest.h>

#include "support/fixture.h"
#include "support/random.h"

namespace vidgen::metrics {
namespace {

using test::Fixture;

torch::Tensor scalar(double value) { return torch::tensor(value, torch::kDouble); }

TEST(FeaturesTest, ReproduceReference) {
  const Fixture fixture("frechet");
  const auto x = fixture.tensor("in.x"), y = fixture.tensor("in.y"), few = fixture.tensor("in.few");
  fixture.expect_close("out.frechet_x_y", scalar(frechet_distance(x, y)));
  fixture.expect_close("out.frechet_few_y", scalar(frechet_distance(few, y)));
  fixture.expect_close("out.frechet_x_x", scalar(frechet_distance(x, x)));
  fixture.expect_close("out.kid_x_y", scalar(kernel_distance(x, y)));
  fixture.expect_close("out.kid_few_y", scalar(kernel_distance(few, y)));
  fixture.expect_close("out.kid_x_x", scalar(kernel_distance(x, x)));
}

TEST(FeaturesTest, AreSymmetricAndDoNotDependOnTheOrder) {
  const Fixture fixture("frechet");
  const auto x = fixture.tensor("in.x"), y = fixture.tensor("in.y");
  const auto shuffled = x.index_select(0, torch::randperm(x.size(0), test::random(1)));
  EXPECT_NEAR(frechet_distance(x, y), frechet_distance(y, x), 1e-9);
  EXPECT_NEAR(frechet_distance(shuffled, y), frechet_distance(x, y), 1e-9);
  EXPECT_NEAR(kernel_distance(shuffled, y), kernel_distance(y, x), 1e-9);
}

TEST(FeaturesTest, FrechetOfNormalDistributionsIsKnown) {
  // Coordinates that are shifted by d and scaled by s: |d|^2 + D (s - 1)^2 of the sample's own
  // variances.
  const auto x = torch::randn({500, 8}, test::random(2), torch::kDouble);
  EXPECT_NEAR(frechet_distance(x, x + 0.5), 8 * 0.25, 1e-9);
  const auto centred = x - x.mean(0);
  EXPECT_NEAR(frechet_distance(centred, 3 * centred),
              4 * centred.square().sum().item<double>() / 499, 1e-8);
}

TEST(FeaturesTest, KernelDistanceOfSubsets) {
  const auto x = torch::randn({300, 6}, test::random(3), torch::kDouble);
  const auto y = torch::randn({300, 6}, test::random(4), torch::kDouble) + 1;
  KernelDistanceOptions options;
  // One subset that is the whole set.
  EXPECT_NEAR(kernel_distance_of_subsets(x, y, options), kernel_distance(x, y), 1e-9);
  options.subset_size = 50;
  const double estimate = kernel_distance_of_subsets(x, y, options);
  EXPECT_EQ(kernel_distance_of_subsets(x, y, options), estimate);
  EXPECT_NEAR(estimate, kernel_distance(x, y), 0.1 * estimate);
  options.seed = 1;
  EXPECT_NE(kernel_distance_of_subsets(x, y, options), estimate);
}

TEST(FeaturesTest, PrecisionAndRecallByHand) {
  // On a line, k = 1: around 0, 1, 2, 10 the nearest others are 1, 1, 1, 8 away.
  const auto real = torch::tensor({0., 1., 2., 10.}, torch::kDouble).unsqueeze(1);
  const auto generated = torch::tensor({-1., 2.5, 30., 40.}, torch::kDouble).unsqueeze(1);
  // -1 and 2.5 lie among the real ones, 30 and 40 do not. Around the generated ones the distances
  // are 3.5, 3.5, 10, 10: they reach 0, 1, 2, but not 10.
  const auto result = precision_recall(generated, real, 1);
  EXPECT_EQ(result.precision, 0.5);
  EXPECT_EQ(result.recall, 0.75);
}

TEST(FeaturesTest, PrecisionFallsWithQualityAndRecallWithVariety) {
  const auto real = torch::randn({400, 4}, test::random(5), torch::kDouble);
  const auto same = torch::randn({400, 4}, test::random(6), torch::kDouble);
  const auto good = precision_recall(same, real);
  EXPECT_GT(good.precision, 0.8);
  EXPECT_GT(good.recall, 0.8);
  const auto narrow = precision_recall(0.2 * same, real);
  EXPECT_GT(narrow.precision, 0.95);
  EXPECT_LT(narrow.recall, 0.3);
  const auto wide = precision_recall(5 * same, real);
  EXPECT_LT(wide.precision, 0.3);
  EXPECT_EQ(precision_recall(real, real).precision, 1);
}

TEST(FeaturesTest, RefuseSetsThatAreTooSmallOrDoNotMatch) {
  const auto three = torch::zeros({3, 2}), other = torch::zeros({9, 3});
  EXPECT_THROW(frechet_distance(three.narrow(0, 0, 1), three), c10::Error);
  EXPECT_THROW(kernel_distance(three, other), c10::Error);
  EXPECT_THROW(precision_recall(three, three), c10::Error);
}

}  // namespace
}  // namespace vidgen::metrics
