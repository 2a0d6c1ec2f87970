#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include "vidgen/nn/attention.h"

namespace vidgen::nn {

/// Floating-point operations of the forward pass in which `layer` put out `output`, where a
/// multiplication and an addition count as two. Counts matrix products only, as is usual: 0 for
/// normalisation and activations. For SelfAttention over space and time, `output` is one clip.
double forward_flops(const torch::nn::Module& layer, const torch::Tensor& output);

/// Those of SelfAttention that puts out so many positions (pixels), `in_frame` of them in a frame.
double attention_flops(const SelfAttentionOptions& options, double positions, double in_frame);

}  // namespace vidgen::nn
