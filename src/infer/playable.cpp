#include "vidgen/infer/playable.h"

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/graph/rewrite.h"

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

/// The weights of the plan's layers, by their names.
std::map<std::string, torch::Tensor> load_weights(const checkpoint::Checkpoint& file,
                                                  const QuantizedLayers& int8, const Plan& plan) {
  std::map<std::string, torch::Tensor> weights;
  const checkpoint::SafetensorsFile tensors{{}, file.tensors_under("plan.")};
  checkpoint::StateLoader loader(file.path, tensors);
  for (const auto& layer : plan) {
    if (!layer.weight.defined()) continue;
    auto& weight = weights[layer.name + ".weight"];
    auto& bias = weights[layer.name + ".bias"];
    const int64_t axis = output_axis(layer.kind);
    if (const auto found = int8.find(layer.name); found != int8.end()) {
      const auto& quantized = found->second;
      weight = graph::Constant{layer.name, quantized.weight, quantized.weight_scale, axis}.value();
      bias = quantized.bias;
      continue;
    }
    auto half = torch::empty(layer.weight.sizes(), torch::kBFloat16);
    bias = torch::empty({layer.weight.size(axis)});
    loader.tensor(layer.name + ".weight", half);
    loader.tensor(layer.name + ".bias", bias);
    weight = half.to(torch::kFloat);
  }
  loader.finish();
  return weights;
}

Playable load_quantized(const checkpoint::Checkpoint& file) {
  Playable generator;
  generator.network = checkpoint::make_generator(file);
  generator.network->eval();
  const auto frames = graph::fold_batch_norm(frame_graph(generator.network));
  // Its layers are the right ones, their weights come from elsewhere.
  const auto plan = make_plan(frames);
  generator.int8 = read_int8(file);
  check_int8(generator.int8, plan, file.path);
  load_outside(file, plan, generator.network);
  generator.weights = load_weights(file, generator.int8, plan);
  generator.plan = make_plan(graph::with_constants(frames, generator.weights));
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
