#include "vidgen/train/device.h"

#include <ATen/Context.h>
#include <torch/cuda.h>

#include <array>

#include "vidgen/nn/backend.h"
#include "vidgen/nn/processor.h"
#include "vidgen/nn/threads.h"
#include "vidgen/train/options.h"

namespace vidgen::train {
namespace {

bool has_bfloat16(torch::Device device) {
  if (device.is_cuda()) return at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
  return nn::has_bfloat16_instructions();
}

}  // namespace

torch::Device resolve_device(DeviceChoice choice) {
  const bool cuda = choice != DeviceChoice::kCpu && torch::cuda::is_available();
  if (choice == DeviceChoice::kCuda && !cuda) {
    throw core::FieldError(
        "train.device",
        "found cuda, but there is no CUDA device, or this vidgen was built without CUDA");
  }
  return cuda ? torch::Device(torch::kCUDA, 0) : torch::Device(torch::kCPU);
}

void check_cuda_graph(const RunOptions& options, torch::Device device) {
  if (!options.train.cuda_graph) return;
  if (!device.is_cuda()) {
    throw core::FieldError("train.cuda_graph",
                           "found true, but this computes on the CPU; expected false, or a CUDA "
                           "device");
  }
  if (options.train.accumulate != 1) {
    throw core::FieldError("train.cuda_graph",
                           core::cat("found true with train.accumulate ", options.train.accumulate,
                                     ", expected 1 (a larger train.batch_size does the same)"));
  }
  if (options.loss.has_penalties() && options.loss.penalty_every != 1) {
    throw core::FieldError(
        "train.cuda_graph",
        core::cat("found true with loss.penalty_every ", options.loss.penalty_every,
                  ", expected 1: all steps of a graph are the same"));
  }
}

void set_up_libtorch(const TrainOptions& options) {
  nn::set_up_threads(options.threads);
  nn::backend().winograd = options.winograd;
  nn::backend().recompute = options.recompute;
  auto& context = at::globalContext();
  context.setAllowTF32CuBLAS(options.tf32);
  context.setAllowTF32CuDNN(options.tf32);
  context.setBenchmarkCuDNN(options.cudnn_benchmark);
}

Precision resolve_precision(Precision precision, torch::Device device) {
  if (precision != Precision::kAuto) return precision;
  if (has_bfloat16(device)) return Precision::kBfloat16;
  return device.is_cuda() ? Precision::kFloat16 : Precision::kFloat32;
}

at::ScalarType scalar_type(Precision precision) {
  switch (precision) {
    case Precision::kBfloat16:
      return at::kBFloat16;
    case Precision::kFloat16:
      return at::kHalf;
    default:
      return at::kFloat;
  }
}

std::string precision_name(Precision precision) {
  constexpr std::array<const char*, 4> kNames{"auto", "float32", "bfloat16", "float16"};
  return kNames.at(static_cast<size_t>(precision));
}

Autocast::Autocast(torch::Device device, Precision precision)
    : nn::Autocast(device.type(),
                   precision == Precision::kBfloat16 || precision == Precision::kFloat16,
                   scalar_type(precision)) {}

}  // namespace vidgen::train
