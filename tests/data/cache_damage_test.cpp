#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/core/checksum.h"
#include "vidgen/core/json.h"
#include "vidgen/data/cache.h"
#include "vidgen/data/dataset.h"

/// Clip caches whose bytes are not those that were written.
namespace vidgen::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr size_t kHeaderBytes = 32768, kPrefixBytes = 16, kSumBytes = 8;
constexpr int64_t kFrames = 12, kFrameBytes = 16 * 16 * 3;

class CacheDamageTest : public ::testing::Test {
 protected:
  CacheDamageTest() {
    const fs::path video = folder_ / "a.mp4";
    video::write_video(video, test::gradient_clip(kFrames, 24, 24), 10);
    options_.sources = {{video.string(), 1}};
    options_.cache_dir = (folder_ / "cache").string();
    options_.size = 16;
    options_.frames = 4;
    prepare_clips(options_);
    file_ = fs::directory_iterator(folder_ / "cache")->path();
    good_ = test::read_bytes(file_);
  }

  /// Reads every frame of a cache, in clips.
  std::string read_all(const ClipCache& cache) const {
    const CacheFile& file = *cache.videos.at(0).pixels;
    std::vector<uint8_t> clip(4 * kFrameBytes);
    return test::error_of([&] {
      for (int64_t first = 0; first < kFrames; first += 4) file.read(first, 4, 1, clip.data());
    });
  }

  /// What preparing the clips says when the file holds these bytes; then it must be a good one.
  std::string said_of(const std::string& bytes) {
    test::write_bytes(file_, bytes);
    ::testing::internal::CaptureStderr();
    const ClipCache cache = prepare_clips(options_);
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(read_all(cache), "");
    EXPECT_TRUE(test::read_bytes(file_) == good_);
    return said;
  }

  /// The file with another header, and the checksum of that.
  std::string with_header(const std::string& key, const core::Json& value) const {
    uint64_t length = 0;
    std::memcpy(&length, good_.data() + 8, sizeof length);
    auto header = core::Json::parse(good_.substr(kPrefixBytes, length));
    header[key] = value;
    if (key == "frames") header["report"]["frames"] = value;
    std::string text = header.dump();
    length = text.size();
    text.resize(kHeaderBytes - kPrefixBytes - kSumBytes, '\0');
    const uint64_t sum = core::checksum(text.data(), text.size(), length);
    std::string bytes = good_;
    std::memcpy(bytes.data() + 8, &length, sizeof length);
    std::memcpy(bytes.data() + kHeaderBytes - kSumBytes, &sum, sizeof sum);
    return bytes.replace(kPrefixBytes, text.size(), text);
  }

  /// They are the last of the file.
  static size_t frames_place(const std::string& file) {
    return file.size() - static_cast<size_t>(kFrames * kFrameBytes);
  }

  test::TemporaryFolder folder_;
  DataOptions options_;
  fs::path file_;
  std::string good_;
  std::mt19937_64 random_{20};
};

TEST_F(CacheDamageTest, AFlippedBitOfAFrameIsNoticedAndTheFileMadeAgain) {
  for (int i = 0; i < 40; ++i) {
    const auto place = static_cast<size_t>(random_() % (kFrames * kFrameBytes));
    std::string bad = good_;
    bad[frames_place(bad) + place] ^= static_cast<char>(1 << random_() % 8);
    test::write_bytes(file_, bad);
    const ClipCache cache = prepare_clips(options_);
    const auto frame = place / kFrameBytes;
    const std::string name = core::cat("frame ", frame, " of 12");
    EXPECT_EQ(CacheFile::find_damage(file_), name + " is damaged");
    EXPECT_THAT(read_all(cache), AllOf(HasSubstr(file_.string() + ": " + name),
                                       HasSubstr("the same command makes it again")));
    EXPECT_FALSE(fs::exists(file_));
    EXPECT_EQ(read_all(prepare_clips(options_)), "");
    EXPECT_TRUE(test::read_bytes(file_) == good_);
  }
  EXPECT_EQ(CacheFile::find_damage(file_), "");
}

TEST_F(CacheDamageTest, DamageOfAChecksumAndExchangedFramesAreNoticed) {
  std::string bad_sum = good_, exchanged = good_;
  bad_sum[kHeaderBytes + 11 * kSumBytes] ^= 1;
  for (const int64_t bytes : {kFrameBytes, int64_t{8}}) {
    const size_t frames = bytes == 8 ? kHeaderBytes : frames_place(good_);
    std::swap_ranges(exchanged.begin() + static_cast<std::ptrdiff_t>(frames),
                     exchanged.begin() + static_cast<std::ptrdiff_t>(frames) + bytes,
                     exchanged.begin() + static_cast<std::ptrdiff_t>(frames) + bytes);
  }
  test::write_bytes(file_, bad_sum);
  EXPECT_EQ(CacheFile::find_damage(file_), "frame 11 of 12 is damaged");
  test::write_bytes(file_, exchanged);
  EXPECT_EQ(CacheFile::find_damage(file_), "frame 0 of 12 is damaged");
}

TEST_F(CacheDamageTest, AnyBitOfTheHeaderIsNoticed) {
  for (int i = 0; i < 60; ++i) {
    std::string bad = good_;
    const size_t place = i < 16 ? static_cast<size_t>(i) : random_() % kHeaderBytes;
    bad[place] ^= static_cast<char>(1 << random_() % 8);
    const std::string said = said_of(bad);
    // A flip of the version's digit makes it one of another version, which needs no word.
    if (place == 7) continue;
    EXPECT_THAT(said, HasSubstr(file_.string() + ": ")) << place;
  }
}

TEST_F(CacheDamageTest, AGeometryThatDoesNotFitTheFileIsNoticed) {
  constexpr int64_t kHuge = int64_t{1} << 62;
  const std::vector<std::pair<std::string, core::Json>> lies{
      {"height", 17},   {"width", 8},        {"channels", 1},   {"channels", 4},
      {"frames", 13},   {"frames", kHuge},   {"height", kHuge}, {"width", -16},
      {"channels", -3}, {"frames", -12},     {"height", 0},     {"height", "16"},
      {"width", 16.5},  {"frames", nullptr}, {"height", 1e300}};
  for (const auto& [key, value] : lies) {
    SCOPED_TRACE(core::cat(key, " ", value));
    const auto bad = with_header(key, value);
    test::write_bytes(file_, bad);
    EXPECT_NE(CacheFile::find_damage(file_), "");
    EXPECT_THAT(said_of(bad), AllOf(HasSubstr(file_.string() + ": "), HasSubstr("made again")));
  }
  // The product of these overflows to what the file has.
  auto wrapped = with_header("height", 16 + (int64_t{1} << 60));
  EXPECT_THAT(said_of(wrapped), HasSubstr("does not fit"));
}

TEST_F(CacheDamageTest, AFileThatIsCutShortWhileItIsInUseIsAnError) {
  for (const auto size : {good_.size() - 1, frames_place(good_) + 5 * kFrameBytes, size_t{0}}) {
    test::write_bytes(file_, good_);
    const ClipCache cache = prepare_clips(options_);
    fs::resize_file(file_, size);
    EXPECT_THAT(read_all(cache), AllOf(HasSubstr(file_.string() + ": frame"),
                                       HasSubstr("the same command makes it again")));
    EXPECT_FALSE(fs::exists(file_));
    EXPECT_EQ(read_all(prepare_clips(options_)), "");
  }
}

TEST_F(CacheDamageTest, WhatTookThePlaceOfADamagedFileStays) {
  std::string bad = good_;
  bad[frames_place(bad)] ^= 1;
  test::write_bytes(file_, bad);
  const ClipCache cache = prepare_clips(options_);
  test::write_bytes(folder_ / "new", good_);
  fs::rename(folder_ / "new", file_);
  EXPECT_THAT(read_all(cache), HasSubstr("frame 0"));
  EXPECT_TRUE(test::read_bytes(file_) == good_);
}

TEST_F(CacheDamageTest, FilesOfAnEarlierVersionAreMadeAgainWithoutAWord) {
  std::string old = good_;
  old[7] = '1';
  EXPECT_EQ(CacheFile::find_damage((test::write_bytes(file_, old), file_)),
            "is of another version of vidgen, which makes it again");
  EXPECT_EQ(said_of(old).find(file_.string()), std::string::npos);
}

TEST_F(CacheDamageTest, MoreFramesThanExpectedHaveChecksumsToo) {
  const auto write = [this](const std::string& name, int64_t expected) {
    CacheFileWriter writer(folder_ / name, expected);
    video::Frame frame;
    frame.height = frame.width = 16;
    frame.channels = 3;
    for (int64_t i = 0; i < 5000; ++i) {
      frame.pixels.assign(kFrameBytes, static_cast<uint8_t>(i));
      writer.append(frame);
    }
    VideoReport report;
    report.frames = 5000;
    writer.commit("key", report);
  };
  write("few.clips", 1);
  write("many.clips", 5000);
  EXPECT_EQ(CacheFile::find_damage(folder_ / "few.clips"), "");
  EXPECT_TRUE(test::read_bytes(folder_ / "few.clips") == test::read_bytes(folder_ / "many.clips"));
}

TEST_F(CacheDamageTest, FoldersOfTheCacheArePrivate) {
  EXPECT_EQ(fs::status(folder_ / "cache").permissions(), fs::perms::owner_all);
}

TEST_F(CacheDamageTest, CropsAndStridesAreCheckedAsWell) {
  options_.crop = Crop::kRandom;
  options_.resize = 20;
  options_.frame_stride = 2;
  const ClipCache cache = prepare_clips(options_);
  fs::path file;
  for (const auto& entry : fs::directory_iterator(folder_ / "cache"))
    if (entry.path() != file_) file = entry.path();
  std::string bytes = test::read_bytes(file);
  // All frames but those of even numbers.
  const size_t frame = 20 * 20 * 3;
  for (size_t i = 0; i < kFrames; i += 2) bytes[bytes.size() - (kFrames - i) * frame] ^= 1;
  test::write_bytes(file, bytes);
  const ClipCache damaged = prepare_clips(options_);
  const ClipDataset dataset(options_, damaged, Split::kTrain);
  std::vector<uint8_t> clip(4 * 16 * 16 * 3);
  int noticed = 0, read = 0;
  for (int64_t i = 0; i < 20; ++i) {
    const bool fails = !test::error_of([&] { dataset.clip(1, i, clip.data()); }).empty();
    (fails ? noticed : read) += 1;
  }
  EXPECT_GT(noticed, 0);
  EXPECT_GT(read, 0) << "clips that begin at an odd frame";
}

}  // namespace
}  // namespace vidgen::data
