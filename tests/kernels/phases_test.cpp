#include "vidgen/kernels/phases.h"

#include <gtest/gtest.h>

#include "../support/random.h"

namespace vidgen::kernels {
namespace {

TEST(PhasesTest, OfFramesAreTheTransposedConvolution) {
  // Few pictures, and more than one thread's share; pixels of a size known to the compiler or not.
  for (const int64_t pictures : {1, 40}) {
    for (const int64_t out : {1, 3, 5, 16}) {
      const auto x = torch::randn({pictures, 7, 12, 9}, test::random(1));
      const auto filters = torch::randn({7, out, 4, 4}, test::random(2));
      const auto doubled = interleave_phases(at::conv2d(x, phase_filters(filters), {}, 1, 1));
      EXPECT_TRUE(torch::allclose(doubled, at::conv_transpose2d(x, filters, {}, 2, 1), 1e-4, 1e-4))
          << pictures << " pictures, " << out << " channels";
      EXPECT_TRUE(doubled.is_contiguous(torch::MemoryFormat::ChannelsLast));
    }
  }
}

TEST(PhasesTest, OfClipsAreTheTransposedConvolution) {
  const auto x = torch::randn({2, 7, 6, 8, 10}, test::random(1));
  for (const int64_t taps : {1, 3}) {
    const auto filters = torch::randn({7, 3, taps, 4, 4}, test::random(2));
    const auto phases = at::conv3d(x, phase_filters(filters), {}, 1, {taps - 1, 1, 1});
    const auto expected = at::conv_transpose3d(x, filters, {}, {1, 2, 2}, {0, 1, 1});
    EXPECT_TRUE(torch::allclose(interleave_phases(phases), expected, 1e-4, 1e-4)) << taps;
  }
}

}  // namespace
}  // namespace vidgen::kernels
