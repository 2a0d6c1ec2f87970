#pragma once

#include <torch/types.h>

#include <string>

#include "vidgen/nn/autocast.h"

namespace vidgen::train {

struct RunOptions;
struct TrainOptions;

enum class DeviceChoice { kAuto, kCpu, kCuda };

/// Throws vidgen::Error when CUDA is asked for and not there.
torch::Device resolve_device(DeviceChoice choice);

/// Throws core::FieldError when train.cuda_graph is set and cannot work.
void check_cuda_graph(const RunOptions& options, torch::Device device);

/// Sets what LibTorch has one of in a process: threads, TF32, cuDNN's choice of algorithms.
void set_up_libtorch(const TrainOptions& options);

/// What the forward passes compute in. Parameters, optimiser state and losses are float32 always.
enum class Precision { kAuto, kFloat32, kBfloat16, kFloat16 };

/// kAuto becomes the fastest that is safe: on CUDA bfloat16 where the device has it, else float16;
/// on the CPU bfloat16 where oneDNN uses instructions for it (nn::has_bfloat16_instructions), else
/// float32, because emulated bfloat16 is slower, up to thirty times.
Precision resolve_precision(Precision precision, torch::Device device);

/// The type of a number in this precision, which must not be kAuto.
at::ScalarType scalar_type(Precision precision);

/// "float32", "bfloat16", "float16".
std::string precision_name(Precision precision);

/// Runs the operations of its scope that gain from it in the given precision (float32: leaves
/// autocast off). Close it before backward(). The state is per thread, and is put back as it was.
struct Autocast : nn::Autocast {
  Autocast(torch::Device device, Precision precision);
};

}  // namespace vidgen::train
