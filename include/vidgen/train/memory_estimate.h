#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

#include "vidgen/train/options.h"

namespace vidgen::train {

class GanStep;

/// What a run holds in memory at its peak beyond what the process holds before its first step,
/// about, in bytes: within a factor of 1.5 for the recipes in configs/. Counted from what the
/// layers put out; how often a step keeps each was measured on those recipes.
struct MemoryEstimate {
  /// Gradients and the optimisers' averages.
  uint64_t optimizers = 0;
  /// What one clip of the batch adds: what its layers keep for the backward pass.
  uint64_t clip = 0;
  int64_t batch_size = 0;
  /// Batches of real clips that the threads of data.workers have ready (on the host).
  uint64_t loader = 0;
  /// Clips of an evaluation, real and generated (on the host).
  uint64_t evaluation = 0;

  uint64_t step() const { return clip * static_cast<uint64_t>(batch_size); }
  uint64_t total() const { return optimizers + step() + loader + evaluation; }
};

/// Runs each network once on one clip.
MemoryEstimate estimate_memory(const RunOptions& options, GanStep& gan);

/// "about 3.1 GB (2.9 GB for a step of 16 clips, 0.2 GB for the optimisers, ...)".
std::string memory_words(const MemoryEstimate& estimate);

/// Throws vidgen::Error, saying what to lower, when a run cannot fit into what is free (on the
/// device's own memory, and for the loader and evaluations on the host's); warns when it might not.
void check_memory(const MemoryEstimate& estimate, torch::Device device);

}  // namespace vidgen::train
