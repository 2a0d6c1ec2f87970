#include <algorithm>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/core/error.h"
#include "vidgen/infer/int8.h"
#include "vidgen/models/factory.h"

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

/// Loads what is not in the plan into the network, whose attention the plan runs.
void load_outside(const checkpoint::Checkpoint& file, const Plan& plan,
                  models::VideoGenerator network) {
  const checkpoint::SafetensorsFile tensors{{}, file.tensors_under(file.generator_prefix())};
  checkpoint::StateLoader loader(file.path, tensors);
  for (auto& item : network->named_parameters()) {
    if (outside_plan(plan, item.key())) loader.tensor(item.key(), item.value());
  }
  for (auto& item : network->named_buffers()) {
    if (outside_plan(plan, item.key())) loader.tensor(item.key(), item.value());
  }
  loader.finish();
}

/// Loads the weights of the layers that stay in floating point.
void load_floating(const checkpoint::Checkpoint& file, const QuantizedLayers& layers, Plan& plan) {
  const checkpoint::SafetensorsFile tensors{{}, file.tensors_under("plan.")};
  checkpoint::StateLoader loader(file.path, tensors);
  for (auto& layer : plan) {
    if (!layer.weight.defined() || layers.count(layer.name) > 0) continue;
    auto weight = torch::empty(layer.weight.sizes(), torch::kBFloat16);
    auto bias = torch::empty({layer.weight.size(output_axis(layer.kind))});
    loader.tensor(layer.name + ".weight", weight);
    loader.tensor(layer.name + ".bias", bias);
    layer.weight = weight.to(torch::kFloat);
    layer.bias = bias;
  }
  loader.finish();
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
    return layer.kind == Layer::Kind::kAttention && begins_with(layer.name + ".");
  });
}

QuantizedGenerator load_quantized(const checkpoint::Checkpoint& file) {
  QuantizedGenerator generator;
  generator.network = models::make_generator(checkpoint::model_options(file), file.clip);
  generator.network->eval();
  generator.plan = make_plan(generator.network);
  generator.layers = read_int8(file);
  check_int8(generator.layers, generator.plan, file.path);
  load_outside(file, generator.plan, generator.network);
  load_floating(file, generator.layers, generator.plan);
  for (auto& layer : generator.plan) {
    const auto found = generator.layers.find(layer.name);
    if (found == generator.layers.end()) continue;
    std::vector<int64_t> shape(4, 1);
    shape[static_cast<size_t>(output_axis(layer.kind))] = -1;
    layer.weight = found->second.weight.to(torch::kFloat) * found->second.weight_scale.view(shape);
    layer.bias = found->second.bias;
  }
  return generator;
}

}  // namespace vidgen::infer
