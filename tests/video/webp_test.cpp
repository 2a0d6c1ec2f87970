#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/video/reader.h"

namespace vidgen::video {
namespace {

using test::TemporaryFolder;

class AnimatedWebpTest : public ::testing::Test {
 protected:
  /// Five pictures, shown for the given milliseconds each.
  std::filesystem::path make(const std::string& pictures, const std::vector<int>& durations) const {
    test::ffmpeg("-f lavfi -i \"" + pictures + "\" -frames:v 5 " + (folder_ / "p%d.png").string());
    std::string command = "img2webp -loop 3 -lossless";
    for (size_t i = 0; i < durations.size(); ++i) {
      command += " -d " + std::to_string(durations[i]) + " " +
                 (folder_ / ("p" + std::to_string(i + 1) + ".png")).string();
    }
    const auto path = folder_ / "a.webp";
    command += " -o " + path.string() + " 2>/dev/null >/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0);
    return path;
  }

  TemporaryFolder folder_;
};

TEST_F(AnimatedWebpTest, PlaysOnceAtItsOwnTimes) {
  // 0, 40, 80, 120 and 160.
  VideoReader reader(make("color=black:s=32x24,format=gray,geq=lum=N*40", {100, 300, 40, 5, 200}));
  EXPECT_EQ(reader.promised_frames(), 5);
  const double times[] = {0, 0.1, 0.4, 0.44, 0.54};  // 5 ms are shown for 100, as in browsers
  Frame frame;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(reader.read(frame));
    EXPECT_EQ(frame.width, 32);
    EXPECT_EQ(frame.height, 24);
    EXPECT_NEAR(reader.time(), times[i], 1e-9);
    for (const uint8_t value : frame.pixels) ASSERT_NEAR(value, i * 40, 1);
  }
  EXPECT_NEAR(reader.end(), 0.74, 1e-9);
  EXPECT_FALSE(reader.skip());
  EXPECT_EQ(reader.damage().places, 0);
  EXPECT_THAT(reader.notes(), ::testing::IsEmpty());
}

TEST_F(AnimatedWebpTest, DamageIsCounted) {
  const auto path =
      make("mandelbrot=s=64x64:start_scale=3:end_scale=0.1:end_pts=5", {100, 100, 100, 100, 100});
  std::string bytes = test::read_bytes(path);
  size_t third = 0;
  for (int i = 0; i < 3; ++i) third = bytes.find("VP8L", third + 1);
  for (size_t i = 16; i < 60; ++i) bytes[third + i] = '\xff';
  test::write_bytes(path, bytes);
  VideoReader reader(path);
  int frames = 0;
  while (reader.skip()) ++frames;
  EXPECT_EQ(frames, 2);
  EXPECT_EQ(reader.damage().places, 1);
  EXPECT_EQ(reader.damage().pictures, 3);
  EXPECT_NEAR(reader.damage().first_seconds, 0.2, 1e-9);
}

TEST_F(AnimatedWebpTest, WhatIsLeftOfACutFileIsUsed) {
  const auto path =
      make("mandelbrot=s=64x64:start_scale=3:end_scale=0.1:end_pts=5", {100, 100, 100, 100, 100});
  const std::string bytes = test::read_bytes(path);
  size_t fourth = 0;
  for (int i = 0; i < 4; ++i) fourth = bytes.find("ANMF", fourth + 1);
  // Within the fourth picture, within the name of its chunk, right before it.
  for (const size_t size : {fourth + 100, fourth + 3, fourth}) {
    test::write_bytes(folder_ / "cut.webp", bytes.substr(0, size));
    VideoReader whole(path), reader(folder_ / "cut.webp");
    Frame expected, frame;
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(whole.read(expected));
      ASSERT_TRUE(reader.read(frame));
      EXPECT_EQ(frame.pixels, expected.pixels);
      EXPECT_NEAR(reader.time(), i * 0.1, 1e-9);
    }
    EXPECT_FALSE(reader.skip());
    EXPECT_EQ(reader.damage().places, 1) << size;
    EXPECT_EQ(reader.damage().pictures, 1) << size;
    EXPECT_NEAR(reader.damage().first_seconds, 0.3, 1e-9);
  }
  // What comes behind the pictures is none.
  std::string more = bytes + std::string("EXIF\x64\0\0\0abc", 11);
  const size_t size = bytes.size() + 100;
  for (size_t i = 0; i < 4; ++i) more[4 + i] = static_cast<char>(size >> 8 * i & 0xff);
  test::write_bytes(folder_ / "cut.webp", more);
  VideoReader reader(folder_ / "cut.webp");
  int frames = 0;
  while (reader.skip()) ++frames;
  EXPECT_EQ(frames, 5);
  EXPECT_EQ(reader.damage().places, 0);
  test::write_bytes(folder_ / "cut.webp", bytes.substr(0, 200));
  EXPECT_THAT(test::error_of([&] { VideoReader none(folder_ / "cut.webp"); }),
              ::testing::HasSubstr("cut.webp: is a damaged animation (WebP)"));
}

}  // namespace
}  // namespace vidgen::video
