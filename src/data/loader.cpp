#include "vidgen/data/loader.h"

namespace vidgen::data {

ClipLoader::ClipLoader(std::shared_ptr<const ClipDataset> dataset, const ClipLoaderOptions& options)
    : dataset_(std::move(dataset)), options_(options), position_(options.first_batch) {
  TORCH_CHECK(options.batch_size > 0 && options.workers >= 0 && options.first_batch >= 0,
              "ClipLoader: batch_size ", options.batch_size, ", workers ", options.workers,
              ", first_batch ", options.first_batch);
  for (int64_t i = 0; i < options.workers; ++i) {
    queues_.push_back(std::make_unique<core::BoundedQueue<Item>>(1));
  }
  try {
    for (int64_t i = 0; i < options.workers; ++i) threads_.emplace_back(&ClipLoader::work, this, i);
  } catch (...) {
    stop();
    throw;
  }
}

ClipLoader::~ClipLoader() { stop(); }

void ClipLoader::stop() {
  for (auto& queue : queues_) queue->close();
  for (std::thread& thread : threads_) thread.join();
}

Batch ClipLoader::next() {
  if (error_) std::rethrow_exception(error_);
  if (queues_.empty()) {
    Batch batch = make_batch(position_);
    ++position_;
    return batch;
  }
  const auto turn = static_cast<size_t>(position_ - options_.first_batch) % queues_.size();
  Item item = std::move(*queues_[turn]->pop());
  if (item.error) {
    error_ = item.error;
    std::rethrow_exception(error_);
  }
  ++position_;
  return item.batch;
}

Batch ClipLoader::make_batch(int64_t index) const {
  const ClipDataset& data = *dataset_;
  const auto options =
      torch::TensorOptions().dtype(torch::kUInt8).pinned_memory(options_.pin_memory);
  Batch batch = torch::empty(
      {options_.batch_size, data.frames(), data.size(), data.size(), data.channels()}, options);
  if (data.mirrors()) batch.mirror = torch::empty({options_.batch_size}, options);
  batch.condition = condition_of(index);
  auto* out = batch.clips.data_ptr<uint8_t>();
  for (int64_t i = 0; i < options_.batch_size; ++i, out += data.clip_bytes()) {
    const int64_t clip = index * options_.batch_size + i;
    const bool mirror = data.clip(options_.seed, clip, out);
    if (data.mirrors()) batch.mirror.data_ptr<uint8_t>()[i] = mirror;
  }
  return batch;
}

models::Condition ClipLoader::condition_of(int64_t index) const {
  models::Condition condition;
  if (!dataset_->has_classes()) return condition;
  condition.labels = torch::empty({options_.batch_size}, torch::kLong);
  for (int64_t i = 0; i < options_.batch_size; ++i) {
    condition.labels.data_ptr<int64_t>()[i] =
        dataset_->label(options_.seed, index * options_.batch_size + i);
  }
  if (!options_.pin_memory) return condition;
  return condition.map([](const torch::Tensor& part) { return part.pin_memory(); });
}

void ClipLoader::work(int64_t worker) {
  for (int64_t index = options_.first_batch + worker;; index += options_.workers) {
    Item item;
    try {
      item.batch = make_batch(index);
    } catch (...) {
      item.error = std::current_exception();
    }
    const bool failed = item.error != nullptr;
    if (!queues_[static_cast<size_t>(worker)]->push(std::move(item)) || failed) return;
  }
}

}  // namespace vidgen::data
