#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/video/reader.h"

/// What colours come out of files that keep them in other ways than as opaque RGB.
namespace vidgen::video {
namespace {

using test::TemporaryFolder;
using ::testing::Contains;
using ::testing::HasSubstr;

using Color = std::array<int, 3>;

Color color_at(const Frame& frame, double y, double x) {
  const auto row = static_cast<int64_t>(y * static_cast<double>(frame.height));
  const auto column = static_cast<int64_t>(x * static_cast<double>(frame.width));
  const uint8_t* rgb = frame.pixels.data() + (row * frame.width + column) * 3;
  return {rgb[0], rgb[1], rgb[2]};
}

void expect_near(const Color& found, const Color& expected, int by, const std::string& what) {
  for (size_t c = 0; c < 3; ++c)
    EXPECT_NEAR(found[c], expected[c], by) << what << ", channel " << c;
}

struct Transparent {
  const char* name;
  const char* arguments;
  /// Colour at full resolution: no hidden colour is mixed with that beside it.
  bool sharp = true;
};

class TransparencyTest : public ::testing::TestWithParam<Transparent> {};

TEST_P(TransparencyTest, HiddenColoursAreNotSeen) {
  // A green disc; around it nothing, with magenta left over below.
  const TemporaryFolder folder;
  const auto path = folder / GetParam().name;
  test::ffmpeg(
      "-f lavfi -i \"nullsrc=s=64x64:r=10:d=0.4,format=gbrap,geq=r='255*gte(hypot(X-32,Y-32),16)':"
      "g='255*lt(hypot(X-32,Y-32),16)':b='255*gte(hypot(X-32,Y-32),16)':"
      "a='255*lt(hypot(X-32,Y-32),16)'\" " +
      std::string(GetParam().arguments) + " " + path.string());
  for (const int64_t size : {64, 24}) {
    VideoReader reader(path);
    Frame frame;
    ASSERT_TRUE(reader.read(frame, size, size));
    expect_near(color_at(frame, 0.05, 0.05), {0, 0, 0}, 10, "corner");
    expect_near(color_at(frame, 0.5, 0.5), {0, 255, 0}, 20, "centre");
    for (int64_t x = 0; x < size && GetParam().sharp; ++x) {
      const auto at =
          color_at(frame, 0.5, (static_cast<double>(x) + 0.5) / static_cast<double>(size));
      EXPECT_LT(at[0], 60) << "magenta at the disc's edge";
    }
    EXPECT_THAT(reader.notes(), Contains(HasSubstr("transparency is laid over black")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, TransparencyTest,
    ::testing::Values(
        Transparent{"a.mov", "-c:v qtrle -pix_fmt argb"},
        Transparent{"b.mov", "-c:v prores_ks -pix_fmt yuva444p10le"},
        Transparent{"c.mov", "-c:v png -pix_fmt rgba"},
        Transparent{"d.webm", "-c:v libvpx-vp9 -pix_fmt yuva420p -crf 4 -b:v 0", false},
        Transparent{"e.webm", "-c:v libvpx -auto-alt-ref 0 -pix_fmt yuva420p -crf 4 -b:v 4M",
                    false},
        Transparent{"f.mkv", "-c:v ffv1 -pix_fmt yuva444p"},
        Transparent{"g.apng", "-c:v apng -pix_fmt rgba"},
        Transparent{"h.avi", "-c:v utvideo -pix_fmt gbrap"}),
    [](const auto& one) { return std::string(1, one.param.name[0]); });

TEST(ColoursTest, GreyInLimitedRangeIsExpandedAtEverySize) {
  const TemporaryFolder folder;
  const struct {
    const char* name;
    const char* arguments;
    int stored, shown;
  } cases[] = {{"white.mkv", "-c:v ffv1 -color_range tv", 235, 255},
               {"black.mkv", "-c:v ffv1 -color_range tv", 16, 0},
               {"mid.mkv", "-c:v ffv1 -color_range tv", 126, 128},
               {"full.mkv", "-c:v ffv1 -color_range pc", 235, 235},
               {"h264.mp4", "-c:v libx264 -qp 4 -color_range tv", 235, 255},
               {"deep.mkv", "-c:v ffv1 -pix_fmt gray10le -color_range tv", 235, 255}};
  for (const auto& one : cases) {
    test::ffmpeg("-f lavfi -i \"nullsrc=s=64x64:r=10:d=0.3,format=gray,geq=lum=" +
                 std::to_string(one.stored) + "\" -pix_fmt gray " + one.arguments + " " +
                 (folder / one.name).string());
    for (const int64_t size : {64, 32, 100}) {
      VideoReader reader(folder / one.name);
      Frame frame;
      ASSERT_TRUE(reader.read(frame, size, size));
      expect_near(color_at(frame, 0.5, 0.5), {one.shown, one.shown, one.shown}, 2, one.name);
    }
  }
}

TEST(ColoursTest, MatricesThatAreNamed) {
  const TemporaryFolder folder;
  for (const char* matrix : {"bt709", "bt601", "bt2020"}) {
    const std::string tag = matrix == std::string("bt601")    ? "smpte170m"
                            : matrix == std::string("bt2020") ? "bt2020nc"
                                                              : "bt709";
    test::ffmpeg(
        "-f lavfi -i color=0x20E010:s=32x32:r=10:d=0.3,format=gbrp -vf scale=out_color_matrix=" +
        std::string(matrix) + " -pix_fmt yuv444p -colorspace " + tag + " -c:v libx264 -qp 2 " +
        (folder / "a.mp4").string());
    VideoReader reader(folder / "a.mp4");
    Frame frame;
    ASSERT_TRUE(reader.read(frame));
    expect_near(color_at(frame, 0.5, 0.5), {0x20, 0xE0, 0x10}, 4, matrix);
  }
}

TEST(ColoursTest, UnnamedMatricesAreThoseThatPlayersGuess) {
  const TemporaryFolder folder;
  for (const auto& [size, matrix] :
       {std::pair{"1280x720", "bt709"}, std::pair{"720x576", "bt601"}}) {
    test::ffmpeg("-f lavfi -i color=0x20E010:s=" + std::string(size) +
                 ":r=10:d=0.1,format=gbrp -vf scale=out_color_matrix=" + matrix +
                 " -pix_fmt yuv420p -c:v mpeg4 -q:v 1 " + (folder / "a.avi").string());
    VideoReader reader(folder / "a.avi");
    Frame frame;
    ASSERT_TRUE(reader.read(frame, 32, 32));
    expect_near(color_at(frame, 0.5, 0.5), {0x20, 0xE0, 0x10}, 5, size);
  }
}

/// A grey of this level of 0 to 1, in HDR.
Color hdr_color(const TemporaryFolder& folder, double level, const char* transfer) {
  const auto code = std::to_string(static_cast<int>(std::lround(64 + 876 * level)));
  const auto path = folder / "hdr.mkv";
  test::ffmpeg(
      "-f lavfi -i \"nullsrc=s=32x32:r=10:d=0.2,format=yuv420p10le,geq=lum=" + code +
      ":cb=512:cr=512\" -c:v ffv1 -pix_fmt yuv420p10le -color_range tv -colorspace bt2020nc "
      "-color_primaries bt2020 -color_trc " +
      std::string(transfer) + " " + path.string());
  VideoReader reader(path);
  Frame frame;
  EXPECT_TRUE(reader.read(frame, 16, 16));
  EXPECT_THAT(reader.notes(), Contains(HasSubstr("is turned into SDR")));
  return color_at(frame, 0.5, 0.5);
}

TEST(ColoursTest, HdrBecomesSdr) {
  const TemporaryFolder folder;
  // Code values of ITU-R BT.2408: white is at 58 % (PQ) and 75 % (HLG) of the signal.
  for (const auto& [transfer, white] : {std::pair{"smpte2084", 0.58}, {"arib-std-b67", 0.75}}) {
    const int shown = hdr_color(folder, white, transfer)[0];
    EXPECT_GE(shown, 235) << transfer;
    EXPECT_LE(shown, 250) << transfer;
    EXPECT_LE(hdr_color(folder, 0, transfer)[0], 2) << transfer;
    EXPECT_GE(hdr_color(folder, 1, transfer)[0], 253) << transfer;
    const Color gray = hdr_color(folder, white / 2, transfer);
    EXPECT_LT(gray[0], shown) << transfer;
    expect_near({gray[1], gray[2], 0}, {gray[0], gray[0], 0}, 2, "grey stays grey");
  }
}

}  // namespace
}  // namespace vidgen::video
