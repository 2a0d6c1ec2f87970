#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/core/error.h"
#include "vidgen/video/probe.h"
#include "vidgen/video/reader.h"

namespace vidgen::video {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kFrames = 5;
constexpr int kSide = 16;

class DicomTest : public ::testing::Test {
 protected:
  void SetUp() override {
    make("probe.dcm", gray(), "");
    const std::string error = test::error_of([&] { VideoReader reader(folder_ / "probe.dcm"); });
    if (error.find("built without DCMTK") != std::string::npos) GTEST_SKIP() << error;
  }

  static void run(const std::string& command) {
    ASSERT_EQ(std::system((command + " 2>/dev/null >/dev/null").c_str()), 0) << command;
  }

  /// Five pictures, the left half of each darker by 20 than the right: 40, 80, 120, ...
  static std::string gray() {
    std::string pixels = "(7fe0,0010) OB ";
    for (int i = 0; i < kFrames * kSide * kSide; ++i) {
      const int level = (i / (kSide * kSide) + 1) * 40 - (i % kSide < kSide / 2 ? 20 : 0);
      pixels += core::cat(i == 0 ? "" : "\\", std::hex, level);
    }
    return "(0028,0002) US 1\n(0028,0004) CS [MONOCHROME2]\n(0028,0100) US 8\n(0028,0101) US 8\n"
           "(0028,0102) US 7\n" +
           pixels + "\n";
  }

  /// Every picture (200, 100, 50) but the last, which is black.
  static std::string color() {
    std::string pixels = "(7fe0,0010) OB ";
    for (int i = 0; i < kFrames * kSide * kSide; ++i) {
      pixels += i == 0 ? "" : "\\";
      pixels += i / (kSide * kSide) == kFrames - 1 ? "0\\0\\0" : "c8\\64\\32";
    }
    return "(0028,0002) US 3\n(0028,0004) CS [RGB]\n(0028,0006) US 0\n(0028,0100) US 8\n"
           "(0028,0101) US 8\n(0028,0102) US 7\n" +
           pixels + "\n";
  }

  std::filesystem::path make(const std::string& name, const std::string& image,
                             const std::string& tags) const {
    test::write_bytes(
        folder_ / "dump.txt",
        core::cat("(0002,0010) UI =LittleEndianExplicit\n"
                  "(0008,0016) UI =UltrasoundMultiframeImageStorage\n(0008,0018) UI [1.2.3.4]\n"
                  "(0010,0010) PN [Somebody^Secret]\n(0010,0020) LO [ID-4711]\n(0028,0008) IS [",
                  kFrames, "]\n(0028,0010) US ", kSide, "\n(0028,0011) US ", kSide,
                  "\n(0028,0103) US 0\n", tags, image));
    run("dump2dcm +l 100000 " + (folder_ / "dump.txt").string() + " " + (folder_ / name).string());
    return folder_ / name;
  }

  /// The pixel in the middle of the right half of each picture.
  static std::vector<int> levels(VideoReader& reader, size_t channel = 0) {
    std::vector<int> levels;
    Frame frame;
    while (reader.read(frame)) levels.push_back(frame.pixels[(8 * kSide + 12) * 3 + channel]);
    return levels;
  }

  const test::TemporaryFolder folder_;
};

TEST_F(DicomTest, TimesAreThoseOfTheTags) {
  const std::pair<const char*, double> cases[] = {
      {"(0018,1063) DS [33.333]\n(0028,0009) AT (0018,1063)\n(0018,0040) IS [10]\n", 0.033333},
      {"(0018,0040) IS [40]\n", 0.025},
      {"(0008,2144) IS [20]\n", 0.05}};
  for (const auto& [tags, seconds] : cases) {
    VideoReader reader(make("a.dcm", gray(), tags));
    EXPECT_NEAR(reader.fps(), 1 / seconds, 1e-6) << tags;
    EXPECT_EQ(reader.promised_frames(), kFrames);
    for (int i = 0; reader.skip(); ++i) EXPECT_NEAR(reader.time(), i * seconds, 1e-9) << tags;
    EXPECT_NEAR(reader.end(), kFrames * seconds, 1e-9) << tags;
    EXPECT_THAT(reader.notes(), IsEmpty()) << tags;
  }
  VideoReader uneven(make("v.dcm", gray(), "(0018,1065) DS [0\\100\\200\\100\\400]\n"));
  std::vector<double> times;
  while (uneven.skip()) times.push_back(uneven.time());
  EXPECT_THAT(
      times, ElementsAre(0, 0.1, ::testing::DoubleNear(0.3, 1e-9), ::testing::DoubleNear(0.4, 1e-9),
                         ::testing::DoubleNear(0.8, 1e-9)));
  VideoReader silent(make("s.dcm", gray(), ""));
  EXPECT_EQ(silent.fps(), 25);
  EXPECT_THAT(silent.notes(), ElementsAre(HasSubstr("does not say when its pictures are shown")));
}

TEST_F(DicomTest, CompressedAndPlainPicturesAreTheSame) {
  const std::string plain = make("a.dcm", gray(), "(0018,1063) DS [100]\n").string();
  const std::string other = (folder_ / "b.dcm").string();
  for (const char* command : {"dcmcrle ", "dcmcjpeg +e1 ", "dcmcjpls ", "dcmconv +tb "}) {
    run(command + plain + " " + other);
    VideoReader reader(other);
    EXPECT_THAT(levels(reader), ElementsAre(40, 80, 120, 160, 200)) << command;
    EXPECT_EQ(reader.damage().places, 0);
  }
  make("c.dcm", color(), "(0018,1063) DS [100]\n");
  for (const char* command : {"dcmcrle ", "dcmcjpeg +eb +cy ", "dcmcjpls ", "dcmconv "}) {
    run(command + (folder_ / "c.dcm").string() + " " + other);
    const int expected[] = {200, 100, 50};
    for (const size_t channel : {0, 1, 2}) {
      VideoReader reader(other);
      const std::vector<int> found = levels(reader, channel);
      ASSERT_EQ(found.size(), 5u) << command;
      for (int i = 0; i < 4; ++i) EXPECT_NEAR(found[i], expected[channel], 3) << command;
      EXPECT_NEAR(found[4], 0, 3) << command;
    }
  }
}

TEST_F(DicomTest, WhatIsLeftOfACutFileIsUsed) {
  const std::string plain = make("a.dcm", gray(), "(0018,1063) DS [100]\n").string();
  const std::string other = (folder_ / "b.dcm").string();
  for (const char* command : {"dcmcrle ", "dcmcjpeg +e1 ", "dcmcjpls ", "dcmconv +te "}) {
    run(command + plain + " " + other);
    std::string bytes = test::read_bytes(other);
    // Within the fourth picture.
    size_t at = bytes.size() - kSide * kSide - 50;
    if (std::string(command) != "dcmconv +te ") {
      at = bytes.find("\xe0\x7f\x10", 0, 3);
      const std::string item("\xfe\xff\x00\xe0", 4);
      for (int i = 0; i < 5; ++i) at = bytes.find(item, at + 4);
      at += 20;
    }
    test::write_bytes(other, bytes.substr(0, at));
    VideoReader reader(other);
    EXPECT_THAT(levels(reader), ElementsAre(40, 80, 120)) << command;
    EXPECT_EQ(reader.damage().places, 1) << command;
    EXPECT_EQ(reader.damage().pictures, 2) << command;
    EXPECT_NEAR(reader.damage().first_seconds, 0.3, 1e-9) << command;
    EXPECT_EQ(reader.damage().reason, "picture 4 cannot be decoded (DICOM)") << command;
  }
}

TEST_F(DicomTest, DamageThatDcmtkOnlyMentionsIsCounted) {
  const std::string plain = make("a.dcm", gray(), "(0018,1063) DS [100]\n").string();
  for (const char* command : {"dcmcjpeg +eb ", "dcmcjpeg +e1 ", "dcmcrle "}) {
    const std::string other = (folder_ / "b.dcm").string();
    run(command + plain + " " + other);
    const std::string whole = test::read_bytes(other);
    VideoReader undamaged(other);
    const std::vector<int> all = levels(undamaged);
    ASSERT_EQ(all.size(), 5u);
    for (const int damaged : {2, 0}) {
      std::string bytes = whole;
      const std::string item("\xfe\xff\x00\xe0", 4);
      size_t begin = bytes.find("\xe0\x7f\x10", 0, 3);
      for (int i = 0; i < damaged + 2; ++i) begin = bytes.find(item, begin + 4);
      const size_t end = bytes.find(item, begin + 4);
      const bool jpeg = bytes.compare(begin + 8, 2, "\xff\xd8") == 0;
      const size_t data = jpeg ? bytes.find("\xff\xda", begin) + 10 : begin + 8 + 64;
      // JPEG ends early; RLE has runs that are too short.
      for (size_t i = data; i < end; ++i) bytes[i] = '\0';
      if (jpeg) bytes.replace(data + 2, 2, "\xff\xd9");
      test::write_bytes(other, bytes);
      VideoReader reader(other);
      std::vector<bool> gaps;
      std::vector<int> left;
      Frame frame;
      while (reader.read(frame)) {
        gaps.push_back(reader.is_after_gap());
        left.push_back(frame.pixels[(8 * kSide + 12) * 3]);
      }
      if (damaged == 0) {
        EXPECT_THAT(left, ElementsAre(all[1], all[2], all[3], all[4])) << command;
        EXPECT_THAT(gaps, ElementsAre(false, false, false, false)) << command;
      } else {
        EXPECT_THAT(left, ElementsAre(all[0], all[1], all[3], all[4])) << command;
        EXPECT_THAT(gaps, ElementsAre(false, false, true, false)) << command;
      }
      EXPECT_EQ(reader.damage().places, 1) << command;
      EXPECT_EQ(reader.damage().pictures, 1) << command;
      EXPECT_NEAR(reader.damage().first_seconds, damaged * 0.1, 1e-9) << command;
      EXPECT_EQ(reader.damage().reason,
                core::cat("picture ", damaged + 1, " cannot be decoded (DICOM)"));
    }
  }
}

TEST_F(DicomTest, PaddingWithinAJpegIsNoDamage) {
  const std::string other = (folder_ / "b.dcm").string();
  run("dcmcjpeg +eb " + make("a.dcm", gray(), "").string() + " " + other);
  std::string bytes = test::read_bytes(other);
  size_t item = bytes.find("\xe0\x7f\x10", 0, 3);
  for (int i = 0; i < 4; ++i) item = bytes.find(std::string("\xfe\xff\x00\xe0", 4), item + 4);
  bytes.insert(bytes.find("\xff\xd9", item), std::string(4, '\0'));
  bytes[item + 4] = static_cast<char>(bytes[item + 4] + 4);  // its length
  test::write_bytes(other, bytes);
  VideoReader reader(other);
  EXPECT_EQ(levels(reader).size(), 5u);
  EXPECT_EQ(reader.damage().places, 0);
}

TEST_F(DicomTest, WindowsAndInvertedGreyAreShown) {
  // All values up to 40 black, from 120 on white.
  VideoReader window(make("w.dcm", gray(), "(0028,1050) DS [80]\n(0028,1051) DS [81]\n"));
  const std::vector<int> found = levels(window);
  EXPECT_NEAR(found[0], 0, 1);
  EXPECT_NEAR(found[1], 127, 3);
  EXPECT_EQ(found[2], 255);
  EXPECT_EQ(found[4], 255);
  std::string inverted = gray();
  inverted.replace(inverted.find("MONOCHROME2"), 11, "MONOCHROME1");
  VideoReader reader(make("i.dcm", inverted, ""));
  const std::vector<int> negative = levels(reader);
  for (int i = 0; i < kFrames; ++i) EXPECT_NEAR(negative[i], 215 - i * 40, 1);
}

TEST_F(DicomTest, AreFoundWhateverTheirName) {
  make("IM0001", gray(), "");
  EXPECT_TRUE(holds_video(folder_ / "IM0001"));
  run("dcmodify -nb -m NumberOfFrames=1 " + (folder_ / "IM0001").string());
  EXPECT_FALSE(holds_video(folder_ / "IM0001")) << "one picture is no recording";
}

TEST_F(DicomTest, ErrorsSayNothingOfThePatient) {
  const std::string bytes = test::read_bytes(make("a.dcm", gray(), ""));
  test::write_bytes(folder_ / "cut.dcm", bytes.substr(0, bytes.size() - 600));
  test::write_bytes(folder_ / "start.dcm", bytes.substr(0, 400));
  ::testing::internal::CaptureStderr();
  const std::string error = test::error_of([&] { VideoReader reader(folder_ / "start.dcm"); });
  EXPECT_THAT(error, HasSubstr("start.dcm: is a "));
  VideoReader cut(folder_ / "cut.dcm");
  while (cut.skip()) continue;
  EXPECT_THAT(cut.damage().reason, HasSubstr("picture 3 cannot be decoded"));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  for (const char* secret : {"Secret", "4711"}) {
    EXPECT_THAT(error + cut.damage().reason, Not(HasSubstr(secret)));
  }
  run("dcmcjpeg +e1 " + (folder_ / "a.dcm").string() + " " + (folder_ / "j.dcm").string());
  std::string video = test::read_bytes(folder_ / "j.dcm");
  const size_t syntax = video.find("1.2.840.10008.1.2.4.70");
  ASSERT_NE(syntax, std::string::npos);
  video.replace(syntax, 22, "1.2.840.10008.1.2.4.90");
  test::write_bytes(folder_ / "j.dcm", video);
  EXPECT_THAT(test::error_of([&] { VideoReader reader(folder_ / "j.dcm"); }),
              HasSubstr("compressed in a way that is not read: JPEG 2000"));
}

}  // namespace
}  // namespace vidgen::video
