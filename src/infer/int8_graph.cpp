#include "vidgen/graph/rewrite.h"
#include "vidgen/infer/int8.h"

namespace vidgen::infer {
namespace {

// As the integers that runtimes want it in, to add them to sums of products of integers; in
// floating point where they would be too large.
graph::Value add_bias(const std::string& name, const QuantizedLayer& layer, graph::Graph& graph) {
  const auto unit = layer.weight_scale * layer.input_scale;
  const auto integers = (layer.bias.to(torch::kDouble) / unit.to(torch::kDouble)).round();
  if (!integers.abs().le(int64_t{1} << 30).all().item<bool>())
    return graph.weight(name, layer.bias);
  return graph.scaled_weight(name, integers.to(torch::kInt), unit, 0);
}

}  // namespace

graph::Graph with_int8(const graph::Graph& graph, const QuantizedLayers& layers) {
  return graph::rewritten(
      graph,
      [&](const graph::Op& op, const std::vector<graph::Value>& inputs,
          graph::Graph& out) -> std::optional<std::vector<graph::Value>> {
        const auto* convolution = std::get_if<graph::Convolution>(&op.kind);
        if (!convolution) return std::nullopt;
        const auto name = graph::layer_of(graph, op);
        const auto found = layers.find(name);
        if (found == layers.end()) return std::nullopt;
        const auto& layer = found->second;
        const auto x = out.round_to_uint8(inputs[0], layer.input_scale, layer.input_zero_point);
        const auto weight = out.scaled_weight(name + ".weight", layer.weight, layer.weight_scale,
                                              convolution->transposed ? 1 : 0);
        return std::vector{
            out.convolve(x, weight, add_bias(name + ".bias", layer, out), *convolution)};
      });
}

}  // namespace vidgen::infer
