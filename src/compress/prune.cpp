#include "vidgen/compress/prune.h"

#include <torch/nn/modules/conv.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

namespace vidgen::compress {
namespace {

using core::cat;

void check_sparsity(double sparsity) {
  if (!(sparsity >= 0 && sparsity < 1)) {
    throw Error(cat("sparsity: found ", sparsity, ", expected a number in [0, 1)"));
  }
}

void check_weights(const std::string& subject, const torch::Tensor& weight) {
  if (!weight.is_floating_point()) {
    throw Error(cat(subject, ": found ", weight.scalar_type(), ", expected floating point"));
  }
  if (!weight.isfinite().all().item<bool>()) {
    throw Error(cat(subject, ": holds a value that is infinite or not a number"));
  }
}

/// |w| flattened, in float64 or else float32: the types the quantile is defined for.
torch::Tensor magnitudes(const torch::Tensor& weight) {
  const auto values = weight.detach().flatten();
  return (values.scalar_type() == torch::kDouble ? values : values.to(torch::kFloat)).abs();
}

/// The element at this place, from 0, when sorted.
torch::Tensor element_at_rank(const torch::Tensor& values, int64_t rank) {
  return std::get<0>(values.kthvalue(rank + 1));
}

/// The place of the quantile among the sorted elements, between two of them as a rule.
/// torch.quantile computes it in the type of the values and refuses more than 2^24 elements, where
/// float32 runs out of whole numbers.
double quantile_rank(const torch::Tensor& values, double sparsity) {
  constexpr int64_t kFloatLimit = 1 << 24;
  const int64_t last = values.numel() - 1;
  if (values.scalar_type() == torch::kFloat && values.numel() <= kFloatLimit) {
    return static_cast<float>(sparsity) * static_cast<float>(last);
  }
  return sparsity * static_cast<double>(last);
}

torch::Tensor magnitude_quantile(const torch::Tensor& values, double sparsity) {
  const double rank = quantile_rank(values, sparsity);
  const double below = std::floor(rank);
  const auto low = element_at_rank(values, static_cast<int64_t>(below));
  if (rank == below) return low;
  const auto high = element_at_rank(values, static_cast<int64_t>(below) + 1);
  return torch::lerp(low, high, torch::full_like(low, rank - below));
}

torch::Tensor layer_mask(const torch::Tensor& weight, double sparsity, double& threshold) {
  threshold = 0;
  if (weight.numel() == 0) return torch::ones_like(weight, torch::kByte);
  const auto values = magnitudes(weight);
  const auto limit = magnitude_quantile(values, sparsity);
  threshold = limit.item<double>();
  return values.ge(limit).to(torch::kByte).view(weight.sizes());
}

/// Marks the `count` smallest with 0 and the others with 1; among equals the first.
torch::Tensor drop_smallest(const torch::Tensor& values, int64_t count, double& threshold) {
  threshold = 0;
  if (count == 0) return torch::ones_like(values, torch::kByte);
  const auto limit = element_at_rank(values, count - 1);
  threshold = limit.item<double>();
  auto mask = values.ge(limit).to(torch::kByte);
  const auto equal = values.eq(limit).nonzero().flatten();
  const int64_t smaller = values.lt(limit).sum().item<int64_t>();
  mask.index_fill_(0, equal.slice(0, 0, count - smaller), 0);
  return mask;
}

checkpoint::Tensors joint_masks(const checkpoint::Tensors& weights, double sparsity,
                                double& threshold) {
  std::vector<torch::Tensor> parts;
  auto type = torch::kFloat;
  for (const auto& item : weights) {
    parts.push_back(magnitudes(item.second).to(torch::kCPU));
    type = torch::promote_types(type, parts.back().scalar_type());
  }
  if (parts.empty()) return {};
  for (auto& part : parts) part = part.to(type);
  const auto all = torch::cat(parts);
  // nearbyint() rounds half to even, as the reference's round() does.
  const auto count =
      static_cast<int64_t>(std::nearbyint(sparsity * static_cast<double>(all.numel())));
  const auto mask = drop_smallest(all, count, threshold);

  checkpoint::Tensors masks;
  int64_t position = 0;
  for (const auto& [name, weight] : weights) {
    masks[name] =
        mask.narrow(0, position, weight.numel()).view(weight.sizes()).clone().to(weight.device());
    position += weight.numel();
  }
  return masks;
}

bool matches_any(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return core::matches_glob(name, pattern); });
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

checkpoint::Tensors pick(const checkpoint::Tensors& weights, const PruneOptions& options) {
  checkpoint::Tensors picked;
  std::vector<std::string> prunable;
  for (const auto& [name, weight] : weights) {
    if (!weight.is_floating_point() || weight.dim() < 2 || !ends_with(name, "weight")) continue;
    prunable.push_back(name);
    const bool included = options.include.empty() || matches_any(name, options.include);
    if (included && !matches_any(name, options.exclude)) picked[name] = weight;
  }
  if (picked.empty()) {
    throw Error(cat("no tensor to prune: include [", core::join(options.include), "] and exclude [",
                    core::join(options.exclude), "] leave none of [", core::join(prunable), "]"));
  }
  return picked;
}

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

torch::Tensor magnitude_mask(const torch::Tensor& weight, double sparsity, double* threshold) {
  check_sparsity(sparsity);
  check_weights("weight", weight);
  double limit = 0;
  auto mask = layer_mask(weight, sparsity, limit);
  if (threshold != nullptr) *threshold = limit;
  return mask;
}

PrunePattern parse_pattern(const std::string& text) {
  PrunePattern pattern;
  const char* end = text.data() + text.size();
  const auto keep = std::from_chars(text.data(), end, pattern.keep);
  const bool colon = keep.ec == std::errc() && keep.ptr != end && *keep.ptr == ':';
  const auto of = colon ? std::from_chars(keep.ptr + 1, end, pattern.of) : keep;
  if (!colon || of.ec != std::errc() || of.ptr != end || pattern.keep < 1 ||
      pattern.keep > pattern.of || pattern.of > 64) {
    throw Error(cat("pattern \"", text, "\": expected N:M with 1 <= N <= M <= 64, as in 2:4"));
  }
  return pattern;
}

torch::Tensor pattern_mask(const torch::Tensor& weight, const PrunePattern& pattern, int64_t dim) {
  check_weights("weight", weight);
  const int64_t inputs = weight.size(dim);
  const int64_t groups = (inputs + pattern.of - 1) / pattern.of;
  const auto rows = weight.detach().abs().transpose(dim, -1);
  // What fills the last group up is smaller than every weight.
  const auto filled = torch::constant_pad_nd(rows, {0, groups * pattern.of - inputs}, -1)
                          .unflatten(-1, {groups, pattern.of});
  const auto order = filled.argsort(/*stable=*/true, /*dim=*/-1, /*descending=*/true);
  const auto mask =
      torch::zeros_like(filled, torch::kByte).scatter_(-1, order.narrow(-1, 0, pattern.keep), 1);
  return mask.flatten(-2).narrow(-1, 0, inputs).transpose(dim, -1).contiguous();
}

checkpoint::Tensors global_masks(const checkpoint::Tensors& weights, double sparsity) {
  check_sparsity(sparsity);
  for (const auto& [name, weight] : weights) check_weights(cat("tensor ", name), weight);
  double threshold = 0;
  return joint_masks(weights, sparsity, threshold);
}

PruneResult prune(const checkpoint::Tensors& weights, const PruneOptions& options) {
  if (!options.pattern) check_sparsity(options.sparsity);
  const auto picked = pick(weights, options);
  for (const auto& [name, weight] : picked) check_weights(cat("tensor ", name), weight);

  PruneResult result;
  double threshold = 0;
  const bool global = !options.pattern && options.scope == PruneScope::kGlobal;
  if (global) {
    result.masks = joint_masks(picked, options.sparsity, threshold);
  }
  for (const auto& [name, weight] : picked) {
    if (options.pattern) {
      result.masks[name] =
          pattern_mask(weight, *options.pattern, options.transposed.count(name) > 0 ? 0 : 1);
    } else if (!global) {
      result.masks[name] = layer_mask(weight, options.sparsity, threshold);
    }
    const auto kept = result.masks.at(name).sum(torch::kLong).item<int64_t>();
    result.rows.push_back({name, weight.numel(), kept, threshold});
  }
  return result;
}

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
