#include "vidgen/video/frame.h"

#include <gtest/gtest.h>

#include "support/error.h"
#include "support/videos.h"

namespace vidgen::video {
namespace {

using test::gradient_clip;

Frame first_frame(const Clip& clip) {
  return {clip.height, clip.width, 3, {clip.frame(0), clip.frame(0) + clip.frame_bytes()}};
}

TEST(FrameTest, ShrinkingAveragesAreas) {
  const Frame frame{2, 2, 1, {0, 100, 20, 40}};
  EXPECT_EQ(resize(frame, 1, 1).pixels, std::vector<uint8_t>{40});
}

TEST(FrameTest, GrowingInterpolates) {
  const Frame frame = resize(first_frame(gradient_clip(1, 8, 8)), 16, 24);
  EXPECT_EQ(frame.height, 16);
  EXPECT_EQ(frame.width, 24);
  ASSERT_EQ(frame.pixels.size(), 16u * 24 * 3);
  EXPECT_LT(frame.pixels[0], frame.pixels[12 * 3]);
  EXPECT_LT(frame.pixels[12 * 3], frame.pixels[23 * 3]);
}

TEST(FrameTest, SameSizeIsUntouched) {
  const Frame frame = first_frame(gradient_clip(1, 5, 7));
  EXPECT_EQ(resize(frame, 5, 7).pixels, frame.pixels);
}

TEST(FrameTest, CropTakesTheRectangle) {
  const Frame frame{2, 3, 1, {1, 2, 3, 4, 5, 6}};
  const Frame part = crop(frame, 1, 1, 1, 2);
  EXPECT_EQ(part.height, 1);
  EXPECT_EQ(part.width, 2);
  EXPECT_EQ(part.pixels, (std::vector<uint8_t>{5, 6}));
}

TEST(FrameTest, GrayIsLuma) {
  const Frame frame{1, 3, 3, {255, 0, 0, 0, 255, 0, 0, 0, 255}};
  const Frame gray = to_gray(frame);
  EXPECT_EQ(gray.channels, 1);
  EXPECT_EQ(gray.pixels, (std::vector<uint8_t>{76, 150, 29}));
  EXPECT_EQ(to_gray(gray).pixels, gray.pixels);
}

TEST(TilesTest, EmptyPlacesAreWhite) {
  Tiles tiles(2, 2, 2, 2);
  const std::vector<uint8_t> black(12, 0), gray(12, 90);
  tiles.place(black.data(), 0, 1);
  tiles.place(gray.data(), 1, 0);
  const Frame& sheet = tiles.picture();
  EXPECT_EQ(sheet.height, 6);
  EXPECT_EQ(sheet.width, 6);
  const auto at = [&](int64_t y, int64_t x) { return sheet.pixels[(y * 6 + x) * 3]; };
  EXPECT_EQ(at(0, 0), 255);
  EXPECT_EQ(at(1, 5), 0);
  EXPECT_EQ(at(2, 4), 255);
  EXPECT_EQ(at(5, 1), 90);
  EXPECT_EQ(at(5, 2), 255);
}

}  // namespace
}  // namespace vidgen::video
