#include "vidgen/core/error.h"
#include "vidgen/infer/clip_graph.h"

namespace vidgen::infer {
namespace {

using graph::Function;
using graph::Graph;
using graph::Value;

class FrameDescription {
 public:
  FrameDescription(const Playable& generator, Value z, Graph& graph)
      : generator_(generator), z_(z), graph_(graph) {}

  Value all();

 private:
  Value of(const Layer& layer, const std::vector<Value>& inputs);
  Value convolve(const Layer& layer, Value x);
  Value int8_bias(const std::string& name, const QuantizedLayer& layer);
  Value activated(Value x, Activation activation);

  const Playable& generator_;
  const Value z_;
  Graph& graph_;
};

Value FrameDescription::activated(Value x, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return graph_.apply(Function::kRelu, {x});
    case Activation::kLeakyRelu:
      return graph_.apply(Function::kLeakyRelu, {x});
    case Activation::kTanh:
      return graph_.apply(Function::kTanh, {x});
  }
  TORCH_CHECK(false, "unknown activation");
}

Value FrameDescription::convolve(const Layer& layer, Value x) {
  const auto found = generator_.int8.find(layer.name);
  const bool int8 = found != generator_.int8.end();
  const auto& weight = int8 ? found->second.weight : layer.weight;
  graph::Convolution convolution;
  if (layer.kind == Layer::Kind::kDouble) {
    convolution = {/*axes=*/2, /*transposed=*/true, /*stride=*/2, /*padding=*/1};
  } else if (layer.kind == Layer::Kind::kFromLatent) {
    convolution.transposed = true;
    x = graph_.reshape(x, {-1, weight.size(0), 1, 1});
  } else {
    convolution.padding = weight.size(2) / 2;
  }
  const std::string name = layer.name + ".weight";
  if (!int8) {
    return graph_.convolve(x, graph_.weight(name, layer.weight),
                           graph_.weight(layer.name + ".bias", layer.bias), convolution);
  }
  const auto& quantized = found->second;
  return graph_.convolve(
      graph_.round_to_uint8(x, quantized.input_scale, quantized.input_zero_point),
      graph_.scaled_weight(name, quantized.weight, quantized.weight_scale, output_axis(layer.kind)),
      int8_bias(layer.name + ".bias", quantized), convolution);
}

// As the integers that runtimes want it in, to add them to sums of products of integers; in
// floating point where they would be too large.
Value FrameDescription::int8_bias(const std::string& name, const QuantizedLayer& layer) {
  const auto unit = layer.weight_scale * layer.input_scale;
  const auto integers = (layer.bias.to(torch::kDouble) / unit.to(torch::kDouble)).round();
  if (!integers.abs().le(int64_t{1} << 30).all().item<bool>()) {
    return graph_.weight(name, layer.bias);
  }
  return graph_.scaled_weight(name, integers.to(torch::kInt), unit, 0);
}

Value FrameDescription::of(const Layer& layer, const std::vector<Value>& inputs) {
  const Value x = inputs.front();
  switch (layer.kind) {
    case Layer::Kind::kFromLatent:
    case Layer::Kind::kDouble:
    case Layer::Kind::kConvolution:
      return convolve(layer, x);
    case Layer::Kind::kRepeat:
      return graph_.repeat_pixels(x);
    case Layer::Kind::kAdd:
      return graph_.multiply(graph_.add(x, inputs.back()), graph_.number(layer.scale));
    case Layer::Kind::kAttention:
      return layer.attention->describe(graph_, x, layer.name);
    case Layer::Kind::kWarp:
      return layer.warp->describe(graph_, x, z_, layer.name);
  }
  TORCH_CHECK(false, "unknown kind of layer ", layer.name);
}

Value FrameDescription::all() {
  std::vector<Value> done;
  for (const auto& layer : generator_.plan) {
    std::vector<Value> inputs;
    for (const size_t input : layer.inputs) inputs.push_back(done.at(input));
    if (inputs.empty()) inputs.push_back(z_);
    done.push_back(activated(of(layer, inputs), layer.activation));
  }
  return done.back();
}

}  // namespace

Value describe_frames(const Playable& generator, Value z, Graph& graph) {
  return FrameDescription(generator, z, graph).all();
}

}  // namespace vidgen::infer
