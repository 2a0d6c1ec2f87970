#include "vidgen/train/precision.h"

#include <ATen/Context.h>

#include "vidgen/nn/processor.h"

namespace vidgen::train {
namespace {

bool has_bfloat16(torch::Device device) {
  if (device.is_cuda()) return at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
  return nn::has_bfloat16_instructions();
}

}  // namespace

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
  switch (precision) {
    case Precision::kAuto:
      return "auto";
    case Precision::kFloat32:
      return "float32";
    case Precision::kBfloat16:
      return "bfloat16";
    case Precision::kFloat16:
      return "float16";
  }
  return "";
}

Autocast::Autocast(torch::Device device, Precision precision)
    : scope_(device.type(), precision == Precision::kBfloat16 || precision == Precision::kFloat16,
             scalar_type(precision)) {}

}  // namespace vidgen::train
