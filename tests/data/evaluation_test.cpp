#include "vidgen/data/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "data/clips.h"
#include "support/error.h"

namespace vidgen::data {
namespace {

using ::testing::HasSubstr;

class EvaluationTest : public ::testing::Test {
 protected:
  EvaluationTest() {
    options_.size = 16;
    options_.frames = 4;
    options_.sources = {{"a", 1}, {"b", 1}};
  }
  void add(size_t source, uint8_t mark, int64_t frames, int64_t width = 16) {
    cache_.videos.push_back(test::marked_video(folder_, core::cat("v", static_cast<int>(mark)),
                                               source, mark, frames, 16, width, options_.span()));
  }
  ClipDataset dataset() const { return ClipDataset(options_, cache_, Split::kTrain); }
  /// The mark of a clip's first frame.
  static std::vector<int> marks(const torch::Tensor& clips) {
    const auto first = clips.flatten(1).select(1, 0).to(torch::kInt).contiguous();
    return {first.data_ptr<int>(), first.data_ptr<int>() + first.numel()};
  }

  test::TemporaryFolder folder_;
  DataOptions options_;
  ClipCache cache_;
};

TEST_F(EvaluationTest, SeparateClipsShareNoFrame) {
  options_.frame_stride = 2;  // a clip spans 7 frames
  add(0, 0, 22);
  add(1, 100, 7);
  const auto data = dataset();
  const auto places = data.separate_clips(1);
  EXPECT_THAT(marks(read_clips(data, places)), ::testing::UnorderedElementsAre(0, 7, 14, 100));
}

TEST_F(EvaluationTest, OrderIsRandomAndAFunctionOfTheSeed) {
  add(0, 0, 200);
  const auto data = dataset();
  const auto once = marks(read_clips(data, data.separate_clips(1)));
  EXPECT_EQ(once.size(), 50u);
  EXPECT_FALSE(std::is_sorted(once.begin(), once.end()));
  EXPECT_EQ(marks(read_clips(data, data.separate_clips(1))), once);
  EXPECT_NE(marks(read_clips(data, data.separate_clips(2))), once);
}

TEST_F(EvaluationTest, FirstClipsAreDrawnByWeight) {
  options_.sources = {{"a", 1}, {"b", 3}};
  add(0, 0, 100);   // 25 clips
  add(1, 200, 20);  // 5 clips
  const auto data = dataset();
  int second = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) second += data.separate_clips(seed)[0].source == 1;
  // The rates are the weights over all starts, 97 and 17, for 25 and 5 clips.
  const double a = 25. / 97, b = 3 * 5. / 17;
  EXPECT_NEAR(second / 2000., b / (a + b), 0.03);
}

TEST_F(EvaluationTest, FileOfTwoSourcesIsTakenOnce) {
  add(0, 0, 12);
  cache_.videos.push_back(cache_.videos[0]);
  cache_.videos[1].entry.source = 1;
  EXPECT_EQ(dataset().separate_clips(0).size(), 3u);
}

TEST_F(EvaluationTest, SetsAreDisjoint) {
  add(0, 0, 120);  // 30 clips
  const auto data = dataset();
  EvaluationOptions options;
  options.count = 8;
  options.training_count = 100;
  const auto clips = draw_evaluation_clips(data, nullptr, options);
  EXPECT_EQ(clips.available, 30);
  EXPECT_EQ(clips.real.sizes(), (std::vector<int64_t>{8, 4, 16, 16, 3}));
  EXPECT_EQ(clips.training.size(0), 14);
  std::set<int> all;
  for (const auto& set : {clips.real, clips.other_real, clips.training}) {
    for (const int mark : marks(set)) EXPECT_TRUE(all.insert(mark).second) << mark;
  }
  // Too few: the number shrinks.
  options.count = 256;
  EXPECT_EQ(draw_evaluation_clips(data, nullptr, options).real.size(0), 10);
  options.training_count = 0;
  const auto halves = draw_evaluation_clips(data, nullptr, options);
  EXPECT_EQ(halves.real.size(0), 15);
  EXPECT_EQ(halves.training.size(0), 0);
}

TEST_F(EvaluationTest, TrainingClipsOfTheirOwn) {
  add(0, 0, 40);
  ClipCache other;
  std::swap(other, cache_);
  add(0, 200, 20);
  const ClipDataset training(options_, other, Split::kTrain);
  const auto clips = draw_evaluation_clips(dataset(), &training, {3, 6, 0});
  EXPECT_EQ(clips.available, 5);
  EXPECT_EQ(clips.real.size(0), 2);
  EXPECT_EQ(clips.training.size(0), 6);
  for (const int mark : marks(clips.training)) EXPECT_LT(mark, 40);
  for (const int mark : marks(clips.other_real)) EXPECT_GE(mark, 200);
}

/// Videos of two classes: with marks below 100, and from 100 on.
class ClassEvaluationTest : public EvaluationTest {
 protected:
  ClassEvaluationTest() { cache_.class_names = {"few", "many"}; }
  void add_class(int64_t label, uint8_t mark, int64_t frames) {
    add(0, mark, frames);
    cache_.videos.back().entry.label = label;
  }
  static int64_t of_few(const torch::Tensor& clips) {
    const auto all = marks(clips);
    return std::count_if(all.begin(), all.end(), [](int mark) { return mark < 100; });
  }
};

TEST_F(ClassEvaluationTest, SetsHaveTheClassesInTurn) {
  add_class(0, 0, 32);     // 8 clips
  add_class(1, 100, 120);  // 30 clips
  const auto data = dataset();
  EvaluationOptions options;
  options.count = 8;
  options.training_count = 0;
  const auto even = draw_evaluation_clips(data, nullptr, options);
  EXPECT_EQ(even.available, 38);
  EXPECT_EQ(of_few(even.real), 4);
  EXPECT_EQ(of_few(even.other_real), 4);
  const std::vector<std::string> in_turn{"few", "many", "few", "many",
                                         "few", "many", "few", "many"};
  EXPECT_EQ(even.classes, in_turn);
  EXPECT_EQ(even.other_classes, in_turn);
  // As far as there are clips; no set becomes smaller for it.
  options.count = 100;
  const auto all = draw_evaluation_clips(data, nullptr, options);
  EXPECT_EQ(all.real.size(0), 19);
  EXPECT_EQ(all.other_real.size(0), 19);
  EXPECT_EQ(of_few(all.real), 4);
  EXPECT_EQ(of_few(all.other_real), 4);
  EXPECT_EQ(std::count(all.classes.begin(), all.classes.end(), "few"), 4);
  // A class for each clip as it is.
  const auto found = marks(all.real);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(all.classes[i], found[i] < 100 ? "few" : "many") << i;
  }
}

TEST_F(ClassEvaluationTest, NoTwoClipsAreTheSameWhateverTheNumbers) {
  add_class(0, 0, 13);    // 3 clips
  add_class(1, 100, 20);  // 5 clips
  const auto data = dataset();
  EvaluationOptions options;
  for (const int64_t training_count : {0, 100}) {
    options.training_count = training_count;
    const auto clips = draw_evaluation_clips(data, nullptr, options);
    EXPECT_EQ(clips.real.size(0), training_count == 0 ? 4 : 2);
    EXPECT_EQ(clips.other_real.size(0), clips.real.size(0));
    EXPECT_EQ(clips.training.size(0), training_count == 0 ? 0 : 4);
    std::set<int> all;
    for (const auto& set : {clips.real, clips.other_real, clips.training}) {
      for (const int mark : marks(set)) EXPECT_TRUE(all.insert(mark).second) << mark;
    }
  }
}

TEST_F(ClassEvaluationTest, OnlyOfTheClassesAskedFor) {
  add_class(0, 0, 32);
  add_class(1, 100, 120);
  EvaluationOptions options;
  options.training_count = 0;
  options.classes = {"few"};
  const auto clips = draw_evaluation_clips(dataset(), nullptr, options);
  EXPECT_EQ(clips.available, 8);
  EXPECT_EQ(of_few(clips.real), 4);
  EXPECT_EQ(clips.classes, std::vector<std::string>(4, "few"));
}

TEST_F(ClassEvaluationTest, ShownClipsAreOfTheClassesInTurn) {
  add_class(0, 0, 32);
  add_class(1, 100, 120);
  const auto shown = marks(draw_clips(dataset(), 6, 1));
  ASSERT_EQ(shown.size(), 6u);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(shown[i] < 100, i % 2 == 0) << i;
  EXPECT_EQ(draw_clips(dataset(), 100, 1).size(0), 38);
  cache_.class_names.clear();
  EXPECT_EQ(draw_clips(dataset(), 6, 1).size(0), 6);
}

TEST_F(EvaluationTest, GreyIsRepeated) {
  options_.color = Color::kGray;
  const auto path = folder_ / "grey.clips";
  CacheFileWriter writer(path);
  for (int t = 0; t < 4; ++t) {
    writer.append({16, 16, 1, std::vector<uint8_t>(256, static_cast<uint8_t>(t))});
  }
  VideoReport report;
  report.frames = 4;
  report.clips = 1;
  writer.commit("key", report);
  cache_.videos.push_back({{path, "grey", 0, 1}, report, CacheFile::open(path, "key")});
  const auto data = dataset();
  const auto clips = read_clips(data, data.separate_clips(0));
  EXPECT_EQ(clips.sizes(), (std::vector<int64_t>{1, 4, 16, 16, 3}));
  EXPECT_EQ(clips[0][2][7][3][2].item<int>(), 2);
}

TEST_F(EvaluationTest, TooFewClipsAreAnError) {
  add(0, 0, 23);  // 5 clips
  const auto data = dataset();
  EXPECT_THAT(test::error_of([&] { draw_evaluation_clips(data, nullptr, {}); }),
              HasSubstr("5 of 4 frames that share none, expected at least 6"));
}

}  // namespace
}  // namespace vidgen::data
