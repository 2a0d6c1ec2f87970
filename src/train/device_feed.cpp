#include "vidgen/train/device_feed.h"

#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

namespace vidgen::train {

data::ClipLoaderOptions loader_options(const RunOptions& options, torch::Device device,
                                       int64_t step) {
  data::ClipLoaderOptions loading;
  loading.batch_size = options.train.batch_size;
  loading.seed = static_cast<uint64_t>(options.train.seed);
  loading.workers = options.data.workers;
  loading.first_batch = step * options.train.accumulate;
  loading.pin_memory = device.is_cuda();
  return loading;
}

DeviceFeed::DeviceFeed(NextBatch next, torch::Device device)
    : next_(std::move(next)), device_(device) {
  if (!device.is_cuda()) return;
  stream_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
  copied_.emplace(device.type());
}

data::Batch DeviceFeed::next() {
  if (!stream_) return next_();
  prefetch();
  if (error_) std::rethrow_exception(error_);
  const auto current = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
  copied_->block(current);
  data::Batch batch = *std::exchange(ahead_, std::nullopt);
  // The memory is the copying stream's, which must not use it again before the step has read it.
  batch.clips.record_stream(current);
  if (batch.mirror.defined()) batch.mirror.record_stream(current);
  batch.condition.for_each(
      [&current](const char*, const torch::Tensor& part) { part.record_stream(current); });
  return batch;
}

void DeviceFeed::prefetch() {
  if (!stream_ || ahead_ || error_) return;
  try {
    const auto batch = next_();
    const c10::StreamGuard guard(*stream_);
    const auto copy = [this](const torch::Tensor& tensor) {
      return tensor.defined() ? tensor.to(device_, /*non_blocking=*/true) : tensor;
    };
    ahead_.emplace(copy(batch.clips), copy(batch.mirror),
                   batch.condition.to(device_, /*non_blocking=*/true));
    copied_->record(*stream_);
  } catch (...) {
    error_ = std::current_exception();
  }
}

}  // namespace vidgen::train
