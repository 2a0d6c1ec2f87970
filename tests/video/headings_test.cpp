#include <gtest/gtest.h>

#include <algorithm>

#include "vidgen/video/frame.h"

namespace vidgen::video {
namespace {

/// Columns of the heading of a picture that hold ink.
std::vector<int64_t> inked_columns(const Frame& picture) {
  std::vector<int64_t> columns;
  for (int64_t x = 0; x < picture.width; ++x) {
    bool ink = false;
    for (int64_t y = 0; y < kHeadingHeight; ++y) {
      ink = ink || picture.pixels[static_cast<size_t>((y * picture.width + x) * 3)] < 200;
    }
    if (ink) columns.push_back(x);
  }
  return columns;
}

TEST(HeadingsTest, StandAboveTheirColumns) {
  Tiles tiles(1, 2, 8, 20, {"1", ""});
  const std::vector<uint8_t> gray(8 * 20 * 3, 90);
  tiles.place(gray.data(), 0, 0);
  const Frame& left = tiles.picture();
  EXPECT_EQ(left.width, 20 + kSheetGap + 20);
  EXPECT_EQ(left.height, 8 + kHeadingHeight);
  const auto below = left.pixels.begin() + kHeadingHeight * left.width * 3;
  EXPECT_TRUE(std::equal(gray.begin(), gray.begin() + 20 * 3, below));
  const auto inked = inked_columns(left);
  ASSERT_FALSE(inked.empty());
  EXPECT_GE(inked.front(), 4);
  EXPECT_LT(inked.back(), 16);
  const auto right = inked_columns(Tiles(1, 2, 8, 20, {"", "1"}).picture());
  ASSERT_EQ(right.size(), inked.size());
  EXPECT_EQ(right.front(), inked.front() + 20 + kSheetGap);
}

}  // namespace
}  // namespace vidgen::video
