#include "vidgen/video/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/error.h"
#include "support/full_disk.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/video/reader.h"

namespace vidgen::video {
namespace {

using test::gradient_clip;
using test::TemporaryFolder;
using ::testing::HasSubstr;

Clip read_all(const std::filesystem::path& path) {
  VideoReader reader(path);
  Clip clip{0, reader.height(), reader.width(), {}};
  Frame frame;
  while (reader.read(frame)) {
    ++clip.frames;
    clip.pixels.insert(clip.pixels.end(), frame.pixels.begin(), frame.pixels.end());
  }
  return clip;
}

double mean_difference(const Clip& a, const Clip& b) {
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

bool is_empty(const TemporaryFolder& folder) { return std::filesystem::is_empty(folder.path()); }

struct RoundTrip {
  const char* name;
  int64_t height, width;
  double tolerance;
};

class WriterRoundTripTest : public ::testing::TestWithParam<RoundTrip> {};

TEST_P(WriterRoundTripTest, ComesBack) {
  const RoundTrip& trip = GetParam();
  const TemporaryFolder folder;
  const Clip clip = gradient_clip(16, trip.height, trip.width);
  write_video(folder / trip.name, clip, 10);

  VideoReader reader(folder / trip.name);
  EXPECT_NEAR(reader.fps(), 10, 0.01);
  EXPECT_EQ(reader.promised_frames(), 16);
  const Clip back = read_all(folder / trip.name);
  EXPECT_EQ(back.frames, 16);
  ASSERT_EQ(back.height, trip.height);
  ASSERT_EQ(back.width, trip.width);
  EXPECT_LT(mean_difference(clip, back), trip.tolerance);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, WriterRoundTripTest,
    ::testing::Values(RoundTrip{"a.mp4", 64, 64, 3}, RoundTrip{"a.MP4", 48, 64, 3},
                      RoundTrip{"a%d b.mp4", 16, 16, 6}, RoundTrip{"a.avi", 32, 32, 1e-9},
                      RoundTrip{"a.avi", 33, 17, 1e-9}, RoundTrip{"a.gif", 64, 64, 11},
                      RoundTrip{"a.gif", 33, 17, 11}));

TEST(VideoTest, TinyRealVideoKeepsItsDetail) {
  const TemporaryFolder folder;
  VideoReader reader(test::sample_video("vtest.avi"));
  Clip clip{24, 64, 64, {}};
  Frame frame;
  for (int64_t t = 0; t < clip.frames && reader.read(frame); ++t) {
    const Frame small = resize(frame, 64, 64);
    clip.pixels.insert(clip.pixels.end(), small.pixels.begin(), small.pixels.end());
  }
  write_video(folder / "street.mp4", clip, 10);
  EXPECT_LT(mean_difference(clip, read_all(folder / "street.mp4")), 3.0);
}

TEST(VideoTest, OddSizesRepeatTheEdge) {
  const TemporaryFolder folder;
  Clip clip{4, 17, 33, std::vector<uint8_t>(4 * 17 * 33 * 3, 0)};
  for (size_t i = 0; i < clip.pixels.size(); i += 3) clip.pixels[i] = 200;
  write_video(folder / "odd.mp4", clip, 10);
  const Clip back = read_all(folder / "odd.mp4");
  EXPECT_EQ(back.height, 18);
  EXPECT_EQ(back.width, 34);
  const uint8_t* corner = back.frame(3) + back.frame_bytes() - 3;
  EXPECT_NEAR(corner[0], 200, 8);
  EXPECT_NEAR(corner[1], 0, 8);
}

TEST(VideoTest, WholeNumbersOfFramesPerSecondOrNot) {
  const TemporaryFolder folder;
  for (const double fps : {1.0, 23.976, 29.97, 60.0}) {
    write_video(folder / "a.mp4", gradient_clip(8, 16, 16), fps);
    EXPECT_NEAR(VideoReader(folder / "a.mp4").fps(), fps, 0.01);
  }
}

TEST(VideoTest, FewColoursAreExactInGif) {
  const TemporaryFolder folder;
  Clip clip{2, 2, 2, {1, 2, 3, 200, 100, 50,  255, 255, 255, 0, 0, 0,
                      0, 0, 0, 255, 255, 255, 200, 100, 50,  1, 2, 3}};
  write_video(folder / "a.gif", clip, 10);
  EXPECT_EQ(read_all(folder / "a.gif").pixels, clip.pixels);
}

TEST(VideoTest, SameClipSameBytes) {
  const TemporaryFolder folder;
  const Clip clip = gradient_clip(8, 32, 32);
  for (const char* extension : {".mp4", ".gif"}) {
    write_video(folder / (std::string("a") + extension), clip, 10);
    write_video(folder / (std::string("b") + extension), clip, 10);
    EXPECT_TRUE(test::read_bytes(folder / (std::string("a") + extension)) ==
                test::read_bytes(folder / (std::string("b") + extension)));
  }
}

TEST(VideoTest, NothingIsLeftWithoutFinish) {
  const TemporaryFolder folder;
  {
    const auto video = open_video(folder / "a.mp4", {1, 2, 32, 32});
    video->write(gradient_clip(1, 32, 32).frame(0));
  }
  EXPECT_TRUE(is_empty(folder));
}

TEST(VideoTest, FullDiskIsAnError) {
  const TemporaryFolder folder;
  for (const char* name : {"a.mp4", "a.gif"}) {
    const test::FullDisk full(500);
    const std::string message =
        test::error_of([&] { write_video(folder / name, gradient_clip(16, 64, 64), 10); });
    EXPECT_THAT(message, HasSubstr(name));
    EXPECT_TRUE(is_empty(folder));
  }
}

TEST(VideoTest, FolderThatDoesNotExistIsAnError) {
  const TemporaryFolder folder;
  const auto path = folder / "nowhere" / "a.mp4";
  EXPECT_THAT(test::error_of([&] { write_video(path, gradient_clip(2, 16, 16), 10); }),
              HasSubstr(path.string()));
}

TEST(VideoTest, UnknownExtensionListsTheKnownOnes) {
  const std::string message =
      test::error_of([] { write_video("a.xyz", gradient_clip(2, 16, 16), 10); });
  EXPECT_THAT(message, HasSubstr("a.xyz"));
  EXPECT_THAT(message, HasSubstr(".mp4, .avi or .gif"));
}

TEST(VideoTest, RejectsEmptyClips) {
  EXPECT_NE(test::error_of([] { write_video("a.mp4", Clip{0, 16, 16, {}}, 10); }), "");
  EXPECT_NE(test::error_of([] { write_video("a.mp4", Clip{}, 10); }), "");
}

TEST(VideoTest, ImpossibleRatesBecomeTheNearestAndAreToldOnce) {
  const TemporaryFolder folder;
  const struct {
    const char* name;
    double asked, written;
  } cases[] = {{"slow.mp4", 0.625, 1},       {"fast.mp4", 480, 240}, {"slow.avi", 0.03, 1},
               {"fast.gif", 120, 50},        {"slow.gif", 0.011, 1}, {"zero.mp4", 0, 1},
               {"nan.mp4", std::nan(""), 25}};
  for (const auto& one : cases) {
    for (int time = 0; time < 2; ++time) {
      ::testing::internal::CaptureStderr();
      write_video(folder / one.name, gradient_clip(8, 16, 16), one.asked);
      const std::string said = ::testing::internal::GetCapturedStderr();
      EXPECT_EQ(said.empty(), time == 1) << one.name;
    }
    VideoReader reader(folder / one.name);
    int frames = 0;
    while (reader.skip()) ++frames;
    EXPECT_EQ(frames, 8);
    EXPECT_NEAR(reader.pace().fps(0), one.written, 0.01) << one.name;
  }
}

TEST(PngTest, ComesBackExactly) {
  const TemporaryFolder folder;
  const Frame image{27, 7, 3, gradient_clip(3, 9, 7).pixels};
  const std::vector<uint8_t> before = image.pixels;
  write_png(folder / "a.png", image);
  EXPECT_EQ(image.pixels, before);
  EXPECT_EQ(read_image(folder / "a.png").pixels, before);
  const Frame gray = to_gray(image);
  write_png(folder / "gray.png", gray);
  const Frame back = read_image(folder / "gray.png");
  ASSERT_EQ(back.pixels.size(), 3 * gray.pixels.size());
  for (size_t i = 0; i < back.pixels.size(); ++i) ASSERT_EQ(back.pixels[i], gray.pixels[i / 3]);
  write_png(folder / "dot.PNG", Frame{1, 1, 3, {1, 2, 3}});
  EXPECT_EQ(read_image(folder / "dot.PNG").pixels, (std::vector<uint8_t>{1, 2, 3}));
}

TEST(PngTest, Errors) {
  const TemporaryFolder folder;
  const Frame image{4, 4, 3, gradient_clip(1, 4, 4).pixels};
  EXPECT_THAT(test::error_of([&] { write_png(folder / "a.jpg", image); }), HasSubstr(".png"));
  EXPECT_NE(test::error_of([&] { write_png(folder / "nowhere" / "a.png", image); }), "");
  EXPECT_NE(test::error_of([&] { write_png(folder / "a.png", Frame{}); }), "");
  test::write_bytes(folder / "text.png", "not an image");
  EXPECT_THAT(test::error_of([&] { read_image(folder / "text.png"); }), HasSubstr("text.png"));
  test::write_bytes(folder / "empty.png", "");
  EXPECT_THAT(test::error_of([&] { read_image(folder / "empty.png"); }), HasSubstr("empty.png"));
}

}  // namespace
}  // namespace vidgen::video
