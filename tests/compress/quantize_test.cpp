#include "vidgen/compress/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/error.h"
#include "support/fixture.h"
#include "support/random.h"

namespace vidgen::compress {
namespace {

using test::error_of;
using ::testing::HasSubstr;

/// x as it is after eight bits.
torch::Tensor through_uint8(const torch::Tensor& x, const infer::Uint8Scale& scale) {
  const auto q = infer::to_uint8(x, scale).to(torch::kFloat);
  return (q - static_cast<double>(scale.zero_point)) * scale.scale;
}

double squared_difference(const torch::Tensor& x, const ActivationRange& range) {
  return (through_uint8(x, uint8_scale(range)) - x).square().sum().item<double>();
}

ActivationHistogram histogram_of(const torch::Tensor& x) {
  ActivationHistogram histogram(widened({}, x));
  histogram.add(x);
  return histogram;
}

TEST(QuantizeFixture, WeightsMatchTheReference) {
  const test::Fixture fixture("quantize");
  const std::vector<std::pair<std::string, int64_t>> axes{{"conv", 0}, {"convt", 1}};
  for (const auto& [name, axis] : axes) {
    const auto got = quantize_weight(fixture.tensor("in." + name + ".weight"), axis);
    EXPECT_EQ(got.values.scalar_type(), torch::kChar);
    fixture.expect_close("out." + name + ".q", got.values);
    fixture.expect_close("out." + name + ".scale", got.scale);
    fixture.expect_close("out." + name + ".dequantised", dequantize_weight(got, axis));
  }
}

TEST(QuantizeFixture, ActivationsMatchTheReference) {
  const test::Fixture fixture("quantize");
  for (const auto& item : fixture.param("act_ranges").items()) {
    const auto out = "out." + item.key() + ".";
    const auto x = fixture.tensor("in." + item.key() + ".x");
    const auto scale = uint8_scale(widened({}, x));
    fixture.expect_close(out + "scale", torch::tensor(scale.scale, torch::kDouble));
    fixture.expect_close(out + "zero_point", torch::tensor(scale.zero_point, torch::kLong));
    fixture.expect_close(out + "q", infer::to_uint8(x, scale));
    fixture.expect_close(out + "dequantised", through_uint8(x, scale));
  }
}

TEST(QuantizeWeight, ErrsByHalfAStepAtMost) {
  const auto weight = torch::randn({5, 4, 3, 3}, test::random(1));
  for (const int64_t axis : {0, 1}) {
    const auto quantized = quantize_weight(weight, axis);
    EXPECT_EQ(quantized.scale.size(0), weight.size(axis));
    const auto error = (dequantize_weight(quantized, axis) - weight).abs().transpose(0, axis);
    const auto steps = error.flatten(1).amax(1) / quantized.scale;
    EXPECT_LE(steps.max().item<double>(), 0.5 + 1e-4);
    EXPECT_EQ(quantized.values.abs().max().item<int>(), 127);
  }
}

TEST(QuantizeWeight, ChannelsOfZerosStayZero) {
  auto weight = torch::randn({3, 2, 1, 1}, test::random(1));
  weight[1].zero_();
  weight[2].fill_(1e-40);
  const auto quantized = quantize_weight(weight, 0);
  EXPECT_EQ(quantized.scale[1].item<float>(), 1);
  EXPECT_EQ(quantized.values.slice(0, 1).count_nonzero().item<int64_t>(), 0);
  EXPECT_TRUE(dequantize_weight(quantized, 0).isfinite().all().item<bool>());
}

TEST(QuantizeWeight, RefusesWhatIsNoNumber) {
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    auto weight = torch::ones({2, 2, 3, 3});
    weight[1][0][2][1] = bad;
    EXPECT_THAT(error_of([&] { quantize_weight(weight, 0); }), HasSubstr("not a number"));
    EXPECT_THAT(error_of([&] { widened({}, weight); }), HasSubstr("not a number"));
  }
}

TEST(Uint8ScaleOf, HoldsZeroExactly) {
  for (const ActivationRange& range : {ActivationRange{-1.3, 2.1}, ActivationRange{0.4, 3},
                                       ActivationRange{-2.5, -0.2}, ActivationRange{-1e-3, 7}}) {
    const auto scale = uint8_scale(range);
    EXPECT_GE(scale.zero_point, 0);
    EXPECT_LE(scale.zero_point, 255);
    EXPECT_EQ(through_uint8(torch::zeros({1}), scale).item<float>(), 0);
    const auto ends = torch::tensor({range.min, range.max}).to(torch::kFloat);
    EXPECT_LE((through_uint8(ends, scale) - ends).abs().max().item<double>(), scale.scale);
  }
  EXPECT_EQ(uint8_scale({}), (infer::Uint8Scale{1, 0}));
  EXPECT_EQ(uint8_scale({0, 1e-42}), (infer::Uint8Scale{1, 0}));
}

TEST(ActivationHistogram, CountsEverythingOnce) {
  const auto x = torch::rand({7, 3, 4, 4}, test::random(1)) * 3 - 1;
  ActivationHistogram histogram(widened(widened({}, x), 2 * x));
  histogram.add(x);
  histogram.add(2 * x);
  EXPECT_EQ(histogram.counts().sum().item<double>(), 2.0 * static_cast<double>(x.numel()));
  EXPECT_NEAR(histogram.bin_width() * ActivationHistogram::kBins,
              histogram.range().max - histogram.range().min, 1e-9);
}

TEST(PercentileRange, LeavesOutTheTails) {
  const auto x = torch::arange(1, 10001, torch::kFloat).reshape({10, 1000}) / 10000;
  const auto histogram = histogram_of(x);
  EXPECT_NEAR(percentile_range(histogram, 99).max, 0.99, 1e-3);
  EXPECT_EQ(percentile_range(histogram, 99).min, 0) << "0 is always inside";
  EXPECT_NEAR(percentile_range(histogram, 100).max, 1, 1e-6);
  const auto both = percentile_range(histogram_of(x - 0.5), 90);
  EXPECT_NEAR(both.min, -0.4, 1e-3);
  EXPECT_NEAR(both.max, 0.4, 1e-3);
  for (const double percentile : {50.0, 100.1, std::nan("")})
    EXPECT_THAT(error_of([&] { percentile_range(histogram, percentile); }),
                HasSubstr("percentile"));
}

TEST(MseRange, NeverErrsMoreThanMinMax) {
  const auto even = torch::rand({8, 1000}, test::random(1));
  EXPECT_NEAR(mse_range(histogram_of(even)).max, 1, 0.02) << "nothing to gain";

  auto tailed = torch::randn({8, 10000}, test::random(2));
  tailed[0][0] = 12;
  const auto range = mse_range(histogram_of(tailed));
  EXPECT_LT(range.max, 11.5);
  EXPECT_LE(range.min, 0);
  const auto ordinary = tailed.slice(0, 1);
  EXPECT_LT(squared_difference(ordinary, range),
            0.9 * squared_difference(ordinary, widened({}, tailed)));
}

TEST(RangesOfNothing, AreEmpty) {
  const auto histogram = histogram_of(torch::zeros({4, 4}));
  for (const auto& range : {percentile_range(histogram, 99), mse_range(histogram)}) {
    EXPECT_EQ(range.min, 0);
    EXPECT_EQ(range.max, 0);
  }
}

}  // namespace
}  // namespace vidgen::compress
