#include "vidgen/video/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"

namespace vidgen::video {
namespace {

using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

int64_t count_frames(VideoReader& reader) {
  int64_t frames = 0;
  while (reader.skip()) ++frames;
  return frames;
}

std::string open_error(const std::filesystem::path& path) {
  return test::error_of([&] { VideoReader reader(path); });
}

TEST(VideoReaderTest, ReadsARealVideo) {
  VideoReader reader(test::sample_video("Megamind.avi"));
  EXPECT_EQ(reader.width(), 720);
  EXPECT_EQ(reader.height(), 528);
  EXPECT_NEAR(reader.fps(), 23.976, 0.001);
  EXPECT_EQ(reader.promised_frames(), 270);
  Frame frame;
  ASSERT_TRUE(reader.read(frame));
  EXPECT_EQ(frame.height, 528);
  EXPECT_EQ(frame.width, 720);
  EXPECT_EQ(frame.pixels.size(), 720u * 528 * 3);
  EXPECT_EQ(reader.time(), 0);
  EXPECT_EQ(count_frames(reader), 269);
  EXPECT_NEAR(reader.time(), 269 / 23.976, 0.01);
}

TEST(VideoReaderTest, ColoursAreRgb) {
  const TemporaryFolder folder;
  Clip red{3, 16, 16, std::vector<uint8_t>(3 * 16 * 16 * 3, 0)};
  for (size_t i = 0; i < red.pixels.size(); i += 3) red.pixels[i] = 255;
  write_video(folder / "red.mp4", red, 10);
  VideoReader reader(folder / "red.mp4");
  Frame frame;
  ASSERT_TRUE(reader.read(frame));
  EXPECT_GT(frame.pixels[0], 240);
  EXPECT_LT(frame.pixels[2], 15);
}

TEST(VideoReaderTest, SkippingAndReadingGiveTheSameFrames) {
  VideoReader all(test::sample_video("Megamind.avi")), some(test::sample_video("Megamind.avi"));
  Frame a, b;
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(all.read(a));
    if (i % 3 != 2) {
      ASSERT_TRUE(some.skip());
      continue;
    }
    ASSERT_TRUE(some.read(b));
    EXPECT_EQ(a.pixels, b.pixels);
    EXPECT_EQ(all.time(), some.time());
  }
}

TEST(VideoReaderTest, TimesShowFramesThatLastLonger) {
  // Stored at 15 frames per second, with 68 pictures that stay for several frames each.
  VideoReader reader(test::sample_video("tree.avi"));
  EXPECT_EQ(reader.promised_frames(), 444);
  EXPECT_EQ(count_frames(reader), 68);
  EXPECT_NEAR(reader.time(), 29, 1);
}

TEST(VideoReaderTest, TruncatedVideoEndsEarly) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "cut.avi",
                    test::read_bytes(test::sample_video("vtest.avi")).substr(0, 3000000));
  VideoReader reader(folder / "cut.avi");
  EXPECT_EQ(reader.promised_frames(), 795);
  EXPECT_EQ(count_frames(reader), 286);  // the last one is cut
}

TEST(VideoReaderTest, BadFilesAreNamed) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "text.mp4", "This is a text file.\n");
  test::write_bytes(folder / "empty.mp4", "");
  test::truncate_copy(test::sample_video("vtest.avi"), folder / "stub.avi", 0.0001);
  write_video(folder / "whole.mp4", test::gradient_clip(8, 32, 32), 10);
  test::truncate_copy(folder / "whole.mp4", folder / "cut.mp4", 0.3);

  EXPECT_THAT(open_error(folder / "text.mp4"),
              AllOf(HasSubstr("text.mp4"), HasSubstr("not a video")));
  EXPECT_THAT(open_error(folder / "stub.avi"), HasSubstr("stub.avi"));
  EXPECT_THAT(open_error(folder / "cut.mp4"), HasSubstr("cut.mp4"));
  EXPECT_THAT(open_error(folder / "empty.mp4"),
              AllOf(HasSubstr("empty.mp4"), HasSubstr("is empty")));
  EXPECT_THAT(open_error(folder / "gone.mp4"),
              AllOf(HasSubstr("gone.mp4"), HasSubstr("no such file")));
  EXPECT_THAT(open_error(folder.path()), HasSubstr("is a folder"));
  EXPECT_THAT(open_error("/dev/zero"), HasSubstr("not a regular file"));
}

TEST(VideoReaderTest, NamesAreNotPatternsOrAddresses) {
  const TemporaryFolder folder;
  write_png(folder / "s1.png", Frame{2, 2, 3, std::vector<uint8_t>(12, 0)});
  write_png(folder / "s%d.png", Frame{1, 1, 3, {7, 8, 9}});
  EXPECT_EQ(read_image(folder / "s%d.png").pixels, (std::vector<uint8_t>{7, 8, 9}));

  for (const char* name : {"concat:a|b.mp4", "a%03d.mp4", "http:a.mp4"}) {
    write_video(folder / name, test::gradient_clip(5, 16, 16), 10);
    VideoReader reader(folder / name);
    EXPECT_EQ(count_frames(reader), 5);
  }
  EXPECT_THAT(open_error("http://localhost/a.mp4"), HasSubstr("no such file"));
}

TEST(VideoReaderTest, PlaylistsOpenNoOtherFile) {
  const TemporaryFolder folder;
  write_video(folder / "a.mp4", test::gradient_clip(5, 16, 16), 10);
  test::write_bytes(folder / "concat.mp4", "ffconcat version 1.0\nfile a.mp4\n");
  test::write_bytes(folder / "hls.m3u8",
                    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n#EXT-X-ENDLIST\n");
  for (const char* name : {"concat.mp4", "hls.m3u8"}) {
    EXPECT_THAT(open_error(folder / name), HasSubstr("is not a video")) << name;
  }
}

TEST(VideoReaderTest, BadFilesPrintNothing) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "text.mp4", "This is a text file.\n");
  test::truncate_copy(test::sample_video("Megamind.avi"), folder / "cut.avi", 0.2);
  ::testing::internal::CaptureStderr();
  open_error(folder / "text.mp4");
  VideoReader reader(folder / "cut.avi");
  count_frames(reader);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace vidgen::video
