#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/video/reader.h"

/// What is damage and what is not, in files as recorders, broken disks and lost packets leave them.
namespace vidgen::video {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;

constexpr const char* kScene = "-f lavfi -i testsrc2=s=160x120:r=25:d=4 ";

struct Read {
  int64_t frames = 0;
  int64_t gaps = 0;
  Damage damage;
  std::vector<std::vector<uint8_t>> pixels;
};

Read read_damaged(const fs::path& path, int threads = 1) {
  VideoReader reader(path, {threads});
  Read result;
  Frame frame;
  while (reader.read(frame, 24, 32)) {
    ++result.frames;
    result.gaps += reader.is_after_gap() ? 1 : 0;
    result.pixels.push_back(frame.pixels);
  }
  result.damage = reader.damage();
  return result;
}

/// Zeros, as a lost cluster of a disk leaves them, from one share of the file to another.
void zero(const fs::path& path, double from, double to) {
  std::string bytes = test::read_bytes(path);
  const auto at = [&](double share) {
    return static_cast<size_t>(share * static_cast<double>(bytes.size()));
  };
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at(from)),
            bytes.begin() + static_cast<std::ptrdiff_t>(at(to)), '\0');
  test::write_bytes(path, bytes);
}

struct Recorder {
  const char* name;
  const char* arguments;
};

class DamageTest : public ::testing::TestWithParam<Recorder> {
 protected:
  fs::path make() const {
    const auto path = folder_ / GetParam().name;
    test::ffmpeg(kScene + std::string(GetParam().arguments) + " " + path.string());
    return path;
  }

  const TemporaryFolder folder_;
};

TEST_P(DamageTest, ZerosAreNoticedAndOnlyWhatTheyDamageIsLeftOut) {
  const auto path = make();
  const Read whole = read_damaged(path);
  ASSERT_EQ(whole.frames, 100);
  EXPECT_EQ(whole.damage.places, 0);
  zero(path, 0.5, 0.53);
  const Read damaged = read_damaged(path);
  EXPECT_GE(damaged.damage.places, 1);
  EXPECT_NE(damaged.damage.reason, "");
  EXPECT_GT(damaged.damage.first_seconds, 1);
  EXPECT_LT(damaged.damage.first_seconds, 3);
  EXPECT_LT(damaged.frames, 100);
  // A key frame comes every half second: what is before and after stays, and is whole.
  EXPECT_GE(damaged.frames, 60);
  EXPECT_GE(damaged.gaps, 1);
  for (const auto& pixels : damaged.pixels) EXPECT_THAT(whole.pixels, ::testing::Contains(pixels));
}

TEST_P(DamageTest, ThreadsSeeTheSameDamage) {
  const auto path = make();
  zero(path, 0.3, 0.32);
  const Read one = read_damaged(path), several = read_damaged(path, 3);
  EXPECT_EQ(one.frames, several.frames);
  EXPECT_EQ(one.damage.places, several.damage.places);
  EXPECT_EQ(one.damage.pictures, several.damage.pictures);
  EXPECT_EQ(one.pixels, several.pixels);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, DamageTest,
    ::testing::Values(Recorder{"h264.mp4", "-c:v libx264 -preset veryfast -g 12 -pix_fmt yuv420p"},
                      Recorder{"h264.mkv", "-c:v libx264 -preset veryfast -g 12 -pix_fmt yuv420p"},
                      Recorder{"h264.ts", "-c:v libx264 -preset veryfast -g 12 -pix_fmt yuv420p"},
                      Recorder{"mpeg2.mpg", "-c:v mpeg2video -g 12 -b:v 2M"},
                      Recorder{"mpeg4.avi", "-c:v mpeg4 -g 12 -q:v 3"},
                      Recorder{"mjpeg.avi", "-c:v mjpeg -q:v 3"},
                      Recorder{"huffyuv.avi", "-c:v huffyuv"},
                      Recorder{"ffv1.mkv", "-c:v ffv1 -g 12"},
                      Recorder{"vp8.webm", "-c:v libvpx -deadline realtime -g 12 -b:v 1M"},
                      Recorder{"flv1.flv", "-c:v flv1 -g 12 -q:v 3"},
                      Recorder{"wmv2.wmv", "-c:v wmv2 -g 12 -q:v 3"},
                      Recorder{"prores.mov", "-c:v prores_ks"}),
    [](const auto& one) {
      std::string name = one.param.name;
      name[name.find('.')] = '_';
      return name;
    });

/// A recording whose key frames come every two seconds, of six seconds.
std::string recording(const TemporaryFolder& folder, const std::string& name,
                      const std::string& arguments) {
  const auto path = folder / name;
  test::ffmpeg("-f lavfi -i testsrc2=s=160x120:r=25:d=6 " + arguments + " " + path.string());
  return test::read_bytes(path);
}

TEST(UndamagedTest, RecordingsThatBeginBetweenTwoKeyFrames) {
  const TemporaryFolder folder;
  const struct {
    const char* name;
    const char* arguments;
    size_t unit;
    int64_t frames;
  } cases[] = {
      {"a.ts", "-c:v libx264 -preset veryfast -g 50 -keyint_min 50 -sc_threshold 0", 188, 100},
      {"b.ts", "-c:v mpeg4 -g 50 -q:v 3", 188, 100},
      {"c.ts", "-c:v mpeg2video -g 50 -bf 2 -q:v 4", 188, 99},
      {"d.mpg", "-c:v mpeg1video -g 50 -bf 0 -q:v 4", 1, 100},
      {"e.h264", "-c:v libx264 -preset veryfast -g 50 -keyint_min 50 -sc_threshold 0", 1, 100}};
  for (const auto& one : cases) {
    const std::string bytes = recording(folder, one.name, one.arguments);
    test::write_bytes(folder / one.name, bytes.substr(bytes.size() / 6 / one.unit * one.unit));
    const Read read = read_damaged(folder / one.name);
    EXPECT_NEAR(static_cast<double>(read.frames), static_cast<double>(one.frames), 2) << one.name;
    EXPECT_EQ(read.damage.places, 0) << one.name << ": " << read.damage.reason;
    EXPECT_EQ(read.gaps, 0) << one.name;
  }
}

TEST(UndamagedTest, RecordingsThatEndAnywhere) {
  const TemporaryFolder folder;
  for (const auto& [name, arguments] :
       {std::pair{"a.ts", "-c:v libx264 -preset veryfast"}, std::pair{"b.mpg", "-c:v mpeg2video"},
        std::pair{"c.m2v", "-c:v mpeg2video"}}) {
    const std::string bytes = recording(folder, name, arguments);
    test::write_bytes(folder / name, bytes.substr(0, bytes.size() * 7 / 10));
    const Read read = read_damaged(folder / name);
    EXPECT_EQ(read.damage.places, 0) << name << ": " << read.damage.reason;
    EXPECT_GT(read.frames, 80) << name;
  }
}

TEST(UndamagedTest, RecordingsThatWereJoined) {
  const TemporaryFolder folder;
  for (const auto& [name, arguments] :
       {std::pair{"a.ts", "-c:v libx264 -preset veryfast"}, std::pair{"b.ts", "-c:v mpeg2video"},
        std::pair{"c.mpg", "-c:v mpeg2video"}, std::pair{"d.ogv", "-c:v libtheora -q:v 6"},
        std::pair{"e.h264", "-c:v libx264 -preset veryfast"}}) {
    const std::string bytes = recording(folder, name, arguments);
    test::write_bytes(folder / name, bytes + bytes);
    const Read read = read_damaged(folder / name, 0);
    EXPECT_EQ(read.damage.places, 0) << name << ": " << read.damage.reason;
    EXPECT_NEAR(static_cast<double>(read.frames), 300, 2) << name;
  }
}

TEST(UndamagedTest, OnlyThePicturesOwnLengthCounts) {
  const TemporaryFolder folder;
  for (const char* arguments :
       {"-c:v flv1 -c:a mp3 -ar 44100 a.flv", "-c:v wmv2 -c:a wmav2 b.wmv",
        "-c:v libvpx -deadline realtime -c:a libopus c.webm", "-c:v libx264 -c:a mp2 d.ts",
        "-c:v libx264 -c:a aac e.mp4", "-c:v mjpeg -c:a pcm_s16le f.avi"}) {
    const std::string name = std::string(arguments).substr(std::string(arguments).rfind(' ') + 1);
    test::ffmpeg("-f lavfi -i testsrc2=s=64x64:r=25:d=1 -f lavfi -i sine=d=6 " +
                 std::string(arguments).substr(0, std::string(arguments).rfind(' ')) + " " +
                 (folder / name).string());
    VideoReader reader(folder / name);
    int64_t frames = 0;
    while (reader.skip()) ++frames;
    EXPECT_EQ(frames, 25) << name;
    EXPECT_LE(reader.promised_seconds(), 1.1) << name;
    EXPECT_NEAR(reader.end(), 1, 0.05) << name;
  }
}

TEST(UndamagedTest, PausesAndClocksThatAreSetAnew) {
  const TemporaryFolder folder;
  for (const char* name : {"a.mp4", "a.mkv", "a.ts", "a.flv"}) {
    test::ffmpeg(
        "-f lavfi -i testsrc2=s=64x64:r=25:d=2 -vf "
        "settb=1/1000,setpts='N*40+gte(N\\,25)*100000' -fps_mode passthrough "
        "-enc_time_base 1/1000 -c:v libx264 -bf 0 " +
        (folder / name).string());
    VideoReader reader(folder / name);
    int64_t frames = 0;
    while (reader.skip()) ++frames;
    EXPECT_EQ(frames, 50) << name;
    EXPECT_EQ(reader.damage().places, 0) << name;
    EXPECT_NEAR(reader.pace().fps(1000), 25, 0.01) << name;
    EXPECT_NEAR(reader.time(), 101.96, 0.05) << name;
  }
}

TEST(UndamagedTest, PicturesThatBeginLongAfterTheSound) {
  const TemporaryFolder folder;
  test::ffmpeg("-f lavfi -i testsrc2=s=64x64:r=25:d=2 -c:v mpeg2video " +
               (folder / "v.mpg").string());
  for (const char* name : {"a.ts", "b.mpg", "c.mkv", "d.flv"}) {
    test::ffmpeg("-f lavfi -i sine=d=14 -itsoffset 11 -i " + (folder / "v.mpg").string() +
                 " -map 1:v -map 0:a -c:v " + (name[0] == 'd' ? "flv1" : "mpeg2video") +
                 " -c:a mp2 -ar 44100 " + (name[0] == 'd' ? "-c:a mp3 " : "") +
                 (folder / name).string());
    const Read read = read_damaged(folder / name);
    EXPECT_NEAR(static_cast<double>(read.frames), 50, 1) << name;
    EXPECT_EQ(read.damage.places, 0) << name << ": " << read.damage.reason;
  }
}

TEST(UndamagedTest, RawRecordingsOfTwoSizesThatWereJoined) {
  const TemporaryFolder folder;
  std::string joined;
  for (const char* size : {"128x96", "96x128"}) {
    test::ffmpeg("-f lavfi -i testsrc2=s=" + std::string(size) + ":r=25:d=1 -c:v mpeg4 -f m4v " +
                 (folder / "part.m4v").string());
    joined += test::read_bytes(folder / "part.m4v");
  }
  test::write_bytes(folder / "joined.m4v", joined);
  VideoReader reader(folder / "joined.m4v");
  int64_t frames = 0;
  while (reader.skip()) ++frames;
  EXPECT_EQ(frames, 50);
  EXPECT_NEAR(reader.end(), 2, 0.05);
}

TEST(DamagedFileTest, AGifWithoutItsEndIsDamaged) {
  const TemporaryFolder folder;
  test::ffmpeg("-f lavfi -i testsrc2=s=64x64:r=10:d=2 " + (folder / "a.gif").string());
  EXPECT_EQ(read_damaged(folder / "a.gif").damage.places, 0);
  test::truncate_copy(folder / "a.gif", folder / "cut.gif", 0.5);
  const Read read = read_damaged(folder / "cut.gif");
  EXPECT_EQ(read.damage.places, 1);
  EXPECT_GE(read.frames, 8);
  EXPECT_LE(read.frames, 11);
}

TEST(DamagedFileTest, WhatFfmpegSaysOfAFileThatItCannotOpenIsPassedOn) {
  const TemporaryFolder folder;
  // A camera writes the index last: without power it is not there.
  test::ffmpeg("-f lavfi -i testsrc2=s=64x64:r=10:d=1 " + (folder / "a.mp4").string());
  const std::string bytes = test::read_bytes(folder / "a.mp4");
  test::write_bytes(folder / "cut.mp4", bytes.substr(0, bytes.find("moov") - 4));
  try {
    VideoReader reader(folder / "cut.mp4");
    FAIL() << "opened";
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("(moov atom not found)"));
  }
}

TEST(UndamagedTest, ACoverIsNoVideo) {
  const TemporaryFolder folder;
  test::ffmpeg("-f lavfi -i testsrc2=s=64x64:r=1:d=1 " + (folder / "cover.png").string());
  test::ffmpeg("-f lavfi -i sine=d=1 -i " + (folder / "cover.png").string() +
               " -map 0 -map 1 -c:v copy -disposition:v attached_pic -c:a libmp3lame " +
               (folder / "song.mp3").string());
  try {
    VideoReader reader(folder / "song.mp3");
    FAIL() << "opened";
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("holds no video, only a cover picture"));
  }
  // Beside a video it is not looked at.
  test::ffmpeg("-f lavfi -i testsrc2=s=32x32:r=25:d=1 -i " + (folder / "cover.png").string() +
               " -map 1 -map 0 -c:v:1 libx264 -c:v:0 png -disposition:v:0 attached_pic " +
               (folder / "film.mp4").string());
  VideoReader reader(folder / "film.mp4");
  EXPECT_EQ(reader.width(), 32);
  EXPECT_THAT(reader.notes(), ::testing::IsEmpty());
}

TEST(UndamagedTest, EmptyChunksOfAnAviRepeatTheFrameBefore) {
  // Where a disk is behind, capture programs store "as before": a chunk without bytes.
  const TemporaryFolder folder;
  test::ffmpeg("-f lavfi -i testsrc2=s=32x32:r=10:d=3 -c:v ffv1 " + (folder / "a.avi").string());
  std::string bytes = test::read_bytes(folder / "a.avi");
  // In the index, and the chunk's own head: all but the first picture have no bytes any more.
  const size_t index = bytes.find("idx1") + 8;
  const size_t movie = bytes.find("movi");
  std::string chunks = bytes.substr(movie, 4), entries;
  for (size_t i = 0; i < 30; ++i) {
    const size_t at = index + 16 * i;
    const auto number = [&](size_t where) {
      uint32_t value = 0;
      std::memcpy(&value, bytes.data() + where, 4);
      return value;
    };
    const uint32_t place = static_cast<uint32_t>(chunks.size()), flags = i == 0 ? 16 : 0;
    const uint32_t size = i == 0 ? number(at + 12) : 0;
    const auto append = [](std::string& to, uint32_t value) {
      to.append(reinterpret_cast<const char*>(&value), 4);
    };
    entries += bytes.substr(at, 4);
    append(entries, flags);
    append(entries, place);
    append(entries, size);
    chunks += bytes.substr(at, 4);
    append(chunks, size);
    chunks += bytes.substr(movie + number(at + 8) + 8, size + size % 2);
  }
  const auto length = [](uint32_t value) {
    return std::string(reinterpret_cast<const char*>(&value), 4);
  };
  std::string file = bytes.substr(0, movie - 4) + length(static_cast<uint32_t>(chunks.size())) +
                     chunks + "idx1" + length(static_cast<uint32_t>(entries.size())) + entries;
  file.replace(4, 4, length(static_cast<uint32_t>(file.size() - 8)));
  test::write_bytes(folder / "a.avi", file);
  const Read read = read_damaged(folder / "a.avi");
  EXPECT_EQ(read.frames, 1);
  EXPECT_EQ(read.damage.places, 0) << read.damage.reason;
  VideoReader reader(folder / "a.avi");
  EXPECT_TRUE(reader.is_indexed());
  while (reader.skip()) {
  }
  EXPECT_NEAR(reader.end(), 3, 0.01);
}

TEST(UndamagedTest, WhatFollowsTheEndOfAGifDoesNoHarm) {
  const TemporaryFolder folder;
  test::ffmpeg("-f lavfi -i testsrc2=s=32x32:r=10:d=1 " + (folder / "a.gif").string());
  test::write_bytes(folder / "a.gif", test::read_bytes(folder / "a.gif") + std::string(8, '\0'));
  const Read read = read_damaged(folder / "a.gif");
  EXPECT_EQ(read.frames, 10);
  EXPECT_EQ(read.damage.places, 0) << read.damage.reason;
}

TEST(UndamagedTest, OtherVideoTracksAreMentioned) {
  const TemporaryFolder folder;
  test::ffmpeg(
      "-f lavfi -i testsrc2=s=32x32:r=25:d=1 -f lavfi -i testsrc=s=64x64:r=25:d=1 -map 0 "
      "-map 1 -c:v libx264 " +
      (folder / "two.mkv").string());
  VideoReader reader(folder / "two.mkv");
  EXPECT_THAT(reader.notes(), ::testing::Contains(::testing::HasSubstr("holds 2 video tracks")));
}

TEST(LastFrameTest, IsShownAsLongAsTheFileSays) {
  const TemporaryFolder folder;
  const std::string times =
      "-f lavfi -i testsrc2=s=64x64:r=1:d=3 -vf settb=1/1000,setpts='N*(N+1)/2*1000' "
      "-fps_mode passthrough -enc_time_base 1/1000 ";
  const struct {
    const char* name;
    const char* arguments;
    double end;
  } cases[] = {{"a.gif", "-final_delay 50", 3.5},
               {"b.mp4", "-c:v libx264 -bf 0", 4},
               {"c.mov", "-c:v qtrle", 4},
               {"d.apng", "-c:v apng -final_delay 1.5", 4.5}};
  for (const auto& one : cases) {
    test::ffmpeg(times + one.arguments + " " + (folder / one.name).string());
    VideoReader reader(folder / one.name);
    while (reader.skip()) {
    }
    EXPECT_NEAR(reader.time(), 3, 1e-6) << one.name;
    EXPECT_NEAR(reader.end(), one.end, 0.01) << one.name;
  }
}

}  // namespace
}  // namespace vidgen::video
