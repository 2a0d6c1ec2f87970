#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/clips.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/data/clip_rates.h"
#include "vidgen/data/dataset.h"
#include "vidgen/data/video_report.h"

namespace vidgen::data {
namespace {

using test::TemporaryFolder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

DataOptions small_options() {
  DataOptions options;
  options.size = 16;
  options.frames = 4;
  return options;
}

/// ffmpeg's source of a picture of one colour.
std::string plain(const std::string& color, double seconds) {
  return " -f lavfi -i color=" + color + ":s=64x48:r=10:d=" + std::to_string(seconds);
}

VideoReport inspect(const TemporaryFolder& folder, const std::string& inputs, int count,
                    const std::string& name = "a.mp4",
                    const DataOptions& options = small_options()) {
  test::ffmpeg(inputs + " -filter_complex concat=n=" + std::to_string(count) +
               " -pix_fmt yuv420p " + (folder / name).string());
  return inspect_video(folder / name, options);
}

TEST(ShotsTest, CutsAreFoundInEveryFormat) {
  const TemporaryFolder folder;
  const std::string inputs = plain("red", 1) + plain("green", 2) + plain("white", 1.5);
  for (const char* name : {"a.mp4", "a.avi", "a.webm", "a.gif"}) {
    DataOptions options = small_options();
    VideoReport report = inspect(folder, inputs, 3, name, options);
    EXPECT_THAT(report.cuts, ElementsAre(10, 30)) << name;
    EXPECT_EQ(report.clips, 7 + 17 + 12) << name;
    options.color = Color::kGray;
    options.crop = Crop::kRandom;
    options.fps = 20;
    report = inspect_video(folder / name, options);
    EXPECT_THAT(report.cuts, ElementsAre(20, 60)) << name;
    options.fps = 0;
    options.scene_cuts = SceneCuts::kIgnore;
    EXPECT_EQ(inspect_video(folder / name, options).clips, 42) << name;
  }
}

TEST(ShotsTest, MovementAndFadesAreNoCuts) {
  const TemporaryFolder folder;
  test::ffmpeg("-f lavfi -i testsrc2=s=64x48:r=10:d=3 -vf fade=out:10:10:color=white " +
               (folder / "a.mp4").string());
  EXPECT_THAT(inspect_video(folder / "a.mp4", small_options()).cuts, IsEmpty());
}

TEST(ShotsTest, ShotsThatAreTooShortAreSaid) {
  const TemporaryFolder folder;
  const VideoReport report =
      inspect(folder, plain("red", 0.3) + plain("green", 0.2) + plain("white", 0.3), 3);
  EXPECT_EQ(report.clips, 0);
  EXPECT_THAT(report.problem, HasSubstr("too short: 8 frames in 3 shots, the longest of 3"));
}

TEST(ShotsTest, BlackAndStillStretchesAreTold) {
  const TemporaryFolder folder;
  const VideoReport report = inspect(
      folder, "-f lavfi -i testsrc2=s=64x48:r=10:d=2" + plain("black", 3) + plain("blue", 1.5), 3);
  EXPECT_THAT(report.notes, Contains("black for 3.0 s in 1 stretch, the longest from 2.0 s on"));
  EXPECT_THAT(report.notes, Contains(HasSubstr("still for 4.")));
  EXPECT_THAT(report.notes, Contains(HasSubstr("frames repeat the one before")));
  test::ffmpeg("-f lavfi -i testsrc2=s=64x48:r=10:d=3 " + (folder / "moves.mp4").string());
  EXPECT_THAT(inspect_video(folder / "moves.mp4", small_options()).notes, IsEmpty());
}

TEST(ShotsTest, DamageSeparatesShotsWhateverTheCutsDo) {
  VideoReport report;
  report.frames = 100;
  report.cuts = {40};
  report.breaks = {25, 60};
  DataOptions options = small_options();
  const auto begins = [&] {
    std::vector<int64_t> result;
    for (const Shot& shot : shots_of(report, options)) result.push_back(shot.begin);
    return result;
  };
  EXPECT_THAT(begins(), ElementsAre(0, 25, 40, 60));
  options.scene_cuts = SceneCuts::kIgnore;
  EXPECT_THAT(begins(), ElementsAre(0, 25, 60));
  EXPECT_EQ(clips_in({25, 60}, options), 32);
  EXPECT_EQ(clips_in({60, 63}, options), 0);
}

TEST(ShotsTest, ClipsOfADataSetKeepWithinThem) {
  const TemporaryFolder folder;
  DataOptions options = small_options();
  options.sources = {{"anywhere", 1}};
  ClipCache cache;
  cache.videos.push_back(test::marked_video(folder, "a", 0, 0, 30, 16, 16, 4));
  cache.videos.back().report.cuts = {3, 12};
  const ClipDataset dataset(options, cache, Split::kTrain);
  EXPECT_EQ(dataset.clip_count(), 6 + 15);  // the first shot has no room for one
  std::vector<uint8_t> pixels(static_cast<size_t>(dataset.clip_bytes()));
  std::set<int> starts;
  for (int64_t i = 0; i < 300; ++i) {
    dataset.clip(7, i, pixels.data());
    starts.insert(pixels[0]);
  }
  std::set<int> expected;
  for (int start = 3; start <= 26; ++start) {
    if (start <= 8 || start >= 12) expected.insert(start);
  }
  EXPECT_EQ(starts, expected);
  for (const ClipPlace& place : dataset.separate_clips(1)) {
    EXPECT_TRUE(expected.count(static_cast<int>(place.start))) << place.start;
  }
}

TEST(ClipRatesTest, MostClipsDecide) {
  DataOptions options = small_options();
  ClipRates rates(options);
  rates.add(5, 15);
  rates.add(30, 300);
  EXPECT_EQ(rates.usual(), 30);
  EXPECT_THAT(rates.differences(),
              AllOf(HasSubstr("0.13 s (at 30.00"), HasSubstr("0.80 s (at 5.00"),
                    HasSubstr("samples play at 30.00"), HasSubstr("data.fps")));
  options.fps = 12;
  options.frame_stride = 2;
  ClipRates alike(options);
  alike.add(5, 15);
  alike.add(30, 300);
  EXPECT_EQ(alike.usual(), 6);
  EXPECT_EQ(alike.differences(), "");
}

TEST(ClipRatesTest, SourcesCountByTheirWeights) {
  const TemporaryFolder folder;
  DataOptions options = small_options();
  options.sources = {{"a", 3}, {"b", 1}};
  ClipCache cache;
  for (size_t source : {0u, 1u, 1u}) {
    cache.videos.push_back(
        test::marked_video(folder, std::to_string(cache.videos.size()), source, 0, 30, 16, 16, 4));
    cache.videos.back().entry.weight = options.sources[source].weight;
    cache.videos.back().report.fps = source == 0 ? 24 : 60;
  }
  EXPECT_EQ(ClipRates(options, cache).usual(), 24);
}

}  // namespace
}  // namespace vidgen::data
