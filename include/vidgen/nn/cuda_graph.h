#pragma once

#include <torch/types.h>

#include <functional>
#include <memory>

namespace vidgen::nn {

/// Work on a CUDA device that is recorded once and then replayed: one launch instead of thousands,
/// for networks so small that launching takes longer than computing. Each is for one thread at a
/// time.
class CudaGraph {
 public:
  /// The first `warm_ups` calls of run() are not recorded. Throws c10::Error in a build without
  /// CUDA.
  CudaGraph(torch::Device device, int64_t warm_ups);
  ~CudaGraph();

  /// Has `work` done in the order of the current stream. The first calls run it, so that libraries
  /// choose their kernels and get their memory; the next one records it, and that and all later
  /// ones replay the record. So `work` must do the same each time, to tensors that stay where they
  /// are, must read on the device whatever changes, and must wait for nothing. What it allocates
  /// and keeps is overwritten by the next replay.
  void run(const std::function<void()>& work);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vidgen::nn
