#include "vidgen/infer/playable.h"

#include <cstring>
#include <set>
#include <string>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/models/factory.h"
#include "vidgen/nn/layout.h"

namespace vidgen::infer {
namespace {

constexpr const char* kFrame = "frame.";

/// The parameters of a quantised file's network that it holds as a weights file does: all that are
/// not in the weights of the plan's layers.
void load_unplanned(const checkpoint::Checkpoint& file, Playable& result) {
  std::set<std::string> blocks;
  for (const auto& layer : result.plan) {
    if (layer.kind == Layer::Kind::kAttention) blocks.insert(layer.name);
  }
  const checkpoint::SafetensorsFile tensors{{}, file.tensors_under(file.generator_prefix())};
  checkpoint::StateLoader loader(file.path, tensors);
  for (auto& item : result.network->named_parameters()) {
    const std::string& name = item.key();
    // "frame.attention_16" of "frame.attention_16.query.weight".
    const std::string part = name.substr(0, name.find('.', std::strlen(kFrame)));
    if (name.rfind(kFrame, 0) != 0 || blocks.count(part) > 0) loader.tensor(name, item.value());
  }
  loader.finish();
}

/// The weights of the layers that are not in eight bits.
void load_plan(const checkpoint::Checkpoint& file, Playable& result) {
  const checkpoint::SafetensorsFile tensors{{}, file.tensors_under("plan.")};
  checkpoint::StateLoader loader(file.path, tensors);
  for (auto& layer : result.plan) {
    if (!layer.weight.defined()) continue;
    if (result.int8.count(layer.name) > 0) {
      layer.weight = layer.bias = torch::Tensor();
      continue;
    }
    auto weight = layer.weight.to(torch::kBFloat16);
    loader.tensor(layer.name + ".weight", weight);
    layer.weight = weight.to(torch::kFloat);
    loader.tensor(layer.name + ".bias", layer.bias);
  }
  loader.finish();
}

}  // namespace

Playable load_playable(const checkpoint::Checkpoint& file) {
  const torch::NoGradGuard no_grad;
  Playable result;
  if (file.kind != checkpoint::Kind::kQuantized) {
    result.network = checkpoint::load_generator(file);
    result.plan = make_plan(result.network);
    return result;
  }
  result.network = models::make_generator(checkpoint::model_options(file), file.clip);
  nn::to_channels_last(*result.network);
  result.network->eval();
  // Its layers are the right ones, their weights come from elsewhere.
  result.plan = make_plan(result.network);
  result.int8 = read_int8(file);
  check_int8(result.int8, result.plan, file.path);
  load_unplanned(file, result);
  load_plan(file, result);
  return result;
}

}  // namespace vidgen::infer
