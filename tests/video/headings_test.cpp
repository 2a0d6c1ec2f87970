#include <gtest/gtest.h>

#include <algorithm>

#include "support/videos.h"
#include "vidgen/core/error.h"
#include "vidgen/video/frame.h"

namespace vidgen::video {
namespace {

/// Columns of the heading of a picture that hold ink.
std::vector<int64_t> inked_columns(const Clip& clip) {
  std::vector<int64_t> columns;
  for (int64_t x = 0; x < clip.width; ++x) {
    bool ink = false;
    for (int64_t y = 0; y < kHeadingHeight; ++y) {
      ink = ink || clip.pixels[static_cast<size_t>((y * clip.width + x) * 3)] < 200;
    }
    if (ink) columns.push_back(x);
  }
  return columns;
}

TEST(HeadingsTest, StandAboveTheirColumnsInEveryFrame) {
  // Two columns of 20 pixels with 2 between.
  const Clip clip = test::gradient_clip(3, 8, 42);
  const Clip headed = with_headings(clip, {"1", ""}, 2);
  EXPECT_EQ(headed.frames, 3);
  EXPECT_EQ(headed.width, 42);
  EXPECT_EQ(headed.height, 8 + kHeadingHeight);
  const int64_t above = kHeadingHeight * 42 * 3;
  for (int64_t t = 0; t < 3; ++t) {
    EXPECT_TRUE(std::equal(headed.frame(t), headed.frame(t) + above, headed.frame(0)));
    EXPECT_TRUE(
        std::equal(clip.frame(t), clip.frame(t) + clip.frame_bytes(), headed.frame(t) + above));
  }
  const auto left = inked_columns(headed);
  ASSERT_FALSE(left.empty());
  EXPECT_GE(left.front(), 4);
  EXPECT_LT(left.back(), 16);
  const auto right = inked_columns(with_headings(clip, {"", "1"}, 2));
  ASSERT_EQ(right.size(), left.size());
  EXPECT_EQ(right.front(), left.front() + 22);
}

TEST(HeadingsTest, RefusesNone) {
  EXPECT_THROW(with_headings(test::gradient_clip(1, 8, 8), {}), Error);
}

}  // namespace
}  // namespace vidgen::video
