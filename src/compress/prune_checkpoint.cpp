#include "vidgen/compress/prune_checkpoint.h"

#include <algorithm>

namespace vidgen::compress {

std::vector<PruneRow> prune_checkpoint(checkpoint::Checkpoint& checkpoint,
                                       const PruneOptions& options) {
  checkpoint::refuse_quantized(checkpoint);
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
                                  [&](auto& r) { return r.name == name; });
    row->kept = mask.sum().item<int64_t>();
  }
  return result.rows;
}

}  // namespace vidgen::compress
