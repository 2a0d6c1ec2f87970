#include "vidgen/data/moving_digits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/video/reader.h"
#include "vidgen/video/writer.h"

namespace vidgen::data {
namespace {

using ::testing::HasSubstr;

MovingDigitsOptions one_digit() {
  MovingDigitsOptions options;
  options.digits_image = test::sample_video("digits.png").string();
  options.size = 32;
  options.digits = 1;
  options.clips = 3;
  return options;
}

struct Ink {
  double sum = 0, x = 0, y = 0;
  double rgb[3] = {0, 0, 0};
};

/// How much is drawn in a frame, and its centre.
Ink ink_of(const video::Clip& clip, int64_t t) {
  Ink ink;
  const uint8_t* pixel = clip.frame(t);
  for (int64_t y = 0; y < clip.height; ++y) {
    for (int64_t x = 0; x < clip.width; ++x, pixel += 3) {
      const double value = std::max({pixel[0], pixel[1], pixel[2]});
      ink.sum += value;
      ink.x += value * static_cast<double>(x);
      ink.y += value * static_cast<double>(y);
      for (int c = 0; c < 3; ++c) ink.rgb[c] += pixel[c];
    }
  }
  ink.x /= ink.sum;
  ink.y /= ink.sum;
  return ink;
}

TEST(MovingDigitsTest, DigitsAreRealAndStayTheSame) {
  const MovingDigits digits(one_digit());
  EXPECT_EQ(digits.digit_count(), 5000);
  for (int64_t i = 0; i < 20; ++i) {
    const auto clip = digits.clip(i);
    const double first = ink_of(clip, 0).sum;
    EXPECT_GT(first, 3000);  // the thinnest one has more than a dozen white pixels
    for (int64_t t = 1; t < clip.frames; ++t) {
      EXPECT_NEAR(ink_of(clip, t).sum, first, 0.02 * first) << i << " " << t;
    }
  }
}

TEST(MovingDigitsTest, MoveAtTheSpeedByPartsOfPixelsAndTurnAtTheWalls) {
  auto options = one_digit();
  options.speed = 0.7;
  options.frames = 60;
  const MovingDigits digits(options);
  int bounces = 0;
  for (int64_t i = 0; i < 10; ++i) {
    const auto clip = digits.clip(i);
    for (int64_t t = 2; t < clip.frames; ++t) {
      const Ink a = ink_of(clip, t - 2), b = ink_of(clip, t - 1), c = ink_of(clip, t);
      const double step = std::hypot(c.x - b.x, c.y - b.y);
      // Where a wall lies between two frames the way is folded, so they are nearer.
      EXPECT_LT(step, 0.75);
      const bool turned = (c.x - b.x) * (b.x - a.x) < -1e-3 || (c.y - b.y) * (b.y - a.y) < -1e-3;
      bounces += turned;
      const double before = std::hypot(b.x - a.x, b.y - a.y);
      if (before > 0.65 && !turned && step < 0.65) ++bounces;
    }
  }
  // 42 pixels of way in a room of 12.
  EXPECT_GT(bounces, 10);
  EXPECT_LT(bounces, 150);
}

TEST(MovingDigitsTest, StraightSteps) {
  auto options = one_digit();
  options.size = 256;
  options.frames = 4;
  const MovingDigits digits(options);
  int straight = 0;
  for (int64_t i = 0; i < 30; ++i) {
    const auto clip = digits.clip(i);
    const Ink a = ink_of(clip, 0), b = ink_of(clip, 3);
    straight += std::abs(std::hypot(b.x - a.x, b.y - a.y) - 6) < 0.05;
  }
  EXPECT_GT(straight, 24);  // the others meet a wall
}

TEST(MovingDigitsTest, ColorsAreSaturatedAndKept) {
  auto options = one_digit();
  for (int c = 1; c < 3; ++c) {
    const Ink white = ink_of(MovingDigits(options).clip(0), 0);
    EXPECT_EQ(white.rgb[0], white.rgb[c]);
  }
  options.color = true;
  const MovingDigits digits(options);
  for (int64_t i = 0; i < 10; ++i) {
    const auto clip = digits.clip(i);
    const Ink first = ink_of(clip, 0), last = ink_of(clip, clip.frames - 1);
    EXPECT_LT(*std::min_element(first.rgb, first.rgb + 3), 1);
    EXPECT_NEAR(*std::max_element(first.rgb, first.rgb + 3), first.sum, 1);
    for (int c = 0; c < 3; ++c) {
      EXPECT_NEAR(first.rgb[c] / first.sum, last.rgb[c] / last.sum, 0.02);
    }
  }
}

TEST(MovingDigitsTest, ClipIsAFunctionOfSeedAndIndex) {
  auto options = one_digit();
  options.digits = 3;
  const MovingDigits digits(options);
  std::set<std::vector<uint8_t>> different;
  for (int64_t i = 0; i < 20; ++i) different.insert(digits.clip(i).pixels);
  EXPECT_EQ(different.size(), 20u);
  options.clips = 1000;
  EXPECT_EQ(MovingDigits(options).clip(5).pixels, digits.clip(5).pixels);
  // More frames go on where fewer stop.
  options.frames = 20;
  const auto longer = MovingDigits(options).clip(5);
  const auto shorter = digits.clip(5);
  EXPECT_TRUE(std::equal(shorter.pixels.begin(), shorter.pixels.end(), longer.pixels.begin()));
  options.seed = 1;
  EXPECT_NE(MovingDigits(options).clip(5).pixels, longer.pixels);
}

TEST(MovingDigitsTest, FilesHoldExactlyTheClips) {
  const test::TemporaryFolder folder;
  auto options = one_digit();
  options.color = true;
  options.digit_size = 28;
  write_moving_digits(options, folder / "new");
  const MovingDigits digits(options);
  for (int64_t i = 0; i < 3; ++i) {
    video::VideoReader reader(folder / "new" / core::cat("clip-00000", i, ".avi"));
    video::Frame frame;
    const auto clip = digits.clip(i);
    for (int64_t t = 0; t < clip.frames; ++t) {
      ASSERT_TRUE(reader.read(frame));
      EXPECT_TRUE(std::equal(frame.pixels.begin(), frame.pixels.end(), clip.frame(t)));
    }
    EXPECT_FALSE(reader.read(frame));
  }
  EXPECT_THAT(test::error_of([&] { write_moving_digits(options, folder / "new"); }),
              HasSubstr("is not empty"));
}

TEST(MovingDigitsTest, FirstDigitIsTheOneThatIsSeen) {
  auto options = one_digit();
  options.size = 20;  // so that a frame is the digit
  const auto picture = video::to_gray(video::read_image(options.digits_image));
  const MovingDigits digits(options);
  std::set<int64_t> seen;
  for (int64_t i = 0; i < 30; ++i) {
    const auto clip = digits.clip(i);
    const int64_t digit = digits.first_digit(i);
    // Five rows of a hundred show the same digit.
    bool found = false;
    for (int64_t row = 5 * digit; row < 5 * digit + 5; ++row) {
      for (int64_t column = 0; column < 100; ++column) {
        const auto one = video::crop(picture, 20 * row, 20 * column, 20, 20);
        bool same = true;
        for (int64_t p = 0; same && p < 400; ++p) {
          same = one.pixels[static_cast<size_t>(p)] == clip.frame(0)[3 * p];
        }
        found |= same;
      }
    }
    EXPECT_TRUE(found) << "clip " << i << " is not of a " << digit;
    seen.insert(digit);
  }
  EXPECT_EQ(seen.size(), 10u);
}

TEST(MovingDigitsTest, ClassesAreFolders) {
  const test::TemporaryFolder folder;
  auto options = one_digit();
  options.classes = true;
  options.digits = 2;
  write_moving_digits(options, folder / "new");
  const MovingDigits digits(options);
  for (int64_t i = 0; i < 3; ++i) {
    const auto name = core::cat("new/", digits.first_digit(i), "/clip-00000", i, ".avi");
    EXPECT_TRUE(std::filesystem::exists(folder / name)) << name;
  }
  options.digits_image = (folder / "seven.png").string();
  video::write_png(options.digits_image, {20, 140, 3, std::vector<uint8_t>(20 * 140 * 3)});
  EXPECT_THAT(test::error_of([&] { MovingDigits digits(options); }),
              HasSubstr("classes: " + options.digits_image + " shows 7 digits"));
}

TEST(MovingDigitsTest, RefusesOtherPicturesAndSizes) {
  const test::TemporaryFolder folder;
  auto options = one_digit();
  options.digit_size = 40;
  EXPECT_THAT(test::error_of([&] { MovingDigits digits(options); }), HasSubstr("digit_size"));
  options = one_digit();
  options.digits_image = (folder / "none.png").string();
  EXPECT_THAT(test::error_of([&] { MovingDigits digits(options); }), HasSubstr("none.png"));
  options.digits_image = (folder / "odd.png").string();
  video::write_png(options.digits_image, {20, 30, 3, std::vector<uint8_t>(20 * 30 * 3)});
  EXPECT_THAT(test::error_of([&] { MovingDigits digits(options); }),
              HasSubstr("30x20 pixels, expected"));
}

}  // namespace
}  // namespace vidgen::data
