#include "vidgen/video/sequence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/core/error.h"
#include "vidgen/video/reader.h"

namespace vidgen::video {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> names_of(const std::vector<PictureSequence>& sequences) {
  std::vector<std::string> names;
  for (const PictureSequence& sequence : sequences) {
    names.push_back(core::cat(sequence.name, " ", sequence.files.size()));
  }
  return names;
}

TEST(FindSequencesTest, SortsByNumberWhateverTheZeros) {
  const auto found = find_sequences({"f10.png", "f2.png", "f9.png", "f0011.png", "f100.png"});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "f#.png");
  EXPECT_THAT(found[0].files, ElementsAre("f2.png", "f9.png", "f10.png", "f0011.png", "f100.png"));
  const auto stamps = find_sequences({"1403636580763555584.png", "1403636579763555584.png"});
  EXPECT_THAT(stamps[0].files, ElementsAre("1403636579763555584.png", "1403636580763555584.png"));
}

TEST(FindSequencesTest, SeveralInAFolderAndWhatBelongsToNone) {
  std::vector<std::string> names{"beach.jpg", "dog.png", "title_1.jpg", "x.jp2"}, left;
  for (int i = 1; i <= 5; ++i) {
    for (const char* shot : {"shotA_", "shotB_"}) names.push_back(core::cat(shot, "00", i, ".png"));
    names.push_back(core::cat("v2_", i, "_left.jpg"));
  }
  EXPECT_THAT(names_of(find_sequences(names, &left)),
              ElementsAre("shotA_#.png 5", "shotB_#.png 5", "v2_#_left.jpg 5"));
  EXPECT_THAT(left, ElementsAre("beach.jpg", "dog.png", "title_1.jpg", "x.jp2"));
}

TEST(FindSequencesTest, TheLastNumberCountsTheFramesUnlessItIsAVersion) {
  std::vector<std::string> clips, versions;
  for (int clip = 1; clip <= 9; ++clip) {
    for (int frame = 1; frame <= 4; ++frame) {
      clips.push_back(core::cat("clip", clip, "_", frame, ".png"));
      if (frame <= 2) versions.push_back(core::cat("shot_", clip, "_v", frame, ".png"));
    }
  }
  EXPECT_EQ(find_sequences(clips).size(), 9u);
  EXPECT_THAT(names_of(find_sequences(versions)),
              ElementsAre("shot_#_v1.png 9", "shot_#_v2.png 9"));
}

TEST(FindSequencesTest, SecondsAndTheirFractionAreOneNumber) {
  std::vector<std::string> stamps, takes, left;
  for (int i = 0; i < 120; ++i) {
    const int64_t microseconds = 999'175'304 + i * 33'333;
    std::string fraction = std::to_string(microseconds % 1'000'000);
    fraction.insert(0, 6 - fraction.size(), '0');
    stamps.push_back(
        core::cat("rgb-", 1'305'031'000 + microseconds / 1'000'000, ".", fraction, ".png"));
  }
  const std::vector<std::string> ordered = stamps;
  std::reverse(stamps.begin(), stamps.end());
  const auto found = find_sequences(stamps, &left);
  EXPECT_THAT(names_of(found), ElementsAre("rgb-#.#.png 120"));
  EXPECT_EQ(found[0].files, ordered);
  EXPECT_THAT(left, IsEmpty());
  EXPECT_THAT(find_sequences({"10.000001.png", "9.966667.png"})[0].files,
              ElementsAre("9.966667.png", "10.000001.png"));
  // Takes are counted each.
  for (const char* take : {"shot010", "shot020"}) {
    for (int i = 1; i <= 5; ++i) takes.push_back(core::cat(take, ".100", i, ".exr"));
    for (int i = 1; i <= 5; ++i) takes.push_back(core::cat(take, ".00000", i, ".png"));
  }
  EXPECT_THAT(names_of(find_sequences(takes)), ElementsAre("shot010.#.exr 5", "shot010.#.png 5",
                                                           "shot020.#.exr 5", "shot020.#.png 5"));
}

class SequenceTest : public ::testing::Test {
 protected:
  /// Eight grey pictures, each 30 levels brighter than the one before.
  void make(const std::string& pattern, const std::string& arguments = "", int start = 1) const {
    test::ffmpeg(
        core::cat("-f lavfi -i \"color=black:s=32x24:r=10:d=0.8,format=gray,"
                  "geq=lum=N*30\" -start_number ",
                  start, " ", arguments, " ", (folder_ / pattern).string()));
  }
  std::vector<int> levels(const std::string& name, double fps = 25) const {
    VideoReader reader(folder_ / name, {1, fps});
    std::vector<int> levels;
    Frame frame;
    while (reader.read(frame)) levels.push_back(frame.pixels[0]);
    return levels;
  }

  TemporaryFolder folder_;
};

TEST_F(SequenceTest, IsAVideoOfEachFormat) {
  for (const char* name :
       {"p_%d.png", "j_%03d.jpg", "b_%02d.bmp", "t_%d.tiff", "g_%d.pgm", "a_%d.tga", "x_%d.jp2"}) {
    make(name, "-q:v 1");
    const std::string pattern = std::string(name, 1) + "_#" + fs::path(name).extension().string();
    const std::vector<int> found = levels(pattern);
    ASSERT_EQ(found.size(), 8u) << name;
    for (int i = 0; i < 8; ++i) EXPECT_NEAR(found[static_cast<size_t>(i)], i * 30, 2) << name;
  }
  make("w_%d.webp", "-c:v libwebp -lossless 1");
  EXPECT_EQ(levels("w_#.webp").size(), 8u);
}

TEST_F(SequenceTest, PlaysAtTheRateThatIsAskedFor) {
  make("%d.png", "", 5);
  VideoReader reader(folder_.path(), {1, 12.5});
  EXPECT_EQ(reader.width(), 32);
  EXPECT_EQ(reader.height(), 24);
  EXPECT_EQ(reader.fps(), 12.5);
  EXPECT_EQ(reader.promised_frames(), 8);
  EXPECT_NEAR(reader.promised_seconds(), 0.64, 1e-9);
  for (int i = 0; reader.skip(); ++i) EXPECT_NEAR(reader.time(), i * 0.08, 1e-9);
  EXPECT_NEAR(reader.end(), 0.64, 1e-9);
  EXPECT_THAT(reader.notes(), IsEmpty());
}

TEST_F(SequenceTest, DamagedPicturesAreCountedAndLeftOut) {
  for (const char* name : {"p_%d.png", "j_%d.jpg"}) make(name, "-q:v 1");
  test::truncate_copy(folder_ / "p_4.png", folder_ / "p_5.png", 0.6);
  test::write_bytes(folder_ / "p_4.png", "no picture");
  test::truncate_copy(folder_ / "j_8.jpg", folder_ / "j_1.jpg", 0.7);
  VideoReader png(folder_ / "p_#.png", {1, 10}), jpeg(folder_ / "j_#.jpg", {1, 10});
  std::vector<bool> gaps;
  while (png.skip()) gaps.push_back(png.is_after_gap());
  EXPECT_THAT(gaps, ElementsAre(false, false, false, true, false, false));
  EXPECT_EQ(png.damage().places, 1);
  EXPECT_EQ(png.damage().pictures, 2);
  EXPECT_NEAR(png.damage().first_seconds, 0.3, 1e-9);
  EXPECT_THAT(png.damage().reason, HasSubstr("p_4.png"));
  int64_t frames = 0;
  for (; jpeg.skip(); ++frames) EXPECT_FALSE(jpeg.is_after_gap());
  EXPECT_EQ(frames, 7);
  EXPECT_EQ(jpeg.damage().reason, "j_1.jpg is cut short");
}

TEST_F(SequenceTest, MissingNumbersAreAGapAndTold) {
  make("f%02d.png");
  fs::remove(folder_ / "f05.png");
  for (int i = 0; i < 8; ++i) {
    fs::copy_file(folder_ / "f08.png", folder_ / core::cat("f", 9 + i, ".png"),
                  fs::copy_options::overwrite_existing);
  }
  VideoReader reader(folder_ / "f#.png");
  EXPECT_THAT(reader.notes(), ElementsAre("numbers are missing behind f04.png"));
  for (int i = 0; reader.skip(); ++i) {
    EXPECT_EQ(reader.is_after_gap(), i == 4) << i;
    EXPECT_NEAR(reader.time(), i / 25.0, 1e-9);
  }
  // Numbers that rise by ten each time miss nothing; times do not count pictures at all.
  for (int i = 1; i < 8; ++i) {
    fs::copy_file(folder_ / "f01.png", folder_ / core::cat("ten_", i * 10, ".png"));
    fs::copy_file(folder_ / "f01.png", folder_ / core::cat("at_", 1000 * i + i * i, ".png"));
  }
  EXPECT_THAT(VideoReader(folder_ / "ten_#.png").notes(), IsEmpty());
  VideoReader uneven(folder_ / "at_#.png");
  EXPECT_THAT(uneven.notes(), ElementsAre(HasSubstr("do not rise evenly")));
  while (uneven.skip()) EXPECT_FALSE(uneven.is_after_gap());
}

TEST_F(SequenceTest, EachPictureIsTurnedAsItAsks) {
  test::ffmpeg("-f lavfi -i color=red:s=32x24 -vf drawbox=0:0:16:24:blue:fill -frames:v 1 " +
               (folder_ / "0.jpg").string());
  const std::string jpeg = test::read_bytes(folder_ / "0.jpg");
  for (int orientation : {1, 6, 3}) {
    std::string exif(
        "\xff\xe1\0\x22"
        "Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0",
        28);
    exif += std::string{static_cast<char>(orientation), 0, 0, 0, 0, 0, 0, 0};
    test::write_bytes(folder_ / core::cat("t_", 7 - orientation, ".jpg"),
                      jpeg.substr(0, 2) + exif + jpeg.substr(2));
  }
  VideoReader reader(folder_ / "t_#.jpg");
  Frame frame;
  std::vector<std::string> seen;
  while (reader.read(frame)) {
    // Which side is blue: left as it is, above turned clockwise, right upside down.
    const auto blue = [&](int64_t y, int64_t x) {
      return frame.pixels[static_cast<size_t>((y * frame.width + x) * 3 + 2)] > 128;
    };
    seen.push_back(core::cat(frame.width, "x", frame.height, blue(1, 1), blue(1, frame.width - 2),
                             blue(frame.height - 2, 1)));
  }
  EXPECT_THAT(seen, ElementsAre("24x32110", "32x24010", "32x24101"));
}

TEST_F(SequenceTest, TiffsAreTurnedAsTheyAsk) {
  // 2x1, red and blue, by hand: of either byte order.
  for (const bool big : {false, true}) {
    for (int orientation : {1, 6, 3}) {
      std::string bytes = big ? std::string("MM\0*", 4) : std::string("II*\0", 4);
      const auto put = [&](uint32_t value, size_t size) {
        for (size_t i = 0; i < size; ++i) {
          bytes += static_cast<char>(value >> 8 * (big ? size - 1 - i : i) & 0xff);
        }
      };
      put(16, 4);
      bytes += std::string("\xff\0\0\0\0\xff\0\0", 8);  // two pixels and two bytes
      // Tag, type, count, value.
      const uint32_t entries[][4] = {{0x100, 3, 1, 2},
                                     {0x101, 3, 1, 1},
                                     {0x102, 3, 1, 8},
                                     {0x103, 3, 1, 1},
                                     {0x106, 3, 1, 2},
                                     {0x111, 4, 1, 8},
                                     {0x112, 3, 1, static_cast<uint32_t>(orientation)},
                                     {0x115, 3, 1, 3},
                                     {0x116, 3, 1, 1},
                                     {0x117, 4, 1, 6}};
      put(std::size(entries), 2);
      for (const auto& [tag, type, count, value] : entries) {
        put(tag, 2);
        put(type, 2);
        put(count, 4);
        put(value, type == 3 ? 2 : 4);
        if (type == 3) put(0, 2);
      }
      put(0, 4);
      test::write_bytes(folder_ / core::cat(big ? "b" : "l", 7 - orientation, ".tif"), bytes);
    }
  }
  for (const char* name : {"b#.tif", "l#.tif"}) {
    VideoReader reader(folder_ / name);
    Frame frame;
    std::vector<std::string> seen;
    while (reader.read(frame)) {
      seen.push_back(core::cat(frame.width, "x", frame.height, " ",
                               frame.pixels[0] > 128 ? "red first" : "blue first"));
    }
    EXPECT_THAT(seen, ElementsAre("1x2 red first", "2x1 blue first", "2x1 red first")) << name;
  }
}

TEST_F(SequenceTest, TimesAreOneNumberAndShownEvenly) {
  make("%d.png");
  for (int i = 1; i <= 8; ++i) {
    fs::rename(folder_ / core::cat(i, ".png"),
               folder_ / core::cat("130503110", i / 4, ".", 175304 + i % 4 * 250000, ".png"));
  }
  VideoReader reader(folder_.path(), {1, 20});
  EXPECT_THAT(reader.notes(), IsEmpty());
  for (int i = 0; reader.skip(); ++i) {
    EXPECT_FALSE(reader.is_after_gap()) << i;
    EXPECT_NEAR(reader.time(), i * 0.05, 1e-9);
  }
  EXPECT_EQ(levels("#.#.png"), (std::vector<int>{0, 30, 60, 90, 120, 150, 180, 210}));
}

TEST_F(SequenceTest, OtherPathsAreNone) {
  make("f%d.png");
  EXPECT_EQ(pictures_of(folder_ / "f#.png").value().size(), 8u);
  EXPECT_FALSE(pictures_of(folder_ / "f1.png"));
  EXPECT_FALSE(pictures_of(folder_ / "g#.png"));
  EXPECT_TRUE(pictures_of(folder_.path()));
  make("g%d.png");
  EXPECT_FALSE(pictures_of(folder_.path()));
  fs::create_directory(folder_ / "take #2");
  for (int i = 1; i < 4; ++i) {
    fs::copy_file(folder_ / "f1.png", folder_ / "take #2" / core::cat("take #2-", i, ".png"));
  }
  EXPECT_EQ(pictures_of(folder_ / "take #2" / "take #2-#.png").value().size(), 3u);
  EXPECT_THAT(test::error_of([&] { VideoReader reader(folder_ / "h#.png"); }),
              HasSubstr("h#.png: no such file"));
  EXPECT_THAT(test::error_of([&] { VideoReader reader(folder_.path()); }),
              HasSubstr("is a folder"));
  for (int i = 1; i < 3; ++i) test::write_bytes(folder_ / core::cat("bad", i, ".png"), "text");
  EXPECT_THAT(test::error_of([&] { VideoReader reader(folder_ / "bad#.png"); }),
              HasSubstr("none of its 2 pictures can be decoded: bad1.png"));
}

}  // namespace
}  // namespace vidgen::video
