#include "vidgen/nn/spectral_norm.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/nn/functional/normalization.h>
#include <torch/nn/modules/conv.h>

namespace vidgen::nn {
namespace {

torch::Tensor unit(const torch::Tensor& vector) {
  return torch::nn::functional::normalize(
      vector, torch::nn::functional::NormalizeFuncOptions().dim(0).eps(1e-12));
}

/// The filters as rows, whatever the layer's order of dimensions.
template <class Layer>
torch::Tensor rows(const Layer& layer, const torch::Tensor& weight) {
  return (layer.options.transposed() ? weight.transpose(0, 1) : weight).flatten(1);
}

/// Calls `work` with each convolution inside the module as its own type.
template <class Work>
void for_each_convolution(torch::nn::Module& module, const Work& work) {
  // Without the module itself, which has no shared pointer yet while it is being constructed.
  for (const auto& layer : module.modules(/*include_self=*/false)) {
    if (auto* conv = layer->as<torch::nn::Conv2d>()) work(*conv);
    if (auto* conv = layer->as<torch::nn::Conv3d>()) work(*conv);
    if (auto* conv = layer->as<torch::nn::ConvTranspose2d>()) work(*conv);
  }
}

}  // namespace

void power_iteration(const torch::Tensor& matrix, torch::Tensor& u, torch::Tensor& v) {
  const torch::NoGradGuard no_grad;
  u.copy_(unit(torch::mv(matrix, v)));
  v.copy_(unit(torch::mv(matrix.t(), u)));
}

void add_spectral_norm(torch::nn::Module& module) {
  for_each_convolution(module, [](auto& layer) {
    const auto matrix = rows(layer, layer.weight);
    layer.register_buffer("weight_u", unit(torch::ones(matrix.size(0), matrix.options())));
    layer.register_buffer("weight_v", unit(torch::ones(matrix.size(1), matrix.options())));
  });
}

SpectralWeights::SpectralWeights(torch::nn::Module& module) {
  // Autocast would compute sigma in the low precision.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  for_each_convolution(module, [this](auto& layer) {
    auto buffers = layer.named_buffers(/*recurse=*/false);
    if (!buffers.contains("weight_u")) return;
    const torch::Tensor weight = layer.weight;
    const auto matrix = rows(layer, weight);
    auto &u = buffers["weight_u"], &v = buffers["weight_v"];
    if (layer.is_training()) power_iteration(matrix.detach(), u, v);
    // The next forward pass may change the buffers before this one's backward pass.
    const auto sigma = torch::dot(u.clone(), torch::mv(matrix, v.clone()));
    replaced_.emplace_back(&layer.weight, weight);
    layer.weight = weight / sigma;
  });
}

SpectralWeights::~SpectralWeights() {
  for (auto& [place, parameter] : replaced_) *place = parameter;
}

}  // namespace vidgen::nn
