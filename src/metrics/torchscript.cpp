#include "vidgen/metrics/torchscript.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>

#include "vidgen/core/error.h"

namespace vidgen::metrics {
namespace {

/// Bounds the memory of the network.
constexpr int64_t kClipsPerCall = 8;

/// The first line of a message of LibTorch, which goes on with a trace of the stack.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// uint8 [N,T,H,W,3] as the network wants it.
torch::Tensor network_input(const torch::Tensor& clips, FeatureKind kind) {
  const bool frames = kind == FeatureKind::kFrame || kind == FeatureKind::kFid;
  const auto pixels = frames ? clips.flatten(0, 1).permute({0, 3, 1, 2}).contiguous()
                             : clips.permute({0, 4, 1, 2, 3}).contiguous();
  if (kind == FeatureKind::kFid) return pixels;
  const auto values = pixels.to(torch::kFloat);
  return kind == FeatureKind::kFvd ? values : values / 127.5 - 1;
}

std::unordered_map<std::string, c10::IValue> keywords(FeatureKind kind) {
  if (kind == FeatureKind::kFid) return {{"return_features", true}};
  if (kind == FeatureKind::kFvd) {
    return {{"rescale", true}, {"resize", true}, {"return_features", true}};
  }
  return {};
}

torch::Tensor call(torch::jit::Module& network, const torch::Tensor& clips, FeatureKind kind,
                   const std::string& name) {
  const auto input = network_input(clips, kind);
  c10::IValue result;
  try {
    result = network.get_method("forward")({input}, keywords(kind));
  } catch (const std::exception& error) {
    throw Error(
        core::cat(name, ": the network failed on ", input.sizes(), ": ", first_line(error.what())));
  }
  if (!result.isTensor() || result.toTensor().dim() != 2 ||
      result.toTensor().size(0) != input.size(0)) {
    throw Error(core::cat(
        name, ": gave ",
        result.isTensor() ? core::cat("a tensor ", result.toTensor().sizes()) : result.tagKind(),
        " for ", input.sizes(), ", expected features [", input.size(0), ", D]"));
  }
  return result.toTensor().to(torch::kDouble);
}

}  // namespace

Extractor load_extractor(const std::filesystem::path& path, FeatureKind kind) {
  const std::string name = path.string();
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) throw Error(name + ": no such file");
  torch::jit::Module network;
  try {
    network = torch::jit::load(name, torch::Device(torch::kCPU));
  } catch (const std::exception& failure) {
    throw Error(core::cat(name, ": is not a TorchScript file: ", first_line(failure.what())));
  }
  network.eval();
  return [network, kind, name](const torch::Tensor& clips) mutable {
    torch::NoGradGuard no_grad;
    std::vector<torch::Tensor> features;
    for (int64_t first = 0; first < clips.size(0); first += kClipsPerCall) {
      const int64_t count = std::min(kClipsPerCall, clips.size(0) - first);
      features.push_back(call(network, clips.narrow(0, first, count), kind, name));
    }
    return torch::cat(features);
  };
}

}  // namespace vidgen::metrics
