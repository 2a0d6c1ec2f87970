#pragma once

#include <filesystem>
#include <string>

#include "vidgen/checkpoint/safetensors.h"

/// How pruned weights are stored: a bit for each weight that says whether it was kept, and those
/// that were.
namespace vidgen::checkpoint {

/// Replaces each tensor `prefix`NAME that has a mask `mask.`NAME (uint8, 1 = kept), and the mask,
/// by sparse.`prefix`NAME.mask (uint8, eight weights a byte, the first in the lowest bit),
/// .values (the kept weights in row-major order) and .shape (int64). Weights that are not zero
/// where the mask is stay as they are.
Tensors with_sparse_weights(const Tensors& tensors, const std::string& prefix);

/// The reverse. Throws vidgen::Error naming the file and the tensor when the parts do not fit
/// together.
void expand_sparse_weights(Tensors& tensors, const std::string& prefix,
                           const std::filesystem::path& path);

}  // namespace vidgen::checkpoint
