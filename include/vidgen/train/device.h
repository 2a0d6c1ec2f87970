#pragma once

#include <torch/types.h>

#include "vidgen/train/options.h"

namespace vidgen::train {

/// Throws vidgen::Error when CUDA is asked for and not there.
torch::Device resolve_device(DeviceChoice choice);

/// Throws core::FieldError when train.cuda_graph is set and cannot work.
void check_cuda_graph(const RunOptions& options, torch::Device device);

/// Sets what LibTorch has one of in a process: threads, TF32, cuDNN's choice of algorithms.
void set_up_libtorch(const TrainOptions& options);

}  // namespace vidgen::train
