#include "vidgen/nn/flops.h"

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>

#include <variant>

#include "vidgen/nn/warp.h"

namespace vidgen::nn {
namespace {

double elements(const torch::Tensor& tensor) { return static_cast<double>(tensor.numel()); }

// Each number put out is a sum over the filter's elements.
double convolution(const torch::Tensor& weight, const torch::Tensor& output) {
  return 2 * elements(output) * elements(weight[0]);
}

// Each number taken in is multiplied by a filter; of its results, the padding is cut off.
double transposed(const torch::nn::ConvTranspose2dImpl& layer, const torch::Tensor& output) {
  const auto& padding = std::get<torch::ExpandingArray<2>>(layer.options.padding());
  double inputs = static_cast<double>(output.size(0) * layer.options.in_channels());
  for (int64_t i = 0; i < 2; ++i) {
    const int64_t padded = output.size(i + 2) + 2 * padding->at(i);
    const int64_t beyond_first = padded - layer.options.kernel_size()->at(i);
    const int64_t places = beyond_first / layer.options.stride()->at(i) + 1;
    inputs *= static_cast<double>(places);
  }
  return 2 * inputs * elements(layer.weight[0]);
}

// Convolutions over time, one behind the other: each puts out kernel - 1 frames more than the next.
double over_time(const torch::nn::Module& layer, const torch::Tensor& output) {
  const auto weights = layer.parameters();
  double sum = 0;
  int64_t frames = output.size(1);
  for (auto weight = weights.rbegin(); weight != weights.rend(); ++weight) {
    if (weight->dim() != 3) continue;
    sum += 2 * elements(*weight) * static_cast<double>(output.size(0) * frames);
    frames += weight->size(2) - 1;
  }
  return sum;
}

// Every matrix is applied once to each row.
double matrices(const torch::nn::Module& layer, double rows) {
  double weights = 0;
  for (const auto& parameter : layer.parameters()) {
    if (parameter.dim() == 2) weights += elements(parameter);
  }
  return 2 * weights * rows;
}

}  // namespace

double attention_flops(const SelfAttentionOptions& options, double positions, double in_frame) {
  const auto channels = static_cast<double>(options.channels);
  const auto inner = static_cast<double>(options.query_channels());
  const double attended = options.axes == AttentionAxes::kSpaceTime ? positions : in_frame;
  return 2 * positions * (channels * (2 * inner + channels) + attended * (inner + channels));
}

double forward_flops(const torch::nn::Module& layer, const torch::Tensor& output) {
  if (const auto* conv = layer.as<torch::nn::Conv2d>()) return convolution(conv->weight, output);
  if (const auto* conv = layer.as<torch::nn::Conv3d>()) return convolution(conv->weight, output);
  if (const auto* conv = layer.as<torch::nn::ConvTranspose2d>()) return transposed(*conv, output);
  if (const auto* block = layer.as<SelfAttention>()) {
    return attention_flops(block->options,
                           elements(output) / static_cast<double>(block->options.channels),
                           static_cast<double>(output.size(-1) * output.size(-2)));
  }
  if (layer.as<torch::nn::Embedding>()) return 0;  // it looks up
  if (const auto* warp = layer.as<Warp>())
    return matrices(layer, static_cast<double>(output.size(0) * warp->options.slots));
  return over_time(layer, output) +
         matrices(layer, elements(output) / static_cast<double>(output.size(-1)));
}

}  // namespace vidgen::nn
