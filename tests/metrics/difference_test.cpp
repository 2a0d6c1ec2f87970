#include "vidgen/metrics/difference.h"

#include <gtest/gtest.h>

#include <cmath>

#include "metrics/clips.h"
#include "vidgen/metrics/coherence.h"

namespace vidgen::metrics {
namespace {

TEST(DifferenceTest, KnownValues) {
  const auto dark = torch::full({2, 3, 16, 16, 3}, 10, torch::kU8);
  const auto light = torch::full({2, 3, 16, 16, 3}, 12, torch::kU8);
  EXPECT_NEAR(psnr_between(dark, light), 20 * std::log10(255. / 2), 1e-10);
  // Of two uniform frames, as in CoherenceTest.KnownValues.
  EXPECT_NEAR(ssim_between(dark, light), (240 + 6.5025) / (244 + 6.5025), 1e-12);
  // The mean square of both clips together: half of them differ.
  auto half = dark.clone();
  half[1].fill_(12);
  EXPECT_NEAR(psnr_between(dark, half), 10 * std::log10(255. * 255 / 2), 1e-10);
}

TEST(DifferenceTest, OfEqualClips) {
  const auto clips = test::blob_clips(2, 3, 16, 1);
  EXPECT_EQ(psnr_between(clips, clips.clone()), HUGE_VAL);
  EXPECT_NEAR(ssim_between(clips, clips.clone()), 1, 1e-12);
}

TEST(DifferenceTest, IsThatOfConsecutiveFramesWhereThoseArePairs) {
  const auto clips = test::with_noise(test::blob_clips(3, 2, 16, 2), 5, 3);
  const auto first = clips.narrow(1, 0, 1), second = clips.narrow(1, 1, 1);
  EXPECT_NEAR(ssim_between(first, second), frame_ssim(clips).mean().item<double>(), 1e-12);
  EXPECT_NEAR(psnr_between(first[0].unsqueeze(0), second[0].unsqueeze(0)),
              frame_psnr(clips)[0][0].item<double>(), 1e-10);
}

TEST(DifferenceTest, GrowsWithNoise) {
  const auto clips = test::blob_clips(2, 4, 24, 4);
  double psnr = HUGE_VAL, ssim = 1;
  for (const double sigma : {1., 4., 16.}) {
    const auto noisy = test::with_noise(clips, sigma, 5);
    EXPECT_LT(psnr_between(noisy, clips), psnr) << sigma;
    EXPECT_LT(ssim_between(noisy, clips), ssim) << sigma;
    psnr = psnr_between(noisy, clips);
    ssim = ssim_between(noisy, clips);
  }
}

TEST(DifferenceTest, RefusesOtherShapes) {
  const auto clips = torch::zeros({1, 2, 16, 16, 3});
  EXPECT_THROW(psnr_between(clips, torch::zeros({1, 3, 16, 16, 3})), c10::Error);
  EXPECT_THROW(ssim_between(clips, torch::zeros({2, 2, 16, 16, 3})), c10::Error);
  EXPECT_THROW(ssim_between(clips.narrow(2, 0, 10), clips.narrow(2, 0, 10)), c10::Error);
}

}  // namespace
}  // namespace vidgen::metrics
