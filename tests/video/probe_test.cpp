#include "vidgen/video/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/video/reader.h"

namespace vidgen::video {
namespace {

using test::TemporaryFolder;
using ::testing::HasSubstr;

std::string refusal_of(const std::filesystem::path& path) {
  return test::error_of([&] { VideoReader reader(path); });
}

int64_t frames_in(const std::filesystem::path& path) {
  VideoReader reader(path);
  int64_t frames = 0;
  while (reader.skip()) ++frames;
  return frames;
}

TEST(NameKindTest, InAnyCase) {
  for (const char* name : {"a.mp4", "b/A.AVI", "c.MXF", "a.m2ts", "a.y4m", "a.rmvb", "a.lrv.mov"}) {
    EXPECT_EQ(kind_of_name(name), NameKind::kVideo) << name;
  }
  for (const char* name : {"a.txt", "a.srt", "a.mp3", "a.zip", "GL01.LRV", "MVI_1.THM", "a.clips",
                           "a.safetensors", "notes.mp4.json", "a.vidgen-tmp12.mp4"}) {
    EXPECT_EQ(kind_of_name(name), NameKind::kOther) << name;
  }
  for (const char* name : {"a.png", "A.JPEG", "a.webp", "a.tif"}) {
    EXPECT_EQ(kind_of_name(name), NameKind::kPicture) << name;
  }
  for (const char* name : {"mp4", "a.dat", "a.dcm", "IM0001", "a.2023"}) {
    EXPECT_EQ(kind_of_name(name), NameKind::kUnknown) << name;
  }
}

TEST(HoldsVideoTest, ByContentWhateverTheName) {
  const TemporaryFolder folder;
  const auto make = [&](const std::string& arguments, const std::string& name) {
    test::ffmpeg("-f lavfi -i testsrc=s=176x144:r=25:d=0.4 " + arguments + " " +
                 (folder / name).string());
    return folder / name;
  };
  for (const char* arguments :
       {"-c:v libx264 -f mp4", "-c:v libx264 -f mpegts", "-c:v mpeg2video -f dvd",
        "-c:v libx264 -f h264", "-c:v libx264 -f matroska", "-c:v rv10 -f rm",
        "-c:v msmpeg4 -f asf", "-pix_fmt yuv420p -f yuv4mpegpipe", "-c:v flv -f flv",
        "-c:v mpeg2video -f mxf", "-c:v mpeg4 -f nut", "-c:v mjpeg -f mjpeg"}) {
    EXPECT_TRUE(holds_video(make(arguments, "a.dat"))) << arguments;
    EXPECT_EQ(frames_in(folder / "a.dat"), 10) << arguments;
  }
}

TEST(HoldsVideoTest, NeitherPicturesNorSoundNorData) {
  const TemporaryFolder folder;
  const std::string picture = (folder / "p.jpg").string(), sound = (folder / "s.bin").string();
  test::ffmpeg("-f lavfi -i testsrc=s=64x64:r=10:d=0.1 -frames:v 1 " + picture);
  test::ffmpeg("-f lavfi -i sine=d=1 -i " + picture +
               " -map 0 -map 1 -c:v copy -disposition:v attached_pic -f mp3 " + sound);
  EXPECT_FALSE(holds_video(sound));
  EXPECT_THAT(refusal_of(sound), HasSubstr("s.bin: holds no video, only a cover picture"));
  test::ffmpeg("-f lavfi -i sine=d=1 -f ogg " + sound);
  EXPECT_FALSE(holds_video(sound));
  const std::string jpeg = test::read_bytes(picture);
  std::string noise;
  for (uint32_t i = 0; i < 100000; ++i) noise.push_back(static_cast<char>(i * i * 31 >> 5));
  const std::vector<std::pair<const char*, std::string>> files{
      {"photo", jpeg},
      {"text", std::string("1\n00:00:01,000 --> 00:00:02,000\nA subtitle\n")},
      {"noise", noise},
      {"empty", ""},
      {"pdf", "%PDF-1.4 " + jpeg + jpeg},
      {"document", "PK\3\4 word/media/image1.jpeg " + jpeg + jpeg}};
  for (const auto& [name, bytes] : files) {
    test::write_bytes(folder / name, bytes);
    EXPECT_FALSE(holds_video(folder / name)) << name;
  }
  EXPECT_THAT(test::error_of([&] { holds_video(folder / "gone"); }), HasSubstr("No such file"));
}

// What FFmpeg takes for a video or a picture without a word.
TEST(ImpostorTest, AreRefusedByName) {
  const TemporaryFolder folder;
  const std::string picture = (folder / "p.jpg").string(), video = (folder / "v.mp4").string();
  test::ffmpeg("-f lavfi -i testsrc=s=64x64:r=10:d=1 -frames:v 1 " + picture + " -c:v libx264 " +
               video);
  const std::string jpeg = test::read_bytes(picture);
  const std::string pictures = jpeg + jpeg + jpeg;
  const auto expect_refused = [&](const char* name, const std::string& bytes, const char* reason) {
    test::write_bytes(folder / name, bytes);
    EXPECT_THAT(refusal_of(folder / name), HasSubstr(std::string(name) + ": " + reason));
  };
  expect_refused("a.pdf", "%PDF-1.4 " + pictures, "is a PDF, not a video");
  expect_refused("a.docx", "PK\3\4 word/media " + pictures, "is an archive (ZIP) or a document");
  expect_refused("a.seq", std::string("\xed\xfe\0\0Norpix seq", 14) + pictures,
                 "is not a video that FFmpeg can read (JPEG pictures in a file of another kind)");
  std::string text;
  for (int i = 0; i < 100; ++i) text += "This is a text.\n";
  expect_refused("a.txt", text, "is text, not a video");
  expect_refused("a.yuv", std::string(64 * 64 * 30, 'x'), "is video without a header");
  expect_refused("a.jpg", jpeg + test::read_bytes(video), "is a photograph with a video behind it");
  expect_refused("a.fits", "SIMPLE  =                    T", "is data of measurements (FITS)");
}

TEST(ImpostorTest, ATiffOfSeveralPicturesIsRefused) {
  const TemporaryFolder folder;
  const auto entry = [](int tag, int value) {
    return std::string{static_cast<char>(tag & 255),
                       static_cast<char>(tag >> 8),
                       4,
                       0,
                       1,
                       0,
                       0,
                       0,
                       static_cast<char>(value),
                       0,
                       0,
                       0};
  };
  const auto tiff = [&](int type) {
    std::string bytes("II*\0\x08\0\0\0", 8);
    bytes += std::string("\1\0", 2) + entry(256, 4) + std::string("\x1a\0\0\0", 4);
    bytes += std::string("\1\0", 2) + entry(254, type) + std::string(4, '\0');
    return bytes;
  };
  test::write_bytes(folder / "stack.tif", tiff(0));
  EXPECT_THAT(refusal_of(folder / "stack.tif"), HasSubstr("is a TIFF of 2 pictures"));
  EXPECT_TRUE(is_animated(folder / "stack.tif"));
  test::write_bytes(folder / "preview.tif", tiff(1));  // the second is a smaller copy
  EXPECT_FALSE(is_animated(folder / "preview.tif"));
}

TEST(IsAnimatedTest, PicturesThatMove) {
  const TemporaryFolder folder;
  const std::string input = "-f lavfi -i testsrc=s=64x64:r=10:d=0.5 ";
  const auto file = [&](const char* name) { return (folder / name).string(); };
  test::ffmpeg(input + "-f apng " + file("a.png") + " -frames:v 1 " + file("b.png"));
  test::ffmpeg(input + "-c:v libwebp_anim " + file("a.webp") + " -frames:v 1 " + file("b.webp"));
  test::ffmpeg(input + "-c:v libaom-av1 -cpu-used 8 " + file("a.avif"));
  test::ffmpeg(input + "-frames:v 1 -c:v libaom-av1 -still-picture 1 " + file("b.avif"));
  for (const char* name : {"a.png", "a.webp", "a.avif"}) {
    EXPECT_TRUE(is_animated(folder / name)) << name;
    EXPECT_EQ(frames_in(folder / name), 5) << name;
  }
  for (const char* name : {"b.png", "b.webp", "b.avif"}) {
    EXPECT_FALSE(is_animated(folder / name)) << name;
  }
}

}  // namespace
}  // namespace vidgen::video
