#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "vidgen/graph/graph.h"

/// Graphs that compute the same in other operations, and running one.
namespace vidgen::graph {

/// What takes the place of an operation: its results, added to `out`, of inputs there. Nothing
/// where the operation stays.
using Replace = std::function<std::optional<std::vector<Value>>(
    const Op& op, const std::vector<Value>& inputs, Graph& out)>;
Graph rewritten(const Graph& graph, const Replace& replace);

/// Each block as the operations that it describes.
Graph expanded(const Graph& graph);

/// Batch normalisation behind a convolution that nothing else reads as part of its weights, in
/// float64; those become NAME.weight and NAME.bias of the convolution, in float32.
Graph fold_batch_norm(const Graph& graph);

/// With other tensors for the constants of these names.
Graph with_constants(const Graph& graph, const std::map<std::string, torch::Tensor>& tensors);

/// "frame.main.0" of a convolution by the weights "frame.main.0.weight".
std::string layer_of(const Graph& graph, const Op& convolution);

/// Runs a graph by LibTorch's operators, one after the other, in the type of the inputs that are of
/// floating point (float32 or float64). `inputs` by their names; the clips and frames are as many
/// as these have. Returns the outputs by their names. Throws c10::Error for inputs of other shapes.
std::map<std::string, torch::Tensor> run(const Graph& graph,
                                         const std::map<std::string, torch::Tensor>& inputs);

}  // namespace vidgen::graph
