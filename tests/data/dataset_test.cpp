#include "vidgen/data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "data/clips.h"
#include "support/error.h"

namespace vidgen::data {
namespace {

using ::testing::HasSubstr;

class ClipDatasetTest : public ::testing::Test {
 protected:
  ClipDatasetTest() {
    options_.size = 16;
    options_.frames = 4;
    options_.sources = {{"a", 1}, {"b", 3}};
  }

  void add(size_t source, uint8_t mark, int64_t frames, int64_t height = 16, int64_t width = 16) {
    cache_.videos.push_back(test::marked_video(folder_, core::cat("v", cache_.videos.size()),
                                               source, mark, frames, height, width,
                                               options_.span()));
  }
  std::vector<uint8_t> clip(const ClipDataset& dataset, int64_t index, uint64_t seed = 7) const {
    std::vector<uint8_t> out(static_cast<size_t>(dataset.clip_bytes()));
    dataset.clip(seed, index, out.data());
    return out;
  }

  test::TemporaryFolder folder_;
  DataOptions options_;
  ClipCache cache_;
};

TEST_F(ClipDatasetTest, ClipIsAFunctionOfSeedAndIndex) {
  add(0, 0, 100, 20, 24);
  options_.horizontal_flip = true;
  const ClipDataset one(options_, cache_, Split::kTrain), two(options_, cache_, Split::kTrain);
  std::set<std::vector<uint8_t>> different;
  for (int64_t i = 0; i < 50; ++i) {
    EXPECT_EQ(clip(one, i), clip(two, i));
    different.insert(clip(one, i));
  }
  EXPECT_GT(different.size(), 45u);
  EXPECT_EQ(clip(one, 3), clip(one, 3));
  EXPECT_NE(clip(one, 3, 7), clip(one, 3, 8));
}

TEST_F(ClipDatasetTest, FramesFollowEachOtherByTheStride) {
  options_.frame_stride = 3;
  add(0, 0, 30);
  const ClipDataset dataset(options_, cache_, Split::kTrain);
  EXPECT_EQ(dataset.clip_count(), 21);
  const int64_t frame_bytes = dataset.clip_bytes() / 4;
  for (int64_t i = 0; i < 20; ++i) {
    const std::vector<uint8_t> pixels = clip(dataset, i);
    for (int64_t t = 0; t < 4; ++t) EXPECT_EQ(pixels[t * frame_bytes], pixels[0] + 3 * t);
    EXPECT_LE(pixels[0], 20);
  }
}

TEST_F(ClipDatasetTest, EveryStartIsEquallyLikely) {
  add(0, 0, 8);    // 5 starts: 0 ... 4
  add(0, 100, 5);  // 2 starts: 100, 101
  const ClipDataset dataset(options_, cache_, Split::kTrain);
  std::map<int, int> starts;
  constexpr int kDraws = 7000;
  for (int64_t i = 0; i < kDraws; ++i) ++starts[clip(dataset, i)[0]];
  ASSERT_EQ(starts.size(), 7u);
  for (const auto& [start, count] : starts) EXPECT_NEAR(count, kDraws / 7, 130) << start;
}

TEST_F(ClipDatasetTest, SourcesAreDrawnByWeight) {
  add(0, 0, 100);
  add(1, 200, 10);
  const ClipDataset dataset(options_, cache_, Split::kTrain);
  constexpr int kDraws = 4000;
  int second = 0;
  for (int64_t i = 0; i < kDraws; ++i) second += clip(dataset, i)[0] >= 200;
  EXPECT_NEAR(second, kDraws * 3 / 4, 110);
}

TEST_F(ClipDatasetTest, WeightZeroIsNeverDrawn) {
  options_.sources[1].weight = 0;
  add(0, 0, 10);
  add(1, 200, 10);
  const ClipDataset dataset(options_, cache_, Split::kTrain);
  EXPECT_EQ(dataset.clip_count(), 7);
  for (int64_t i = 0; i < 200; ++i) EXPECT_LT(clip(dataset, i)[0], 200);
}

TEST_F(ClipDatasetTest, RandomCropsCoverTheFrameAndStayInside) {
  add(0, 0, 4, 20, 18);
  const ClipDataset dataset(options_, cache_, Split::kTrain);
  std::set<int> tops, lefts;
  for (int64_t i = 0; i < 200; ++i) {
    const std::vector<uint8_t> pixels = clip(dataset, i);
    tops.insert(pixels[1]);
    lefts.insert(pixels[2]);
    for (int64_t p = 0; p < 4 * 16 * 16; ++p) {
      ASSERT_EQ(pixels[p * 3 + 1], pixels[1] + p / 16 % 16);
      ASSERT_EQ(pixels[p * 3 + 2], pixels[2] + p % 16);
    }
  }
  EXPECT_EQ(tops, (std::set<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(lefts, (std::set<int>{0, 1, 2}));
}

TEST_F(ClipDatasetTest, HalfOfTheClipsAreToBeMirrored) {
  add(0, 0, 20);
  const ClipDataset plain(options_, cache_, Split::kTrain);
  EXPECT_FALSE(plain.mirrors());
  options_.horizontal_flip = true;
  const ClipDataset dataset(options_, cache_, Split::kTrain);
  int mirrored = 0;
  for (int64_t i = 0; i < 400; ++i) {
    std::vector<uint8_t> pixels(static_cast<size_t>(dataset.clip_bytes()));
    mirrored += dataset.clip(7, i, pixels.data());
    EXPECT_EQ(pixels, clip(plain, i)) << "the clip itself is the same";
  }
  EXPECT_NEAR(mirrored, 200, 40);
  EXPECT_TRUE(dataset.mirrors());
  std::vector<uint8_t> pixels(static_cast<size_t>(dataset.clip_bytes()));
  for (int64_t i = 0; i < 50; ++i) EXPECT_FALSE(plain.clip(7, i, pixels.data()));
}

TEST_F(ClipDatasetTest, SplitsAreDisjoint) {
  options_.validation_split = 0.4;
  for (int i = 0; i < 10; ++i) add(0, static_cast<uint8_t>(20 * i), 8);
  const ClipDataset train(options_, cache_, Split::kTrain);
  const ClipDataset validation_split(options_, cache_, Split::kValidation);
  std::set<int> trained, held_out;
  for (int64_t i = 0; i < 500; ++i) {
    trained.insert(clip(train, i)[0] / 20);
    held_out.insert(clip(validation_split, i)[0] / 20);
  }
  EXPECT_EQ(trained.size() + held_out.size(), 10u);
  for (const int video : held_out) EXPECT_EQ(trained.count(video), 0u);
}

TEST_F(ClipDatasetTest, LabelIsThatOfTheVideoOfTheClip) {
  add(0, 0, 30);
  add(1, 100, 20);
  cache_.videos[1].entry.label = 1;
  EXPECT_FALSE(ClipDataset(options_, cache_, Split::kTrain).has_classes());
  EXPECT_TRUE(ClipDataset(options_, cache_, Split::kTrain).class_counts().empty());
  cache_.class_names = {"cats", "dogs"};
  const ClipDataset dataset(options_, cache_, Split::kTrain);
  EXPECT_TRUE(dataset.has_classes());
  EXPECT_EQ(dataset.class_counts(), (std::map<std::string, int64_t>{{"cats", 27}, {"dogs", 17}}));
  for (int64_t i = 0; i < 200; ++i) {
    EXPECT_EQ(dataset.label(7, i), clip(dataset, i)[0] >= 100 ? 1 : 0) << i;
  }
}

TEST_F(ClipDatasetTest, EveryClassHasClipsToTrainOn) {
  add(0, 0, 30);
  add(0, 100, 30);
  cache_.videos[1].entry.label = 2;
  cache_.class_names = {"cats", "cows", "dogs"};  // the videos of cows are damaged
  EXPECT_THAT(test::error_of([&] { ClipDataset(options_, cache_, Split::kTrain); }),
              HasSubstr("no clips of the class \"cows\" to train on"));
  cache_.videos[1].entry.label = 1;
  cache_.class_names.pop_back();
  EXPECT_EQ(ClipDataset(options_, cache_, Split::kTrain).clip_count(), 54);
  options_.validation_split = 0.5;
  EXPECT_THAT(test::error_of([&] { ClipDataset(options_, cache_, Split::kTrain); }),
              HasSubstr("data.validation_split 0.5"));
  EXPECT_EQ(ClipDataset(options_, cache_, Split::kValidation).clip_count(), 27);
}

TEST_F(ClipDatasetTest, NoClipsIsAnError) {
  add(0, 0, 8);
  EXPECT_THAT(test::error_of([&] { ClipDataset(options_, cache_, Split::kValidation); }),
              HasSubstr("hold out"));
  EXPECT_THAT(test::error_of([&] { ClipDataset(options_, ClipCache{}, Split::kTrain); }),
              HasSubstr("data.sources"));
}

std::vector<CachedVideo> named(const std::vector<std::string>& names) {
  std::vector<CachedVideo> videos;
  for (const std::string& name : names) {
    videos.push_back({{"/" + name, "a/" + name, 0, 1, "", 0, name}, {}, nullptr});
    videos.back().report.fingerprint = core::derive_seed(0, name);
  }
  return videos;
}

TEST(HoldoutMaskTest, AddingFilesKeepsTheSplit) {
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back(core::cat("clips/", i, ".mp4"));
  const std::vector<bool> all = validation_mask(named(names), 0.2);
  EXPECT_NEAR(std::count(all.begin(), all.end(), true), 200, 40);
  names.resize(600);
  const std::vector<bool> some = validation_mask(named(names), 0.2);
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
}

TEST(HoldoutMaskTest, DependsOnTheContentAlone) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(core::cat(i, ".mp4"));
  auto videos = named(names);
  const std::vector<bool> before = validation_mask(videos, 0.3);
  for (CachedVideo& video : videos) {
    video.entry.path = "/elsewhere" / video.entry.path;
    video.entry.inside = "b/" + video.entry.inside;
    video.entry.source = 1;
  }
  EXPECT_EQ(validation_mask(videos, 0.3), before);
  for (CachedVideo& video : videos) ++video.report.fingerprint;
  EXPECT_NE(validation_mask(videos, 0.3), before);
}

TEST(HoldoutMaskTest, CopiesAreOnTheSameSide) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(core::cat(i, ".mp4"));
  auto videos = named(names);
  for (CachedVideo copy : named(names)) {
    copy.entry.source = 1;
    copy.entry.inside = "copies/" + copy.entry.inside;
    videos.push_back(copy);
  }
  for (const double validation_split : {0.001, 0.3, 0.9}) {
    const std::vector<bool> mask = validation_mask(videos, validation_split);
    EXPECT_TRUE(std::equal(mask.begin(), mask.begin() + 100, mask.begin() + 100))
        << validation_split;
  }
  // The one that is always held out, and the one that never is, with their copies.
  const auto few = validation_mask(named({"a", "b", "a", "b", "b"}), 0.5);
  EXPECT_NE(few[0], few[1]);
  EXPECT_EQ(few, (std::vector<bool>{few[0], few[1], few[0], few[1], few[1]}));
}

TEST(HoldoutMaskTest, BothSidesHaveOneWhenTheyCan) {
  for (const double validation_split : {0.001, 0.5, 0.9}) {
    for (int i = 0; i < 20; ++i) {
      const std::vector<bool> mask =
          validation_mask(named({core::cat(i, ".mp4"), core::cat(i, ".avi")}), validation_split);
      EXPECT_NE(mask[0], mask[1]);
    }
  }
  EXPECT_EQ(validation_mask(named({"a.mp4"}), 0.9), std::vector<bool>{false});
  EXPECT_EQ(validation_mask(named({"a.mp4", "b.mp4"}), 0), (std::vector<bool>{false, false}));
  EXPECT_EQ(validation_mask(named({"a.mp4", "a.mp4"}), 0.5), (std::vector<bool>{false, false}));
}

}  // namespace
}  // namespace vidgen::data
