#pragma once

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>

#include "vidgen/core/fields.h"

namespace vidgen::nn {

/// How weights start.
enum class Init {
  /// Convolutions normal(0, 0.02), BatchNorm normal(1, 0.02), their biases 0 (Radford et al.,
  /// 2016); all else, temporal modules of every type among it, as kDefault.
  kDcgan,
  /// PyTorch's own: uniform within 1/sqrt(fan in) for convolutions and linear layers, within
  /// 1/sqrt(hidden) for recurrent ones; BatchNorm 1 and 0; embeddings normal(0, 1).
  kDefault,
  /// Convolutions normal with variance 2 / fan in, their biases 0, for networks of rectifiers that
  /// nothing normalises (He et al., "Delving deep into rectifiers", 2015); all else as kDefault.
  kHe
};

const core::Choices<Init>& init_choices();

/// Draws every weight of the module's layers anew, from `generator` (a CPU one) only and in the
/// order of named_modules(), so that the same seed gives the same weights on any device and in any
/// memory layout. Parameters that belong to no standard layer (the gamma of SelfAttention) keep
/// their value.
void initialize(torch::nn::Module& module, Init init, at::Generator generator);

}  // namespace vidgen::nn
