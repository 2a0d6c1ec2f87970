#include <algorithm>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/core/error.h"
#include "vidgen/graph/rewrite.h"
#include "vidgen/infer/int8.h"

namespace vidgen::infer {
namespace {

constexpr const char* kInt8Prefix = "int8.";

/// The tensors of one layer in a file.
class Int8Parts {
 public:
  Int8Parts(const checkpoint::Checkpoint& file, const std::string& layer)
      : file_(file), prefix_(kInt8Prefix + layer + ".") {}

  torch::Tensor get(const char* part, torch::ScalarType type, int64_t dimensions) const {
    const auto& tensors = file_.file.tensors;
    const auto found = tensors.find(prefix_ + part);
    const auto expected = core::cat(c10::toString(type), " of ", dimensions, " dimensions");
    if (found == tensors.end()) {
      throw Error(core::cat(file_.path.string(), ": tensor ", prefix_, part,
                            " is missing, expected ", expected));
    }
    const auto& tensor = found->second;
    if (tensor.scalar_type() != type || tensor.dim() != dimensions) {
      throw Error(core::cat(file_.path.string(), ": tensor ", found->first, " is ",
                            c10::toString(tensor.scalar_type()), " ", tensor.sizes(), ", expected ",
                            expected));
    }
    return tensor;
  }

 private:
  const checkpoint::Checkpoint& file_;
  const std::string prefix_;
};

[[noreturn]] void refuse_layer(const std::filesystem::path& path, const std::string& layer,
                               const std::string& problem) {
  throw Error(core::cat(path.string(), ": tensor ", kInt8Prefix, layer, ".weight ", problem));
}

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

QuantizedLayers read_int8(const checkpoint::Checkpoint& file) {
  QuantizedLayers layers;
  for (const auto& item : file.tensors_under(kInt8Prefix))
    layers[item.first.substr(0, item.first.rfind('.'))];
  for (auto& [name, layer] : layers) {
    const Int8Parts parts(file, name);
    layer.weight = parts.get("weight", torch::kChar, 4);
    layer.weight_scale = parts.get("weight_scale", torch::kFloat, 1);
    layer.bias = parts.get("bias", torch::kFloat, 1);
    layer.input_scale = parts.get("input_scale", torch::kDouble, 0).item<double>();
    layer.input_zero_point = parts.get("input_zero_point", torch::kLong, 0).item<int64_t>();
  }
  return layers;
}

void write_int8(checkpoint::Checkpoint& file, const QuantizedLayers& layers) {
  auto& tensors = file.file.tensors;
  for (const auto& [name, layer] : layers) {
    const auto prefix = kInt8Prefix + name + ".";
    tensors[prefix + "weight"] = layer.weight;
    tensors[prefix + "weight_scale"] = layer.weight_scale;
    tensors[prefix + "bias"] = layer.bias;
    tensors[prefix + "input_scale"] = torch::tensor(layer.input_scale, torch::kDouble);
    tensors[prefix + "input_zero_point"] = torch::tensor(layer.input_zero_point, torch::kLong);
  }
}

void check_int8(const QuantizedLayers& layers, const Plan& plan,
                const std::filesystem::path& path) {
  std::map<std::string, const Layer*> known;
  for (const auto& layer : plan) {
    if (can_be_int8(layer.kind)) known[layer.name] = &layer;
  }
  for (const auto& [name, layer] : layers) {
    const auto found = known.find(name);
    if (found == known.end()) refuse_layer(path, name, "has no place in this model");
    const auto& expected = found->second->weight;
    if (layer.weight.sizes() != expected.sizes()) {
      refuse_layer(path, name,
                   core::cat("is ", layer.weight.sizes(), ", expected ", expected.sizes()));
    }
    const int64_t out = expected.size(output_axis(found->second->kind));
    if (layer.weight_scale.numel() != out || layer.bias.numel() != out) {
      refuse_layer(path, name,
                   core::cat("has ", layer.weight_scale.numel(), " scales and ", layer.bias.numel(),
                             " biases, expected ", out));
    }
    if (layer.input_zero_point < 0 || layer.input_zero_point > 255 || !(layer.input_scale > 0)) {
      refuse_layer(path, name,
                   core::cat("takes inputs of scale ", layer.input_scale, " and zero point ",
                             layer.input_zero_point, ", expected a positive scale and 0 to 255"));
    }
  }
}

bool outside_plan(const Plan& plan, const std::string& tensor) {
  const auto begins_with = [&tensor](const std::string& start) {
    return tensor.compare(0, start.size(), start) == 0;
  };
  return !begins_with("frame.") || std::any_of(plan.begin(), plan.end(), [&](const Layer& layer) {
    return (layer.kind == Layer::Kind::kAttention || layer.kind == Layer::Kind::kWarp) &&
           begins_with(layer.name + ".");
  });
}

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
