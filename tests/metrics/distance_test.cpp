#include <gtest/gtest.h>

#include "metrics/clips.h"
#include "vidgen/metrics/diversity.h"
#include "vidgen/metrics/sliced_wasserstein.h"

namespace vidgen::metrics {
namespace {

using test::blob_clips;

SlicedWassersteinOptions few_patches(int64_t frames = 1) {
  SlicedWassersteinOptions options;
  options.patches = 2048;
  options.projections = 128;
  options.patch_frames = frames;
  return options;
}

torch::Tensor shuffled(const torch::Tensor& clips, int64_t dim) {
  return clips.index_select(dim, torch::randperm(clips.size(dim), test::random(7)));
}

std::vector<LevelDistance> sliced_wasserstein(const torch::Tensor& clips,
                                              const torch::Tensor& reference,
                                              const SlicedWassersteinOptions& options) {
  return SlicedWasserstein(reference, options).distance(clips);
}

double largest_level(const torch::Tensor& clips, const torch::Tensor& reference,
                     int64_t frames = 1) {
  return sliced_wasserstein(clips, reference, few_patches(frames)).front().distance;
}

TEST(SlicedWassersteinTest, LevelsGoDownToSixteenPixels) {
  const auto sizes = [](int64_t size) {
    const auto clips = blob_clips(2, 2, size, 1);
    std::vector<int64_t> result;
    for (const auto& level : sliced_wasserstein(clips, clips, few_patches())) {
      EXPECT_EQ(level.distance, 0);
      result.push_back(level.size);
    }
    return result;
  };
  EXPECT_EQ(sizes(64), (std::vector<int64_t>{64, 32, 16}));
  EXPECT_EQ(sizes(16), std::vector<int64_t>{16});
}

TEST(SlicedWassersteinTest, OrderDoesNotMatter) {
  const auto a = blob_clips(20, 4, 32, 1), b = blob_clips(20, 4, 32, 2);
  EXPECT_NEAR(largest_level(shuffled(a, 0), b), largest_level(a, b), 1e-12);
  EXPECT_NEAR(largest_level(a, shuffled(b, 0)), largest_level(a, b), 1e-12);
}

TEST(SlicedWassersteinTest, GrowsWithBlurAndWithNoise) {
  // Textured, so that there is something to blur.
  const auto real = test::with_noise(blob_clips(24, 4, 32, 1), 12, 1);
  const auto other = test::with_noise(blob_clips(24, 4, 32, 2), 12, 2);
  double blurred = largest_level(other, real), noisy = blurred;
  for (const int64_t radius : {1, 2, 4}) {
    const double now = largest_level(test::with_blur(other, radius), real);
    EXPECT_GT(now, blurred) << radius;
    blurred = now;
  }
  for (const double sigma : {10., 20., 40.}) {
    const double now = largest_level(test::with_noise(other, sigma, 3), real);
    EXPECT_GT(now, noisy) << sigma;
    noisy = now;
  }
}

TEST(SlicedWassersteinTest, SeesContrastAndColor) {
  const auto real = blob_clips(24, 4, 32, 1), other = blob_clips(24, 4, 32, 2);
  const double floor = largest_level(other, real);
  const auto pale = (other.to(torch::kDouble) * 0.5 + 60).to(torch::kU8);
  EXPECT_GT(largest_level(pale, real), 3 * floor);
  EXPECT_GT(sliced_wasserstein(pale, real, few_patches()).back().distance, 3 * floor);
}

TEST(SlicedWassersteinTest, SpaceTimePatchesSeeTheOrderOfFrames) {
  const auto real = blob_clips(60, 12, 32, 1), other = blob_clips(60, 12, 32, 2);
  const auto mixed = shuffled(other, 1);
  const double frames = largest_level(other, real), video = largest_level(other, real, 7);
  EXPECT_NEAR(largest_level(mixed, real), frames, 0.5 * frames);
  EXPECT_GT(largest_level(mixed, real, 7), 2 * video);
}

TEST(SlicedWassersteinTest, SetsOfDifferentSizes) {
  const auto real = blob_clips(60, 4, 32, 1);
  const double distance = largest_level(blob_clips(17, 4, 32, 2), real);
  EXPECT_GT(distance, 0);
  EXPECT_LT(distance, largest_level(test::with_noise(blob_clips(17, 4, 32, 2), 30, 1), real));
  auto options = few_patches();
  options.patches = 7;  // fewer than clips
  EXPECT_EQ(sliced_wasserstein(real, real, options).front().distance, 0);
  EXPECT_THROW(sliced_wasserstein(real, blob_clips(3, 5, 32, 1), options), c10::Error);
}

TEST(WassersteinTest, KnownDistances) {
  const auto numbers = [](std::vector<double> values) {
    return torch::tensor(values, torch::kDouble);
  };
  EXPECT_EQ(wasserstein_1d(numbers({1, 2, 3}), numbers({3, 1, 2})), 0);
  EXPECT_NEAR(wasserstein_1d(numbers({0, 1, 2}), numbers({5, 6, 7})), 5, 1e-12);
  // Half of the mass at 0 has to go to 2.
  EXPECT_NEAR(wasserstein_1d(numbers({0}), numbers({0, 2})), 1, 1e-12);
  EXPECT_NEAR(wasserstein_1d(numbers({0, 3}), numbers({0, 0, 3})), 0.5, 1e-12);
  EXPECT_EQ(wasserstein_1d(numbers({4}), numbers({7})), 3);
}

TEST(DiversityTest, EqualClipsHaveNone) {
  const auto one = blob_clips(1, 4, 16, 1);
  EXPECT_EQ(mean_pairwise_distance(one.expand({5, -1, -1, -1, -1})), 0);
  EXPECT_THROW(mean_pairwise_distance(one), c10::Error);
}

TEST(DiversityTest, DistancesByHand) {
  const auto clip = [](int value) { return torch::full({1, 3, 130, 130, 3}, value, torch::kU8); };
  const auto clips = torch::cat({clip(0), clip(10), clip(40)});
  // 10, 40 and 30.
  EXPECT_NEAR(mean_pairwise_distance(clips), 80. / 3, 1e-12);
  const auto nearest = nearest_distances(clips, torch::cat({clip(12), clip(100)}));
  EXPECT_TRUE(torch::allclose(nearest, torch::tensor({12., 2., 28.}, torch::kDouble)));
  // The root of the mean square: a tenth of the pixels is 30 away.
  auto other = clip(0).clone();
  other.narrow(2, 0, 13).fill_(30);
  EXPECT_NEAR(nearest_distances(other, clip(0))[0].item<double>(), 30 * std::sqrt(0.1), 1e-12);
}

TEST(DiversityTest, OrderDoesNotMatter) {
  const auto clips = blob_clips(12, 4, 16, 1), others = blob_clips(9, 4, 16, 2);
  EXPECT_NEAR(mean_pairwise_distance(shuffled(clips, 0)), mean_pairwise_distance(clips), 1e-12);
  EXPECT_TRUE(torch::equal(nearest_distances(clips, shuffled(others, 0)),
                           nearest_distances(clips, others)));
}

}  // namespace
}  // namespace vidgen::metrics
