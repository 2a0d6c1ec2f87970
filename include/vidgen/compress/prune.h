#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/safetensors.h"

/// Magnitude pruning as pure functions of tensors: which weights stay, without changing any.
namespace vidgen::compress {

enum class PruneScope {
  /// Each tensor loses the same share of its weights.
  kLayer,
  /// The smallest weights of all tensors together go; a tensor of small weights loses more, perhaps
  /// all.
  kGlobal
};

/// "N:M" sparsity, which some GPUs compute faster (Mishra et al., "Accelerating Sparse Deep Neural
/// Networks", 2021): of each `of` weights in a row, `keep` stay.
struct PrunePattern {
  int64_t keep = 2;
  int64_t of = 4;
};

struct PruneOptions {
  /// Share of the weights to drop, in [0, 1). Not read with a pattern, which has its own.
  double sparsity = 0.5;
  PruneScope scope = PruneScope::kLayer;
  /// Patterns on tensor names (`*` any run of characters, `?` one). A tensor is pruned when one of
  /// `include` matches, or `include` is empty, and none of `exclude` does.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  /// Instead of sparsity and scope: pattern_mask() of each tensor.
  std::optional<PrunePattern> pattern;
  /// Weights whose inputs are their first dimension, as transposed convolutions have them; those of
  /// all others are the second. Only a pattern looks at that.
  std::set<std::string> transposed;
};

/// What happened to one tensor.
struct PruneRow {
  std::string name;
  int64_t weights = 0;
  int64_t kept = 0;
  /// Smaller magnitudes were dropped and larger ones kept. For kLayer it is the quantile, and those
  /// equal to it were kept; for kGlobal it is the largest magnitude that was dropped (0 if none),
  /// and some equal to it may be kept. For a pattern, which has none, it is 0.
  double threshold = 0;
};

struct PruneResult {
  /// uint8, 1 = kept, of the shape and device of each pruned tensor, by name.
  checkpoint::Tensors masks;
  /// One per mask, in order of name.
  std::vector<PruneRow> rows;
};

/// The mask of one tensor, uint8 of its shape and device: 1 where |w| >= the quantile of |w| at
/// `sparsity`, interpolated linearly as torch.quantile does, for tensors of any size. Weights equal
/// to the quantile are kept, so a tensor with many equal ones keeps more than its share.
/// `threshold` receives the quantile unless null. Throws vidgen::Error when sparsity is not in [0,
/// 1), when the weights are not floating point, or one is infinite or not a number.
torch::Tensor magnitude_mask(const torch::Tensor& weight, double sparsity, double* threshold);

/// The masks of all tensors together: exactly sparsity * total weights (rounded, half to even) are
/// dropped, those of smallest magnitude; among equals first those of the tensor whose name comes
/// first, then in row-major order, so the masks of a larger sparsity lie within those of a smaller.
/// Throws as magnitude_mask() does, naming the tensor.
checkpoint::Tensors global_masks(const checkpoint::Tensors& weights, double sparsity);

/// "2:4" as a pattern. Throws vidgen::Error unless 1 <= N <= M <= 64.
PrunePattern parse_pattern(const std::string& text);

/// The mask of one tensor, uint8 of its shape and device: of each `of` neighbours along the
/// dimension `dim`, counted from its start, the `keep` of largest magnitude stay, among equals the
/// first. The last ones, where fewer than `of` are left, lose those beyond `keep`. Throws as
/// magnitude_mask() does.
torch::Tensor pattern_mask(const torch::Tensor& weight, const PrunePattern& pattern, int64_t dim);

/// Prunes the tensors that can be: floating point, two dimensions or more, a name that ends in
/// "weight", and picked by the patterns. Throws vidgen::Error when there is none, and as the
/// functions above do, naming the tensor.
PruneResult prune(const checkpoint::Tensors& weights, const PruneOptions& options);

/// Prunes the generator of a checkpoint or weights file in place, by the magnitudes of the averaged
/// weights, and adds the masks, so that further training keeps them. What an earlier pass removed
/// stays removed. Dense kernels compute with zeros as with any number: only a file of weights gets
/// smaller. Fills options.transposed in. Throws vidgen::Error as prune() does.
std::vector<PruneRow> prune_checkpoint(checkpoint::Checkpoint& checkpoint, PruneOptions options);

}  // namespace vidgen::compress
