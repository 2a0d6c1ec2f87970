#include "vidgen/data/loader.h"

#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include <memory>

#include "data/clips.h"

namespace vidgen::data {
namespace {

class ClipLoaderTest : public ::testing::Test {
 protected:
  ClipLoaderTest() {
    options_.size = 16;
    options_.frames = 3;
    options_.horizontal_flip = true;
    options_.sources = {{"a", 1}, {"b", 2}};
    ClipCache cache;
    cache.videos = {test::marked_video(folder_, "a", 0, 0, 50, 20, 24, 3),
                    test::marked_video(folder_, "b", 1, 100, 30, 16, 20, 3)};
    dataset_ = std::make_shared<ClipDataset>(options_, cache, Split::kTrain);
  }

  std::vector<Batch> batches(int64_t workers, int64_t first, int64_t count) const {
    ClipLoader loader(dataset_, {4, 9, workers, first, false});
    std::vector<Batch> result;
    for (int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(loader.position(), first + i);
      result.push_back(loader.next());
    }
    return result;
  }

  test::TemporaryFolder folder_;
  DataOptions options_;
  std::shared_ptr<const ClipDataset> dataset_;
};

TEST_F(ClipLoaderTest, BatchesHaveTheirShape) {
  const Batch whole = batches(1, 0, 1)[0];
  const torch::Tensor& batch = whole.clips;
  EXPECT_EQ(whole.mirror.sizes(), (std::vector<int64_t>{4}));
  EXPECT_EQ(whole.mirror.dtype(), torch::kUInt8);
  EXPECT_EQ(batch.sizes(), (std::vector<int64_t>{4, 3, 16, 16, 3}));
  EXPECT_EQ(batch.dtype(), torch::kUInt8);
  EXPECT_TRUE(batch.device().is_cpu());
}

TEST_F(ClipLoaderTest, ABatchHoldsTheClipsOfItsNumber) {
  const Batch batch = batches(0, 5, 1)[0];
  for (int64_t i = 0; i < 4; ++i) {
    torch::Tensor clip = torch::empty({3, 16, 16, 3}, torch::kUInt8);
    const bool mirror = dataset_->clip(9, 5 * 4 + i, clip.data_ptr<uint8_t>());
    EXPECT_TRUE(torch::equal(batch.clips[i], clip));
    EXPECT_EQ(batch.mirror[i].item<uint8_t>(), mirror);
  }
}

bool equal(const Batch& a, const Batch& b) {
  return torch::equal(a.clips, b.clips) && torch::equal(a.mirror, b.mirror);
}

TEST_F(ClipLoaderTest, WorkersChangeNothing) {
  const std::vector<Batch> expected = batches(0, 0, 20);
  for (const int64_t workers : {1, 3, 8}) {
    const std::vector<Batch> found = batches(workers, 0, 20);
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(equal(found[i], expected[i]));
  }
}

TEST_F(ClipLoaderTest, LabelsAreThoseOfTheClips) {
  EXPECT_TRUE(batches(0, 0, 1)[0].condition.empty());
  ClipCache cache;
  cache.videos = {test::marked_video(folder_, "c", 0, 0, 50, 16, 16, 3),
                  test::marked_video(folder_, "d", 1, 100, 30, 16, 16, 3)};
  cache.videos[1].entry.label = 1;
  cache.class_names = {"cats", "dogs"};
  dataset_ = std::make_shared<ClipDataset>(options_, cache, Split::kTrain);
  for (const int64_t workers : {0, 3}) {
    std::vector<torch::Tensor> labels;
    for (const Batch& batch : batches(workers, 5, 5)) {
      const auto marks = batch.clips.flatten(1).select(1, 0).ge(100).to(torch::kLong);
      EXPECT_TRUE(torch::equal(batch.condition.labels, marks));
      labels.push_back(batch.condition.labels);
    }
    const auto dogs = torch::cat(labels).sum().item<int64_t>();
    EXPECT_TRUE(dogs > 0 && dogs < 20) << dogs;
  }
}

TEST_F(ClipLoaderTest, GoesOnWhereItIsTold) {
  const std::vector<Batch> straight = batches(0, 0, 12);
  for (const int64_t workers : {0, 1, 3}) {
    const std::vector<Batch> resumed = batches(workers, 7, 5);
    for (size_t i = 0; i < resumed.size(); ++i) EXPECT_TRUE(equal(resumed[i], straight[7 + i]));
  }
}

TEST_F(ClipLoaderTest, ErrorsOfWorkersSurface) {
  if (torch::cuda::is_available()) GTEST_SKIP() << "page-locked memory is there to be had";
  for (const int64_t workers : {0, 1, 3}) {
    ClipLoader loader(dataset_, {4, 9, workers, 0, true});
    EXPECT_ANY_THROW(loader.next());
    EXPECT_ANY_THROW(loader.next());
    EXPECT_EQ(loader.position(), 0);
  }
}

TEST_F(ClipLoaderTest, EndsWhileWorkersWait) {
  for (int i = 0; i < 50; ++i) {
    ClipLoader loader(dataset_, {4, 9, 3, 0, false});
    for (int k = 0; k < i % 5; ++k) loader.next();
  }
}

TEST_F(ClipLoaderTest, ImpossibleOptionsThrow) {
  EXPECT_THROW(ClipLoader(dataset_, {0, 9, 1, 0, false}), c10::Error);
  EXPECT_THROW(ClipLoader(dataset_, {4, 9, -1, 0, false}), c10::Error);
}

}  // namespace
}  // namespace vidgen::data
