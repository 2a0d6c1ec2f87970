#include "vidgen/data/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>

#include "support/error.h"
#include "support/full_disk.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/data/dataset.h"
#include "vidgen/video/reader.h"

namespace vidgen::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ClipCacheTest : public ::testing::Test {
 protected:
  ClipCacheTest() {
    fs::create_directory(folder_ / "in");
    options_.sources = {{(folder_ / "in").string(), 1}};
    options_.cache_dir = (folder_ / "cache").string();
    options_.size = 32;
    options_.frames = 4;
  }

  fs::path add(const std::string& name, int64_t frames = 8, int64_t height = 48,
               int64_t width = 64) {
    const fs::path path = folder_ / "in" / name;
    video::write_video(path, test::gradient_clip(frames, height, width), 10);
    return path;
  }
  std::vector<fs::path> cache_files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "cache"))
      files.push_back(entry.path());
    return files;
  }
  std::string prepare_error() {
    return test::error_of([&] { prepare_clips(options_); });
  }
  /// Prepares and tells whether the one cache file was written anew.
  bool is_rebuilt() {
    const fs::path file = cache_files().at(0);
    const auto past = fs::file_time_type::clock::now() - std::chrono::hours(1);
    fs::last_write_time(file, past);
    prepare_clips(options_);
    return fs::last_write_time(file) > past + std::chrono::minutes(1);
  }

  test::TemporaryFolder folder_;
  DataOptions options_;
};

TEST_F(ClipCacheTest, LabelsOfRealVideosCountAllClasses) {
  options_.classes = true;
  for (const char* name : {"cats", "cows", "dogs"}) fs::create_directory(folder_ / "in" / name);
  add("cats/1.avi");
  add("cows/1.avi", 3);  // too short
  add("dogs/1.avi");
  add("dogs/2.avi");
  const auto cache = prepare_clips(options_);
  EXPECT_THAT(cache.class_names, ::testing::ElementsAre("cats", "cows", "dogs"));
  std::vector<int64_t> labels;
  for (const CachedVideo& video : cache.videos) labels.push_back(video.entry.label);
  EXPECT_THAT(labels, ::testing::ElementsAre(0, 2, 2));
}

/// What the cache must hold, by the shortest way.
std::vector<std::vector<uint8_t>> decode_directly(const fs::path& path, int64_t height,
                                                  int64_t width, bool middle, int64_t size) {
  std::vector<std::vector<uint8_t>> frames;
  video::VideoReader reader(path);
  video::Frame frame;
  while (reader.read(frame, height, width)) {
    if (middle) frame = video::crop(frame, (height - size) / 2, (width - size) / 2, size, size);
    frames.push_back(frame.pixels);
  }
  return frames;
}

void expect_holds(const CacheFile& file, const std::vector<std::vector<uint8_t>>& frames) {
  ASSERT_EQ(file.frames(), static_cast<int64_t>(frames.size()));
  std::vector<uint8_t> buffer;
  for (size_t t = 0; t < frames.size(); ++t) {
    ASSERT_EQ(frames[t].size(),
              static_cast<size_t>(file.height() * file.width() * file.channels()));
    buffer.resize(frames[t].size());
    file.read(static_cast<int64_t>(t), 1, 1, buffer.data());
    EXPECT_EQ(buffer, frames[t]);
  }
}

TEST_F(ClipCacheTest, HoldsTheSourcesFramesCropped) {
  const fs::path path = add("a.mp4");
  for (int run = 0; run < 2; ++run) {
    const ClipCache cache = prepare_clips(options_);
    ASSERT_EQ(cache.videos.size(), 1u);
    EXPECT_EQ(cache.videos[0].entry.path, path);
    EXPECT_EQ(cache.videos[0].report.clips, 5);
    expect_holds(*cache.videos[0].pixels, decode_directly(path, 32, 43, true, 32));
  }
}

TEST_F(ClipCacheTest, KeepsWholeFramesForRandomCrops) {
  const fs::path path = test::sample_video("Megamind.avi");
  options_.sources = {{path.string(), 1}};
  options_.crop = Crop::kRandom;
  options_.resize = 40;
  const ClipCache cache = prepare_clips(options_);
  expect_holds(*cache.videos[0].pixels, decode_directly(path, 40, 55, false, 32));
}

TEST_F(ClipCacheTest, GrayHasOneChannel) {
  add("a.mp4");
  options_.color = Color::kGray;
  const ClipCache cache = prepare_clips(options_);
  EXPECT_EQ(cache.videos[0].pixels->channels(), 1);
}

TEST_F(ClipCacheTest, ResamplesToTheNearestFrame) {
  const fs::path path = add("a.mp4");
  const auto all = decode_directly(path, 32, 43, true, 32);
  options_.fps = 5;
  expect_holds(*prepare_clips(options_).videos[0].pixels, {all[0], all[2], all[4], all[6]});
  options_.fps = 20;
  const ClipCache twice = prepare_clips(options_);
  EXPECT_EQ(twice.videos[0].pixels->frames(), 16);
}

TEST_F(ClipCacheTest, UsedAgainUntilSomethingChanges) {
  const fs::path path = add("a.mp4");
  prepare_clips(options_);
  EXPECT_FALSE(is_rebuilt());
  options_.frames = 3;
  options_.horizontal_flip = true;
  EXPECT_FALSE(is_rebuilt()) << "these do not change the cached pixels";

  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(1));
  EXPECT_TRUE(is_rebuilt());
  EXPECT_FALSE(is_rebuilt());
  add("a.mp4", 12);
  EXPECT_TRUE(is_rebuilt());
  EXPECT_EQ(prepare_clips(options_).videos[0].pixels->frames(), 12);
  EXPECT_EQ(cache_files().size(), 1u);
}

TEST_F(ClipCacheTest, OtherSettingsNeverShareAFile) {
  add("a.mp4");
  const ClipCache before = prepare_clips(options_);
  options_.size = 16;
  const ClipCache after = prepare_clips(options_);
  EXPECT_EQ(before.videos[0].pixels->height(), 32);
  EXPECT_EQ(after.videos[0].pixels->height(), 16);
  options_.size = 32;
  EXPECT_EQ(prepare_clips(options_).videos[0].pixels->height(), 32);
}

TEST_F(ClipCacheTest, DamagedFilesAreMadeAgain) {
  const fs::path path = add("a.mp4");
  prepare_clips(options_);
  const fs::path file = cache_files().at(0);
  const std::string good = test::read_bytes(file);
  std::string other_magic = good;
  other_magic[0] = 'X';
  std::string bad_header = good;
  bad_header[20] = '\1';
  for (const std::string& bad : {other_magic, bad_header, good.substr(0, good.size() - 1),
                                 good + "x", good.substr(0, 100), std::string()}) {
    test::write_bytes(file, bad);
    const ClipCache cache = prepare_clips(options_);
    expect_holds(*cache.videos[0].pixels, decode_directly(path, 32, 43, true, 32));
    EXPECT_TRUE(test::read_bytes(file) == good);
  }
}

TEST_F(ClipCacheTest, SkipsBadVideosByNameEachTime) {
  add("good.mp4");
  add("short.mp4", 3);
  add("small.mp4", 8, 30, 30);
  test::truncate_copy(test::sample_video("Megamind.avi"), folder_ / "in" / "cut.avi", 0.1);
  test::write_bytes(folder_ / "in" / "text.mp4", "text");
  for (int run = 0; run < 2; ++run) {
    ::testing::internal::CaptureStderr();
    const ClipCache cache = prepare_clips(options_);
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(cache.videos.size(), 2u);
    EXPECT_THAT(said, AllOf(HasSubstr("cut.avi: damaged: promises 270 frames"),
                            HasSubstr("short.mp4: too short"), HasSubstr("small.mp4: too small"),
                            HasSubstr("text.mp4: is not a video"), Not(HasSubstr("good.mp4: "))));
  }
}

TEST_F(ClipCacheTest, RemembersDamage) {
  options_.sources[0].path = (folder_ / "in" / "cut.avi").string();
  test::truncate_copy(test::sample_video("Megamind.avi"), folder_ / "in" / "cut.avi", 0.1);
  for (int run = 0; run < 2; ++run) {
    ::testing::internal::CaptureStderr();
    prepare_clips(options_);
    EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("cut.avi: damaged"));
  }
  EXPECT_FALSE(is_rebuilt());
  options_.on_error = OnError::kStop;
  EXPECT_THAT(prepare_error(), HasSubstr("cut.avi: damaged"));
  EXPECT_EQ(cache_files().size(), 1u);
  add("cut.avi.mp4");
  fs::rename(folder_ / "in" / "cut.avi.mp4", folder_ / "in" / "cut.avi");
  EXPECT_EQ(prepare_clips(options_).videos.size(), 1u);
}

TEST_F(ClipCacheTest, StopsAtABadVideo) {
  add("good.mp4");
  test::write_bytes(folder_ / "in" / "text.mp4", "text");
  options_.on_error = OnError::kStop;
  EXPECT_THAT(prepare_error(), HasSubstr("text.mp4: is not a video"));
  fs::remove(folder_ / "in" / "text.mp4");
  add("short.mp4", 3);
  for (int run = 0; run < 2; ++run) EXPECT_THAT(prepare_error(), HasSubstr("short.mp4: too short"));
  fs::remove(folder_ / "in" / "short.mp4");
  EXPECT_EQ(prepare_clips(options_).videos.size(), 1u);
}

TEST_F(ClipCacheTest, NothingUsableIsAnErrorThatNamesTheFiles) {
  for (int i = 0; i < 5; ++i) {
    test::write_bytes(folder_ / "in" / (std::to_string(i) + ".mp4"), "text");
  }
  ::testing::internal::CaptureStderr();
  EXPECT_THAT(prepare_error(), AllOf(HasSubstr("no usable video"), HasSubstr("0.mp4: "),
                                     HasSubstr("2.mp4: "), HasSubstr("2 more")));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), Not(HasSubstr("skipped")));
}

TEST_F(ClipCacheTest, SeveralFilesKeepTheirOrder) {
  for (int i = 0; i < 6; ++i) add(std::to_string(i) + ".mp4", 6 + i);
  const ClipCache cache = prepare_clips(options_);
  ASSERT_EQ(cache.videos.size(), 6u);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(cache.videos[static_cast<size_t>(i)].pixels->frames(), 6 + i);
}

/// While it lives only so many files stay open.
class FewOpen {
 public:
  explicit FewOpen(int64_t count) : before_(CacheBytes::most_open().exchange(count)) {}
  ~FewOpen() { CacheBytes::most_open() = before_; }

 private:
  const int64_t before_;
};

TEST_F(ClipCacheTest, FilesBeyondThoseThatStayOpenAreOpenedEachTime) {
  const FewOpen few(1);
  options_.crop = Crop::kRandom;
  for (const char* name : {"a.mp4", "b.mp4", "c.mp4"}) add(name);
  for (int run = 0; run < 2; ++run) {
    const ClipCache cache = prepare_clips(options_);
    for (const CachedVideo& video : cache.videos) {
      expect_holds(*video.pixels, decode_directly(video.entry.path, 32, 43, false, 32));
    }
  }
  std::vector<uint8_t> one(4 * 32 * 32 * 3), other(one.size());
  options_.frame_stride = 2;
  const ClipCache cache = prepare_clips(options_);
  const ClipDataset opening(options_, cache, Split::kTrain);
  CacheBytes::most_open() = 100;
  const ClipCache all = prepare_clips(options_);
  const ClipDataset open(options_, all, Split::kTrain);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(opening.clip(7, i, one.data()), open.clip(7, i, other.data()));
    EXPECT_EQ(one, other);
  }
}

TEST_F(ClipCacheTest, AFileThatTookTheOthersPlaceIsNotRead) {
  const FewOpen none(0);
  add("a.mp4");
  const ClipCache cache = prepare_clips(options_);
  const fs::path file = cache_files().at(0);
  fs::copy_file(file, folder_ / "copy");
  fs::rename(folder_ / "copy", file);
  std::vector<uint8_t> buffer(32 * 32 * 3);
  EXPECT_THAT(test::error_of([&] { cache.videos[0].pixels->read(0, 1, 1, buffer.data()); }),
              HasSubstr(file.string() + ": another file has taken its place"));
  fs::remove(file);
  EXPECT_THAT(test::error_of([&] { cache.videos[0].pixels->read(0, 1, 1, buffer.data()); }),
              HasSubstr(file.string() + ": no such file"));
}

TEST_F(ClipCacheTest, AFileNamedTwiceIsDecodedOnce) {
  options_.sources.push_back({add("a.mp4").string(), 2});
  EXPECT_EQ(prepare_clips(options_).videos.size(), 2u);
  EXPECT_EQ(cache_files().size(), 1u);
}

TEST_F(ClipCacheTest, FullDiskLeavesNothingBehind) {
  add("a.mp4");
  add("b.mp4", 100);
  {
    const test::FullDisk full(100000);
    EXPECT_THAT(prepare_error(), HasSubstr("cache"));
  }
  for (const fs::path& file : cache_files()) EXPECT_EQ(file.extension(), ".clips");
  EXPECT_LE(cache_files().size(), 1u);
  EXPECT_EQ(prepare_clips(options_).videos.size(), 2u);
}

TEST_F(ClipCacheTest, FolderThatCannotBeMadeIsAnError) {
  add("a.mp4");
  options_.cache_dir = (folder_ / "in" / "a.mp4" / "cache").string();
  EXPECT_THAT(prepare_error(), HasSubstr("a.mp4/cache"));
}

}  // namespace
}  // namespace vidgen::data
