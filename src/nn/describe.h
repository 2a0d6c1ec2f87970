#pragma once

#include <torch/nn/module.h>

#include <string>

#include "vidgen/graph/graph.h"

namespace vidgen::nn {

/// Adds one of LibTorch's layers, as it is in evaluation mode, with weights called after `name`. A
/// transposed convolution may be given longer latents than it takes, of which it reads the first
/// numbers.
graph::Value describe_layer(graph::Graph& graph, graph::Value x, const torch::nn::Module& layer,
                            const std::string& name);

}  // namespace vidgen::nn
