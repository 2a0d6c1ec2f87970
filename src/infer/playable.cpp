#include "vidgen/infer/playable.h"

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"

namespace vidgen::infer {
namespace {

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

Playable load_quantized(const checkpoint::Checkpoint& file) {
  Playable generator;
  generator.network = checkpoint::make_generator(file);
  // Its layers are the right ones, their weights come from elsewhere.
  generator.network->eval();
  generator.plan = make_plan(generator.network);
  generator.int8 = read_int8(file);
  check_int8(generator.int8, generator.plan, file.path);
  load_outside(file, generator.plan, generator.network);
  load_floating(file, generator.int8, generator.plan);
  for (auto& layer : generator.plan) {
    const auto found = generator.int8.find(layer.name);
    if (found == generator.int8.end()) continue;
    std::vector<int64_t> shape(4, 1);
    shape[static_cast<size_t>(output_axis(layer.kind))] = -1;
    layer.weight = found->second.weight.to(torch::kFloat) * found->second.weight_scale.view(shape);
    layer.bias = found->second.bias;
  }
  return generator;
}

}  // namespace

Playable load_playable(const checkpoint::Checkpoint& file) {
  const torch::NoGradGuard no_grad;
  if (file.kind == checkpoint::Kind::kQuantized) return load_quantized(file);
  Playable result;
  result.network = checkpoint::load_generator(file);
  result.plan = make_plan(result.network);
  return result;
}

}  // namespace vidgen::infer
