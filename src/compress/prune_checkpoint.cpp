#include "vidgen/compress/prune_checkpoint.h"

#include <torch/nn/modules/conv.h>

#include <algorithm>
#include <set>

namespace vidgen::compress {

namespace {

/// The weights of the transposed convolutions, by name.
std::set<std::string> transposed_weights(const checkpoint::Checkpoint& checkpoint) {
  std::set<std::string> names;
  const auto generator = checkpoint::load_generator(checkpoint);
  for (const auto& item : generator->named_modules("", /*include_self=*/false)) {
    if (item.value()->as<torch::nn::ConvTranspose2d>()) names.insert(item.key() + ".weight");
  }
  return names;
}

}  // namespace

std::vector<PruneRow> prune_checkpoint(checkpoint::Checkpoint& checkpoint, PruneOptions options) {
  // Without a pattern it does not matter, but that the file is what it says is checked as well.
  options.transposed = transposed_weights(checkpoint);
  auto result = prune(checkpoint.tensors_under(checkpoint.generator_prefix()), options);
  const auto earlier = checkpoint.tensors_under("mask.");
  for (auto& [name, mask] : result.masks) {
    if (const auto found = earlier.find(name); found != earlier.end()) mask = mask * found->second;
    // A checkpoint holds the generator twice: as it is trained and averaged.
    for (const std::string prefix : {"ema.", "generator."}) {
      const auto weight = checkpoint.file.tensors.find(prefix + name);
      if (weight != checkpoint.file.tensors.end()) weight->second = weight->second * mask;
    }
    checkpoint.file.tensors["mask." + name] = mask;
    const auto row = std::find_if(result.rows.begin(), result.rows.end(),
                                  [&wanted = name](auto& r) { return r.name == wanted; });
    row->kept = mask.sum().item<int64_t>();
  }
  return result.rows;
}

}  // namespace vidgen::compress
