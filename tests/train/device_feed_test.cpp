#include "vidgen/train/device_feed.h"

#include <gtest/gtest.h>
#include <torch/cuda.h>

namespace vidgen::train {
namespace {

/// Batch number `index`; every third has nothing to mirror.
data::Batch numbered(int64_t index, torch::Device device) {
  const auto options = torch::TensorOptions().dtype(torch::kU8).pinned_memory(device.is_cuda());
  data::Batch batch = torch::empty({2, 3, 16, 16, 3}, options).fill_(index);
  if (index % 3 != 0) batch.mirror = torch::empty({2}, options).fill_(index % 2);
  batch.condition.labels = torch::empty({2}, options.dtype(torch::kLong)).fill_(index);
  return batch;
}

/// Two feeds of the same batches, one told to fetch ahead and one not, give them in order.
void expect_batches_in_order(torch::Device device, int64_t count) {
  int64_t read = 0, read_late = 0;
  DeviceFeed feed([&] { return numbered(read++, device); }, device);
  DeviceFeed late([&] { return numbered(read_late++, device); }, device);
  for (int64_t i = 0; i < count; ++i) {
    for (auto* each : {&feed, &late}) {
      const auto batch = each->next();
      EXPECT_EQ(batch.clips.device(), device);
      EXPECT_TRUE(batch.clips.eq(i).all().item<bool>()) << i;
      EXPECT_EQ(batch.condition.labels.device(), device);
      EXPECT_TRUE(batch.condition.labels.eq(i).all().item<bool>()) << i;
      ASSERT_EQ(batch.mirror.defined(), i % 3 != 0);
      if (i % 3 == 0) continue;
      EXPECT_TRUE(batch.mirror.eq(i % 2).all().item<bool>());
    }
    feed.prefetch();
    feed.prefetch();
    EXPECT_EQ(read, device.is_cuda() ? i + 2 : i + 1);
    EXPECT_EQ(read_late, i + 1);
  }
}

TEST(DeviceFeedTest, OnTheCpuBatchesPassThrough) {
  expect_batches_in_order(torch::kCPU, 10);
  const data::Batch batch = numbered(1, torch::kCPU);
  DeviceFeed feed([&] { return batch; }, torch::kCPU);
  EXPECT_TRUE(feed.next().clips.is_same(batch.clips));
}

void expect_error_at_next(torch::Device device) {
  int64_t read = 0;
  const auto failing = [&]() -> data::Batch {
    if (read == 1) throw std::runtime_error("no more");
    return numbered(read++, device);
  };
  DeviceFeed feed(failing, device);
  EXPECT_NO_THROW(feed.next());
  EXPECT_NO_THROW(feed.prefetch());
  EXPECT_THROW(feed.next(), std::runtime_error);
  EXPECT_THROW(feed.next(), std::runtime_error);
}

TEST(DeviceFeedTest, AnErrorWaitsForTheBatchThatItBelongsTo) { expect_error_at_next(torch::kCPU); }

TEST(DeviceFeedTest, LoaderContinuesAtTheStepsFirstBatch) {
  RunOptions options;
  options.train.batch_size = 6;
  options.train.accumulate = 4;
  options.train.seed = 11;
  options.data.workers = 3;
  const auto loading = loader_options(options, torch::kCPU, 5);
  EXPECT_EQ(loading.batch_size, 6);
  EXPECT_EQ(loading.seed, 11u);
  EXPECT_EQ(loading.workers, 3);
  EXPECT_EQ(loading.first_batch, 20);
  EXPECT_FALSE(loading.pin_memory);
  EXPECT_TRUE(loader_options(options, torch::Device(torch::kCUDA, 0)).pin_memory);
}

TEST(DeviceFeedTest, BatchesReachTheDeviceInOrder_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  expect_batches_in_order(torch::Device(torch::kCUDA, 0), 100);
  expect_error_at_next(torch::Device(torch::kCUDA, 0));
}

TEST(DeviceFeedTest, ABatchInUseIsNotOverwritten_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  const torch::Device device(torch::kCUDA, 0);
  int64_t read = 0;
  const auto large = [&]() -> data::Batch {
    return torch::empty({8, 16, 64, 64, 3}, torch::TensorOptions(torch::kU8).pinned_memory(true))
        .fill_(read++);
  };
  DeviceFeed feed(large, device);
  const auto busy = torch::randn({4096, 4096}, device);
  std::vector<torch::Tensor> sums;
  for (int64_t i = 0; i < 20; ++i) {
    const auto batch = feed.next();
    // The device is still multiplying when the host has long fetched the batches that follow.
    for (int k = 0; k < 4; ++k) busy.mm(busy);
    sums.push_back(batch.clips.to(torch::kLong).sum());
    feed.prefetch();
  }
  for (int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(sums[static_cast<size_t>(i)].item<int64_t>(), i * 8 * 16 * 64 * 64 * 3) << i;
  }
}

}  // namespace
}  // namespace vidgen::train
