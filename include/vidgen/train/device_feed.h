#pragma once

#include <c10/core/Event.h>
#include <c10/core/Stream.h>
#include <torch/types.h>

#include <exception>
#include <functional>
#include <optional>

#include "vidgen/data/loader.h"
#include "vidgen/train/options.h"

namespace vidgen::train {

/// How a run loads its clips, from the first batch of `step` on: into page-locked memory when they
/// go to a CUDA device.
data::ClipLoaderOptions loader_options(const RunOptions& options, torch::Device device,
                                       int64_t step = 0);

/// Brings batches to the device. On CUDA a copy runs on a stream of its own while the step before
/// computes, so two batches are there at a time; on the CPU batches pass through.
class DeviceFeed {
 public:
  /// Returns batches on the CPU, page-locked for CUDA.
  using NextBatch = std::function<data::Batch()>;
  DeviceFeed(NextBatch next, torch::Device device);

  /// The next batch, for work on the current stream. Throws what `next` threw.
  data::Batch next();
  /// Starts to copy the batch that next() gives next; call it once the step has been launched. An
  /// error waits for next().
  void prefetch();

 private:
  NextBatch next_;
  const torch::Device device_;
  /// None on the CPU.
  std::optional<c10::Stream> stream_;
  std::optional<c10::Event> copied_;
  std::optional<data::Batch> ahead_;
  std::exception_ptr error_;
};

}  // namespace vidgen::train
