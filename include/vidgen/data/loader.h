#pragma once

#include <torch/types.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "vidgen/core/queue.h"
#include "vidgen/data/dataset.h"
#include "vidgen/models/condition.h"

namespace vidgen::data {

struct ClipLoaderOptions {
  /// Clips per batch.
  int64_t batch_size = 8;
  /// Of the run; the loader derives its own from it.
  uint64_t seed = 0;
  /// Threads that assemble batches ahead; 0 assembles on the caller's. Each holds up to two batches
  /// in memory.
  int64_t workers = 1;
  /// Where to begin: the position() of the run that is resumed.
  int64_t first_batch = 0;
  /// Puts batches in page-locked memory, from which copies to a CUDA device do not wait.
  bool pin_memory = false;
};

/// Clips as they lie in the videos, and what is left to do with them.
struct Batch {
  // Not explicit: clips that nothing is to be done with are a batch.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Batch(torch::Tensor clips = {}, torch::Tensor mirror = {}, models::Condition condition = {})
      : clips(std::move(clips)), mirror(std::move(mirror)), condition(std::move(condition)) {}
  /// uint8 [batch_size, frames, size, size, channels].
  torch::Tensor clips;
  /// uint8 [batch_size], 1 where a clip is to be mirrored left to right; undefined where none is.
  torch::Tensor mirror;
  /// What a generated clip would be asked to be, to be such a one; empty where clips have no
  /// classes.
  models::Condition condition;
};

/// An endless stream of batches. Batch k holds the clips k * batch_size ... (k + 1) * batch_size -
/// 1 of the data set, so it is a function of seed and k, whatever the number of workers.
class ClipLoader {
 public:
  ClipLoader(std::shared_ptr<const ClipDataset> dataset, const ClipLoaderOptions& options);
  ~ClipLoader();
  ClipLoader(const ClipLoader&) = delete;
  ClipLoader& operator=(const ClipLoader&) = delete;

  /// The next batch, on the CPU. Throws what went wrong in a worker, again at each call.
  Batch next();
  /// The batch that next() gives next.
  int64_t position() const { return position_; }

 private:
  struct Item {
    Batch batch;
    std::exception_ptr error;
  };
  Batch make_batch(int64_t index) const;
  models::Condition condition_of(int64_t index) const;
  void work(int64_t worker);
  /// Ends the workers.
  void stop();

  const std::shared_ptr<const ClipDataset> dataset_;
  const ClipLoaderOptions options_;
  int64_t position_;
  std::exception_ptr error_;
  /// Worker w makes every workers-th batch, so taking the queues in turn gives the batches in
  /// order.
  std::vector<std::unique_ptr<core::BoundedQueue<Item>>> queues_;
  std::vector<std::thread> threads_;
};

}  // namespace vidgen::data
