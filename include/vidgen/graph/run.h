#pragma once

#include <map>
#include <string>

#include "vidgen/graph/graph.h"

namespace vidgen::graph {

/// Runs a graph by LibTorch's operators, one after the other, in the type of the inputs that are of
/// floating point (float32 or float64). `inputs` by their names; the clips and frames are as many
/// as these have. Returns the outputs by their names. Throws c10::Error for inputs of other shapes.
std::map<std::string, torch::Tensor> run(const Graph& graph,
                                         const std::map<std::string, torch::Tensor>& inputs);

}  // namespace vidgen::graph
