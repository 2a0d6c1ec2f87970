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

TEST(TilesTest, ContactSheetHasARowForEachClip) {
  const Clip black{2, 2, 2, std::vector<uint8_t>(24, 0)};
  const Clip gray{1, 2, 2, std::vector<uint8_t>(12, 90)};
  const Frame sheet = contact_sheet({black, gray}, 1);
  EXPECT_EQ(sheet.height, 5);
  EXPECT_EQ(sheet.width, 5);
  const auto at = [&](int64_t y, int64_t x) { return sheet.pixels[(y * 5 + x) * 3]; };
  EXPECT_EQ(at(1, 4), 0);
  EXPECT_EQ(at(2, 0), 255);
  EXPECT_EQ(at(3, 1), 90);
  EXPECT_EQ(at(3, 3), 255);
}

TEST(TilesTest, GridPlaysSideBySide) {
  const Clip clip = gradient_clip(3, 4, 4);
  const Clip all = grid({clip, clip, clip}, 2, 2, 2);
  EXPECT_EQ(all.frames, 3);
  EXPECT_EQ(all.height, 10);
  EXPECT_EQ(all.width, 10);
  for (int64_t t = 0; t < 3; ++t) {
    EXPECT_EQ(all.frame(t)[2], clip.frame(t)[2]);
    EXPECT_EQ(all.frame(t)[(6 * 10 + 9) * 3], 255);
  }
}

TEST(TilesTest, RejectsWhatDoesNotFit) {
  const Clip clip = gradient_clip(2, 4, 4);
  EXPECT_NE(test::error_of([&] { grid({clip, clip, clip}, 1, 2); }), "");
  EXPECT_NE(test::error_of([&] { grid({clip, gradient_clip(2, 4, 5)}, 1, 2); }), "");
  EXPECT_NE(test::error_of([&] { grid({clip, gradient_clip(3, 4, 4)}, 1, 2); }), "");
  EXPECT_NE(test::error_of([&] { contact_sheet({}); }), "");
}

}  // namespace
}  // namespace vidgen::video
