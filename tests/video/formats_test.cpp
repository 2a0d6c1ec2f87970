#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/video/reader.h"

/// Files of other makes than open_video()'s.
namespace vidgen::video {
namespace {

using test::TemporaryFolder;

struct Format {
  const char* name;
  /// Arguments of ffmpeg between the source, RGB (200, 100, 50), and the file.
  const char* arguments;
  /// 124 is the BT.601 luma of the source's colour.
  std::vector<int> color{200, 100, 50};
};

std::ostream& operator<<(std::ostream& out, const Format& format) { return out << format.name; }

class FormatTest : public ::testing::TestWithParam<Format> {};

TEST_P(FormatTest, ColoursAreThoseOfTheSource) {
  const TemporaryFolder folder;
  const auto path = folder / GetParam().name;
  test::ffmpeg("-f lavfi -i color=0xC86432:s=33x17:r=10:d=0.7,format=gbrp " +
               std::string(GetParam().arguments) + " " + path.string());
  for (const int64_t scale : {1, 2}) {
    VideoReader reader(path);
    EXPECT_EQ(reader.width(), 33);
    EXPECT_EQ(reader.height(), 17);
    Frame frame;
    int frames = 0;
    for (; reader.read(frame, 17 * scale, 33 * scale); ++frames) {
      for (size_t i = 0; i < frame.pixels.size(); ++i) {
        ASSERT_NEAR(frame.pixels[i], GetParam().color[i % 3], 3) << "at " << i;
      }
    }
    EXPECT_EQ(frames, 7);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, FormatTest,
    ::testing::Values(
        Format{"rgb.mkv", "-c:v ffv1"}, Format{"alpha.mkv", "-c:v ffv1 -pix_fmt bgra"},
        Format{"alpha.mov", "-c:v qtrle -pix_fmt argb"},
        Format{"odd.mkv",
               "-vf scale=40:20,format=yuv420p,crop=33:17:0:0:exact=1,setsar=1 -c:v ffv1"},
        Format{"ten_bits.mkv",
               "-vf scale=40:20,format=yuv422p10le,crop=33:17:0:0:exact=1,setsar=1 -c:v ffv1"},
        Format{"twelve_bits.mkv", "-c:v ffv1 -pix_fmt gbrp12le"},
        Format{"gray.mkv", "-c:v ffv1 -pix_fmt gray", {124, 124, 124}},
        Format{"gray_ten.mkv", "-c:v ffv1 -pix_fmt gray10le", {124, 124, 124}},
        Format{"full_range.avi", "-c:v mjpeg -q:v 1 -pix_fmt yuvj444p"},
        Format{"bt709.mkv",
               "-vf scale=out_color_matrix=bt709 -pix_fmt yuv444p -colorspace bt709 -c:v ffv1"},
        Format{"h264_full.mp4",
               "-vf scale=out_color_matrix=bt709:out_range=pc -pix_fmt yuv444p -colorspace bt709 "
               "-color_range pc -c:v libx264 -qp 4"},
        Format{"palette.gif", "-vf 'split[a][b];[a]palettegen[p];[b][p]paletteuse'"}));

TEST(FormatsTest, VariableFrameRateKeepsItsTimes) {
  const TemporaryFolder folder;
  for (const char* name : {"a.mp4", "a.mkv"}) {
    test::ffmpeg("-f lavfi -i testsrc=s=32x32:r=10:d=1 -vf 'settb=1/1000,setpts=N*(N+3)*50' " +
                 std::string("-fps_mode vfr -c:v libx264 ") + (folder / name).string());
    VideoReader reader(folder / name);
    int n = 0;
    for (; reader.skip(); ++n) EXPECT_NEAR(reader.time(), n * (n + 3) / 20.0, 2e-3) << n;
    EXPECT_EQ(n, 10);
  }
}

TEST(FormatsTest, WhatTheEditListHidesIsNotPromised) {
  const TemporaryFolder folder;
  test::ffmpeg("-f lavfi -i testsrc=s=32x32:r=10:d=6 -c:v libx264 -g 60 " +
               (folder / "whole.mp4").string());
  test::ffmpeg("-ss 2.35 -i " + (folder / "whole.mp4").string() + " -c copy " +
               (folder / "cut.mp4").string());
  VideoReader whole(folder / "whole.mp4"), cut(folder / "cut.mp4");
  EXPECT_EQ(whole.promised_frames(), 60);
  int64_t frames = 0;
  while (cut.skip()) ++frames;
  EXPECT_EQ(cut.promised_frames(), frames);
  EXPECT_NEAR(static_cast<double>(frames), 36.5, 1);
  EXPECT_NEAR(cut.time(), static_cast<double>(frames - 1) / 10, 1e-3);
}

TEST(FormatsTest, TurnedAsTheFileAsks) {
  const TemporaryFolder folder;
  const std::string plain = (folder / "plain.mp4").string(), turned = (folder / "t.mp4").string();
  const std::string shown = (folder / "shown.png").string();
  test::ffmpeg("-f lavfi -i testsrc=s=64x32:r=10:d=0.3 -c:v libx264 -qp 4 " + plain);
  for (const int degrees : {90, 180, 270}) {
    test::ffmpeg("-i " + plain + " -c copy -metadata:s:v rotate=" + std::to_string(degrees) + " " +
                 turned);
    test::ffmpeg("-i " + turned + " -frames:v 1 -pix_fmt rgb24 " + shown);
    const Frame expected = read_image(shown);
    VideoReader reader(turned);
    EXPECT_EQ(reader.width(), expected.width);
    EXPECT_EQ(reader.height(), expected.height);
    Frame frame, small;
    ASSERT_TRUE(reader.read(frame));
    EXPECT_LT(mean_difference(frame, expected), 4) << degrees;
    ASSERT_TRUE(reader.read(small, expected.height / 2, expected.width / 2));
    EXPECT_LT(mean_difference(small, resize(frame, small.height, small.width)), 2) << degrees;
  }
}

TEST(FormatsTest, LongerSoundIsNotPromisedAsPictures) {
  const TemporaryFolder folder;
  for (const char* name : {"a.mp4", "a.mkv"}) {
    test::ffmpeg("-f lavfi -i testsrc=s=32x32:r=10:d=2 -f lavfi -i sine=d=6 -c:v libx264 " +
                 (folder / name).string());
    VideoReader reader(folder / name);
    EXPECT_EQ(reader.promised_frames(), 20) << name;
    int frames = 0;
    while (reader.skip()) ++frames;
    EXPECT_EQ(frames, 20) << name;
  }
}

TEST(FormatsTest, ScalingInOnePassGivesWhatTwoPassesGive) {
  const auto path = test::sample_video("Megamind.avi");
  for (const auto& [height, width] : {std::pair{64, 87}, std::pair{600, 800}}) {
    VideoReader one(path), two(path);
    Frame scaled, frame;
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(one.read(scaled, height, width));
      ASSERT_TRUE(two.read(frame));
      EXPECT_EQ(scaled.height, height);
      EXPECT_EQ(scaled.width, width);
      EXPECT_LT(mean_difference(scaled, resize(frame, height, width)), 1);
    }
  }
}

TEST(FormatsTest, ThreadsChangeNothing) {
  const TemporaryFolder folder;
  test::ffmpeg("-i " + test::sample_video("Megamind.avi").string() +
               " -an -frames:v 40 -c:v libx264 -bf 3 " + (folder / "a.mp4").string());
  VideoReader one(folder / "a.mp4"), several(folder / "a.mp4", {3});
  Frame a, b;
  int frames = 0;
  for (; one.read(a, 66, 90); ++frames) {
    ASSERT_TRUE(several.read(b, 66, 90));
    EXPECT_EQ(a.pixels, b.pixels);
    EXPECT_EQ(one.time(), several.time());
  }
  EXPECT_FALSE(several.skip());
  EXPECT_EQ(frames, 40);
}

}  // namespace
}  // namespace vidgen::video
