#pragma once

#include <torch/types.h>

#include <functional>
#include <vector>

#include "vidgen/infer/plan.h"

namespace vidgen::infer {

/// Where a plan runs, and in which type.
struct Setting {
  torch::Device device = torch::kCPU;
  torch::ScalarType type = torch::kFloat;
  /// On CUDA: what comes again is replayed (CudaReplay).
  bool cuda_graph = false;
};

/// One layer of a plan, prepared to run again and again, from several threads at once too: `inputs`
/// are the outputs of the layer's inputs, or the latents [M,D], which kWarp takes last. A tensor
/// that nobody else holds (use_count() is 1) may be overwritten. `frames` as for run_plan(). On
/// CUDA it may be recorded as a CUDA graph: what it reads is on the device, and it waits for
/// nothing.
using Step = std::function<torch::Tensor(const std::vector<torch::Tensor>& inputs, int64_t frames)>;

/// The convolution that does the work of kUpsample2x (kernels::phase_filters()), of its name and
/// inputs and without its activation: [M,in,H,W] -> the phases [M,4*out,H+1,W+1]. Unlike a plan's
/// kConvolution it has 2x2 filters, padded by 1.
Layer phases_of(const Layer& doubling);

/// The layer in floating point. `side`: the pixels a side of what comes in.
Step make_step(const Layer& layer, int64_t side, const Setting& setting);

}  // namespace vidgen::infer
