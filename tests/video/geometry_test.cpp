#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/video/reader.h"

/// How pictures are shown: turned, mirrored, with square pixels, whatever their size.
namespace vidgen::video {
namespace {

using test::TemporaryFolder;
using ::testing::Contains;
using ::testing::HasSubstr;

/// Blue, lime / red, white.
constexpr const char* kQuarters =
    "-f lavfi -i color=red:s=64x48:r=10:d=0.5,drawbox=x=0:y=0:w=32:h=24:c=blue:t=fill,"
    "drawbox=x=32:y=0:w=32:h=24:c=lime:t=fill,drawbox=x=32:y=24:w=32:h=24:c=white:t=fill ";

char name_of(const uint8_t* rgb) {
  const std::string bits = {rgb[0] > 127 ? '1' : '0', rgb[1] > 127 ? '1' : '0',
                            rgb[2] > 127 ? '1' : '0'};
  return bits == "001"   ? 'B'
         : bits == "010" ? 'G'
         : bits == "100" ? 'R'
         : bits == "111" ? 'W'
                         : '?';
}

/// The colours of the quarters of the frame, row by row.
std::string quarters(const Frame& frame) {
  std::string names;
  for (const int64_t y : {frame.height / 4, frame.height * 3 / 4}) {
    for (const int64_t x : {frame.width / 4, frame.width * 3 / 4}) {
      names += name_of(frame.pixels.data() + (y * frame.width + x) * 3);
    }
  }
  return names;
}

/// Writes a display matrix into the first track of an MP4: x' = a x + c y, y' = b x + d y.
void set_matrix(const std::filesystem::path& from, const std::filesystem::path& to,
                const std::array<int, 4>& abcd) {
  std::string bytes = test::read_bytes(from);
  const size_t at = bytes.find("tkhd") + 44;
  const auto [a, b, c, d] = abcd;
  const std::array<int64_t, 9> matrix{a, b, 0, c, d, 0, 0, 0, int64_t{1} << 14};
  for (size_t i = 0; i < 9; ++i) {
    const uint32_t value = static_cast<uint32_t>(matrix[i]) << 16;
    for (size_t k = 0; k < 4; ++k) {
      bytes[at + 4 * i + k] = static_cast<char>(value >> (24 - 8 * k));
    }
  }
  test::write_bytes(to, bytes);
}

TEST(GeometryTest, AllEightDisplayMatrices) {
  const TemporaryFolder folder;
  const struct {
    std::array<int, 4> abcd;
    const char* shown;
  } cases[] = {{{1, 0, 0, 1}, "BGRW"},   {{-1, 0, 0, 1}, "GBWR"}, {{1, 0, 0, -1}, "RWBG"},
               {{-1, 0, 0, -1}, "WRGB"}, {{0, 1, -1, 0}, "RBWG"}, {{0, -1, 1, 0}, "GWBR"},
               {{0, 1, 1, 0}, "BRGW"},   {{0, -1, -1, 0}, "WGRB"}};
  for (const char* extension : {".mp4", ".mov"}) {
    const auto plain = folder / (std::string("plain") + extension);
    test::ffmpeg(kQuarters + std::string("-pix_fmt yuv444p -c:v libx264 -qp 4 ") + plain.string());
    for (const auto& one : cases) {
      const auto turned = folder / (std::string("turned") + extension);
      set_matrix(plain, turned, one.abcd);
      VideoReader reader(turned);
      const bool sideways = one.abcd[0] == 0;
      EXPECT_EQ(reader.width(), sideways ? 48 : 64) << one.shown;
      EXPECT_EQ(reader.height(), sideways ? 64 : 48) << one.shown;
      Frame frame;
      ASSERT_TRUE(reader.read(frame));
      EXPECT_EQ(quarters(frame), one.shown);
      ASSERT_TRUE(reader.read(frame, 20, 20));
      EXPECT_EQ(quarters(frame), one.shown);
    }
  }
}

TEST(GeometryTest, WhatTheCodecSaysHoldsUntilTheNextKeyFrame) {
  const TemporaryFolder folder;
  for (const char* name : {"a.ts", "a.mkv", "a.mp4"}) {
    test::ffmpeg(kQuarters +
                 std::string("-pix_fmt yuv420p -c:v libx264 -qp 4 -bsf:v "
                             "h264_metadata=display_orientation=insert:flip=horizontal ") +
                 (folder / name).string());
    VideoReader reader(folder / name);
    Frame frame;
    int frames = 0;
    for (; reader.read(frame); ++frames) EXPECT_EQ(quarters(frame), "GBWR") << name << frames;
    EXPECT_EQ(frames, 5);
  }
}

TEST(GeometryTest, PixelsThatAreNotSquareBecomeSquare) {
  const TemporaryFolder folder;
  const struct {
    const char* name;
    const char* arguments;
    int64_t width, height;
  } cases[] = {{"pal.mp4", "-vf setsar=64/45 -c:v libx264", 91, 48},
               {"pal.mkv", "-vf setsar=64/45 -c:v ffv1", 91, 48},
               {"ntsc.ts", "-vf setsar=10/11 -c:v libx264", 64, 53},
               {"wide.mpg", "-vf setdar=16/9 -c:v mpeg2video", 85, 48},
               {"tall.mov", "-vf setsar=1/2 -c:v qtrle", 64, 96},
               {"square.mp4", "-c:v libx264", 64, 48},
               {"absurd.mkv", "-vf setsar=1/100 -c:v ffv1", 64, 48}};
  for (const auto& one : cases) {
    test::ffmpeg("-f lavfi -i testsrc=s=64x48:r=25:d=0.2 " + std::string(one.arguments) + " " +
                 (folder / one.name).string());
    VideoReader reader(folder / one.name);
    EXPECT_EQ(reader.width(), one.width) << one.name;
    EXPECT_EQ(reader.height(), one.height) << one.name;
    Frame frame;
    ASSERT_TRUE(reader.read(frame));
    EXPECT_EQ(frame.width, one.width) << one.name;
    EXPECT_EQ(frame.height, one.height) << one.name;
  }
}

TEST(GeometryTest, CroppedWhereTheCodecSays) {
  const TemporaryFolder folder;
  test::ffmpeg(
      "-f lavfi -i color=red:s=96x96:r=10:d=0.5,drawbox=x=16:y=16:w=64:h=64:c=blue:t=fill "
      "-pix_fmt yuv420p -c:v libx264 -qp 4 " +
      (folder / "whole.mp4").string());
  for (const auto& [side, edge] : {std::pair{"left", 0}, {"right", 79}}) {
    test::ffmpeg("-i " + (folder / "whole.mp4").string() + " -c copy -bsf:v h264_metadata=crop_" +
                 side + "=16 " + (folder / "cropped.mp4").string());
    VideoReader reader(folder / "cropped.mp4");
    Frame frame;
    ASSERT_TRUE(reader.read(frame));
    EXPECT_EQ(frame.width, 80);
    EXPECT_EQ(name_of(frame.pixels.data() + (48 * 80 + edge) * 3), 'B') << side;
  }
}

TEST(GeometryTest, SizesMayChangeWithinAFile) {
  const TemporaryFolder folder;
  std::string joined;
  for (const char* size : {"64x48", "48x64", "96x72"}) {
    const auto part = folder / (std::string(size) + ".ts");
    test::ffmpeg("-f lavfi -i color=red:s=" + std::string(size) +
                 ":r=10:d=0.5 -c:v mpeg2video -q:v 2 " + part.string());
    joined += test::read_bytes(part);
  }
  test::write_bytes(folder / "joined.ts", joined);
  VideoReader reader(folder / "joined.ts");
  std::vector<int64_t> widths;
  while (reader.skip()) {
    if (widths.empty() || widths.back() != reader.width()) widths.push_back(reader.width());
    Frame frame;
    reader.show(frame, 16, 16);
    EXPECT_GT(frame.pixels[0], 230);
  }
  EXPECT_THAT(widths, ::testing::ElementsAre(64, 48, 96));
  EXPECT_THAT(reader.notes(), Contains(HasSubstr("pictures of 3 sizes")));
  EXPECT_EQ(reader.damage().places, 0);
}

/// How much brighter or darker lines are than those above and below, in levels.
double combing(const Frame& frame) {
  double sum = 0;
  int64_t count = 0;
  const auto at = [&](int64_t y, int64_t x) {
    return static_cast<double>(frame.pixels[static_cast<size_t>((y * frame.width + x) * 3)]);
  };
  for (int64_t y = 1; y + 1 < frame.height; ++y) {
    for (int64_t x = 0; x < frame.width; ++x) {
      sum += std::abs(at(y, x) - (at(y - 1, x) + at(y + 1, x)) / 2);
      ++count;
    }
  }
  return sum / static_cast<double>(count);
}

TEST(GeometryTest, InterlacedPicturesShowOneMoment) {
  const TemporaryFolder folder;
  const std::string moving =
      "-f lavfi -i \"nullsrc=s=128x128:r=50:d=0.4,format=yuv420p,"
      "geq=lum='if(lt(mod(X+N*24,64),32),220,30)':cb=128:cr=128,interlace=lowpass=0\" ";
  const struct {
    const char* name;
    const char* arguments;
  } cases[] = {{"a.mpg", "-c:v mpeg2video -q:v 2 -flags +ildct+ilme"},
               {"b.ts", "-c:v libx264 -qp 8 -flags +ildct -x264opts tff=1"},
               {"c.mov", "-c:v prores_ks -flags +ildct -field_order tt"},
               {"d.avi", "-c:v mpeg4 -q:v 2 -flags +ildct+ilme"}};
  for (const auto& one : cases) {
    test::ffmpeg(moving + one.arguments + " " + (folder / one.name).string());
    VideoReader reader(folder / one.name);
    Frame frame;
    double worst = 0;
    while (reader.read(frame)) worst = std::max(worst, combing(frame));
    EXPECT_LT(worst, 6) << one.name;
    EXPECT_THAT(reader.notes(), Contains(HasSubstr("interlaced"))) << one.name;
  }
}

TEST(GeometryTest, ProgressivePicturesAreLeftAlone) {
  const TemporaryFolder folder;
  test::ffmpeg("-f lavfi -i testsrc=s=64x64:r=10:d=0.5 -c:v mpeg2video -q:v 2 " +
               (folder / "a.ts").string());
  VideoReader reader(folder / "a.ts");
  while (reader.skip()) {
  }
  EXPECT_THAT(reader.notes(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace vidgen::video
