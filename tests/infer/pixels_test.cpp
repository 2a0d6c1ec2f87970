#include "vidgen/models/pixels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/random.h"
#include "vidgen/infer/plan.h"

namespace vidgen::infer {
namespace {

/// The exact value of each pixel, [M,S,S,C], 0 to 255 and not rounded; black is what is no number.
torch::Tensor exact_pixels(const torch::Tensor& sums) {
  const auto pixels = (sums.to(torch::kDouble).tanh() + 1) * 127.5;
  return pixels.nan_to_num(0.0).permute({0, 2, 3, 1});
}

/// How far the pixels of `sums` are from those values; half where all are rounded to the nearest.
double largest_rounding(const torch::Tensor& sums) {
  const auto pixels = tanh_to_rgb(sums).to(torch::kDouble);
  return (pixels - exact_pixels(sums)).abs().max().item<double>();
}

/// 1e-5 of tanh.
constexpr double kNearTheMiddle = 127.5 * 1e-5;

TEST(TanhToRgb, RoundsTheTanhOfAten) {
  // More than one thread's share, and lines that do not fill vectors.
  const auto grid = torch::linspace(-10, 10, 64 * 47 * 47 * 3).view({64, 47, 47, 3});
  const auto sums = grid.permute({0, 3, 1, 2});
  EXPECT_LE(largest_rounding(sums), 0.5 + kNearTheMiddle);
  const auto near = grid * 0.01;
  EXPECT_LE(largest_rounding(near.permute({0, 3, 1, 2})), 0.5 + kNearTheMiddle);

  const auto pixels = tanh_to_rgb(sums);
  EXPECT_EQ(pixels.sizes(), torch::IntArrayRef({64, 47, 47, 3}));
  EXPECT_EQ(pixels.min().item<int>(), 0);
  EXPECT_EQ(pixels.max().item<int>(), 255);
  const auto expected = models::to_rgb(sums.tanh().unsqueeze(2)).squeeze(1);
  EXPECT_LT(pixels.ne(expected).to(torch::kFloat).mean().item<double>(), 1e-4);
}

TEST(TanhToRgb, TakesEveryBfloat16) {
  // Infinities and what is not a number are among them; as grey pictures.
  const auto all = torch::arange(-32768, 32768, torch::kLong).to(torch::kShort);
  const auto sums = all.view(torch::kBFloat16).view({16, 1, 64, 64});
  EXPECT_LE(largest_rounding(sums), 0.5 + kNearTheMiddle);
  const auto pixels = tanh_to_rgb(sums);
  ASSERT_EQ(pixels.sizes(), torch::IntArrayRef({16, 64, 64, 3}));
  EXPECT_TRUE(pixels.select(3, 1).equal(pixels.select(3, 0)));
  EXPECT_TRUE(pixels.select(3, 2).equal(pixels.select(3, 0)));
}

TEST(TanhToRgb, ClampsWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto sums = torch::tensor({-infinity, infinity, std::nanf(""), 0.F}).view({1, 1, 2, 2});
  EXPECT_TRUE(
      tanh_to_rgb(sums).select(3, 0).flatten().equal(torch::tensor({0, 255, 0, 128}, torch::kU8)));
}

TEST(TanhToRgb, PutsPhasesIntoTheirPlaces) {
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    for (const int64_t channels : {1, 3}) {
      for (const int64_t half : {8, 32}) {
        const auto phases =
            torch::randn({9, 4 * channels, half + 1, half + 1}, test::random(1)).to(type);
        const auto pictures = torch::empty({9, channels, 2 * half, 2 * half}, phases.options());
        for (int64_t a = 0; a < 2; ++a) {
          for (int64_t b = 0; b < 2; ++b) {
            pictures.slice(2, a, c10::nullopt, 2)
                .slice(3, b, c10::nullopt, 2)
                .copy_(phases.narrow(1, (2 * a + b) * channels, channels)
                           .narrow(2, a, half)
                           .narrow(3, b, half));
          }
        }
        const auto expected = tanh_to_rgb(pictures);
        const auto last = phases.contiguous(torch::MemoryFormat::ChannelsLast);
        EXPECT_TRUE(tanh_to_rgb(last, /*phases=*/true).equal(expected))
            << type << ", " << channels << " channels, " << half;
        EXPECT_TRUE(tanh_to_rgb(phases, /*phases=*/true).equal(expected)) << "in any layout";
      }
    }
  }
}

TEST(TanhToRgb, RefusesWhatIsNoPicture) {
  EXPECT_THROW(tanh_to_rgb(torch::zeros({1, 2, 8, 8})), c10::Error);
  EXPECT_THROW(tanh_to_rgb(torch::zeros({1, 3, 8, 9})), c10::Error);
  EXPECT_THROW(tanh_to_rgb(torch::zeros({3, 8, 8})), c10::Error);
  EXPECT_THROW(tanh_to_rgb(torch::zeros({1, 3, 8, 8}, torch::kDouble)), c10::Error);
  EXPECT_THROW(tanh_to_rgb(torch::zeros({1, 3, 9, 9}), /*phases=*/true), c10::Error);
}

}  // namespace
}  // namespace vidgen::infer
