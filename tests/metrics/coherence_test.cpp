#include "vidgen/metrics/coherence.h"

#include <gtest/gtest.h>

#include "metrics/clips.h"
#include "support/fixture.h"

namespace vidgen::metrics {
namespace {

using test::blob_clips;
using test::Fixture;

TEST(CoherenceTest, ReproducesReference) {
  const Fixture fixture("video_metrics");
  const auto clips = fixture.tensor("in.clip");
  fixture.expect_close("out.psnr", frame_psnr(clips));
  fixture.expect_close("out.psnr_mean", frame_psnr(clips).mean());
  fixture.expect_close("out.ssim", frame_ssim(clips));
  fixture.expect_close("out.ssim_mean", frame_ssim(clips).mean());
  fixture.expect_close("out.energy", motion_energy(clips));
  fixture.expect_close("out.energy_mean", motion_energy(clips).mean());
}

/// What one clip whose pixels all follow `values` (a value a frame) gives.
torch::Tensor uniform_clip(const std::vector<double>& values) {
  return torch::tensor(values, torch::kDouble)
      .view({1, static_cast<int64_t>(values.size()), 1, 1, 1})
      .expand({1, -1, 16, 16, 3})
      .to(torch::kU8);
}

TEST(CoherenceTest, KnownValues) {
  // Steps of 1: PSNR 20 log10(255), motion energy 1, no second difference.
  const auto ramp = uniform_clip({10, 11, 12, 13, 14});
  EXPECT_NEAR(frame_psnr(ramp)[0][2].item<double>(), 48.130803608679, 1e-10);
  EXPECT_EQ(motion_energy(ramp)[0].item<double>(), 1);
  EXPECT_EQ(flicker(ramp)[0].item<double>(), 0);
  // First differences +-2, of which the mean square is 4, second ones +-4 with 16.
  const auto alternating = uniform_clip({10, 12, 10, 12, 10});
  EXPECT_EQ(motion_energy(alternating)[0].item<double>(), 2);
  EXPECT_EQ(flicker(alternating)[0].item<double>(), 4);
  // Two uniform frames a and b: variances and covariance are 0, so SSIM is
  // (2ab + c1) / (a^2 + b^2 + c1) with c1 = 2.55^2.
  EXPECT_NEAR(frame_ssim(alternating)[0][0].item<double>(), (240 + 6.5025) / (244 + 6.5025), 1e-12);
}

TEST(CoherenceTest, FramesThatStandStill) {
  const auto still = uniform_clip({9, 9, 9});
  EXPECT_TRUE(torch::equal(frame_psnr(still), torch::full({1, 2}, kMaxPsnr, torch::kDouble)));
  EXPECT_NEAR(frame_ssim(still).min().item<double>(), 1, 1e-12);
  EXPECT_EQ(motion_energy(still)[0].item<double>(), 0);
  EXPECT_EQ(flicker(still)[0].item<double>(), 0);
}

TEST(CoherenceTest, FlickerFindsNoiseThatIsNewInEachFrame) {
  const auto smooth = blob_clips(6, 12, 24, 1);
  double before = flicker(smooth).mean().item<double>();
  EXPECT_LT(before, 0.5);
  for (const double sigma : {2., 6., 20.}) {
    const double now = flicker(test::with_noise(smooth, sigma, 2)).mean().item<double>();
    EXPECT_GT(now, before) << sigma;
    before = now;
  }
  // Of pure noise it is 6 s^2 / 2 s^2.
  const auto noise = test::with_noise(torch::full({4, 12, 24, 24, 3}, 128, torch::kU8), 20, 3);
  EXPECT_NEAR(flicker(noise).mean().item<double>(), 3, 0.02);
}

TEST(CoherenceTest, RefusesWhatHasTooFewFramesOrPixels) {
  EXPECT_THROW(frame_psnr(torch::zeros({1, 1, 16, 16, 3})), c10::Error);
  EXPECT_THROW(flicker(torch::zeros({1, 2, 16, 16, 3})), c10::Error);
  EXPECT_THROW(frame_ssim(torch::zeros({1, 2, 10, 16, 3})), c10::Error);
  EXPECT_THROW(motion_energy(torch::zeros({2, 16, 16, 3})), c10::Error);
}

}  // namespace
}  // namespace vidgen::metrics
