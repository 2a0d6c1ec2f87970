#include "describe.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

namespace vidgen::nn {
namespace {

namespace layers = torch::nn;
using graph::Graph;
using graph::Value;

template <class Layer>
Value convolve(Graph& graph, Value x, const Layer& layer, const std::string& name,
               bool transposed) {
  auto weight = layer.weight.detach();
  const int64_t more = graph.shape(x)[1].number - weight.size(transposed ? 0 : 1);
  if (transposed && more > 0) {
    weight = torch::cat(
        {weight, weight.new_zeros({more, weight.size(1), weight.size(2), weight.size(3)})});
  }
  const auto& padding = std::get<torch::ExpandingArray<2>>(layer.options.padding());
  const Value bias =
      layer.bias.defined() ? graph.weight(name + ".bias", layer.bias) : graph::Value();
  return graph.convolve(x, graph.weight(name + ".weight", weight), bias,
                        {/*axes=*/2, transposed, layer.options.stride()->at(0), padding->at(0)});
}

Value normalize(Graph& graph, Value x, const layers::BatchNorm2dImpl& norm,
                const std::string& name) {
  return graph.batch_norm(
      {x, graph.weight(name + ".weight", norm.weight), graph.weight(name + ".bias", norm.bias),
       graph.weight(name + ".running_mean", norm.running_mean),
       graph.weight(name + ".running_var", norm.running_var)},
      norm.options.eps());
}

}  // namespace

Value describe_layer(Graph& graph, Value x, const torch::nn::Module& layer,
                     const std::string& name) {
  if (const auto* up = layer.as<layers::ConvTranspose2d>())
    return convolve(graph, x, *up, name, /*transposed=*/true);
  if (const auto* same = layer.as<layers::Conv2d>())
    return convolve(graph, x, *same, name, /*transposed=*/false);
  if (const auto* norm = layer.as<layers::BatchNorm2d>()) return normalize(graph, x, *norm, name);
  if (layer.as<layers::Tanh>()) return graph.apply(graph::Function::kTanh, {x});
  if (layer.as<layers::ReLU>()) return graph.apply(graph::Function::kRelu, {x});
  if (const auto* leaky = layer.as<layers::LeakyReLU>()) {
    TORCH_CHECK(leaky->options.negative_slope() == 0.2, name, ": expected a slope of 0.2");
    return graph.apply(graph::Function::kLeakyRelu, {x});
  }
  TORCH_CHECK(false, name, ": no description of a layer ", layer.name());
}

}  // namespace vidgen::nn
