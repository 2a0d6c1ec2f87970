#include "vidgen/graph/rewrite.h"

#include <algorithm>
#include <utility>

namespace vidgen::graph {
namespace {

/// Of each value the operation that alone reads it; null where there are several or none.
std::vector<const Op*> only_readers(const Graph& graph) {
  std::vector<const Op*> readers(graph.value_count());
  std::vector<int> counts(graph.value_count());
  for (const auto& op : graph.ops()) {
    for (const auto& input : op.inputs) {
      const auto index = static_cast<size_t>(input.index);
      readers[index] = ++counts[index] == 1 ? &op : nullptr;
    }
  }
  return readers;
}

/// A convolution and the batch normalisation of what it puts out.
std::pair<torch::Tensor, torch::Tensor> folded(const Graph& graph, const Op& convolution,
                                               const Op& norm) {
  const auto wide = [&graph](Value value) {
    return graph.constant(value)->tensor.to(torch::kDouble);
  };
  const bool transposed = std::get<Convolution>(convolution.kind).transposed;
  const auto& in = norm.inputs;
  const double epsilon = std::get<BatchNorm>(norm.kind).epsilon;
  const auto factor = wide(in[1]) / (wide(in[4]) + epsilon).sqrt();
  const auto weight = wide(convolution.inputs[1]);
  std::vector<int64_t> shape(static_cast<size_t>(weight.dim()), 1);
  shape[transposed ? 1 : 0] = -1;
  const auto bias =
      convolution.inputs.size() > 2 ? wide(convolution.inputs[2]) : torch::zeros_like(factor);
  return {(weight * factor.view(shape)).to(torch::kFloat),
          ((bias - wide(in[3])) * factor + wide(in[2])).to(torch::kFloat)};
}

}  // namespace

Graph rewritten(const Graph& graph, const Replace& replace) {
  Graph out;
  std::vector<Value> values(graph.value_count());
  const auto of = [&](Value value) {
    auto& known = values[static_cast<size_t>(value.index)];
    if (known.empty()) known = out.copy(*graph.constant(value));
    return known;
  };
  for (const auto& [name, value] : graph.inputs())
    values[static_cast<size_t>(value.index)] =
        out.input(name, graph.type(value), graph.shape(value));
  for (const auto& op : graph.ops()) {
    std::vector<Value> inputs;
    for (const auto& input : op.inputs) inputs.push_back(of(input));
    const auto replaced = replace(op, inputs, out);
    const auto results = replaced ? *replaced : out.copy(graph, op, inputs);
    for (size_t i = 0; i < results.size(); ++i)
      values[static_cast<size_t>(op.outputs[i].index)] = results[i];
  }
  for (const auto& [name, value] : graph.outputs()) out.output(name, of(value));
  return out;
}

Graph expanded(const Graph& graph) {
  return rewritten(graph,
                   [](const Op& op, const std::vector<Value>& inputs,
                      Graph& out) -> std::optional<std::vector<Value>> {
                     const auto* call = std::get_if<Call>(&op.kind);
                     if (!call) return std::nullopt;
                     return std::vector<Value>{call->block->describe(out, inputs, call->name)};
                   });
}

Graph fold_batch_norm(const Graph& graph) {
  const auto readers = only_readers(graph);
  std::vector<const Op*> gone;
  return rewritten(
      graph,
      [&](const Op& op, const std::vector<Value>& inputs,
          Graph& out) -> std::optional<std::vector<Value>> {
        if (std::find(gone.begin(), gone.end(), &op) != gone.end()) return std::vector{inputs[0]};
        const auto* convolution = std::get_if<Convolution>(&op.kind);
        const Op* norm = readers[static_cast<size_t>(op.outputs[0].index)];
        if (!convolution || !norm || !std::holds_alternative<BatchNorm>(norm->kind))
          return std::nullopt;
        gone.push_back(norm);
        const auto [weight, bias] = folded(graph, op, *norm);
        const auto name = layer_of(graph, op);
        return std::vector<Value>{out.convolve(inputs[0], out.weight(name + ".weight", weight),
                                               out.weight(name + ".bias", bias), *convolution)};
      });
}

Graph with_constants(const Graph& graph, const std::map<std::string, torch::Tensor>& tensors) {
  return rewritten(graph,
                   [&](const Op& op, const std::vector<Value>& inputs,
                       Graph& out) -> std::optional<std::vector<Value>> {
                     auto changed = inputs;
                     for (size_t i = 0; i < inputs.size(); ++i) {
                       const auto* constant = graph.constant(op.inputs[i]);
                       const auto found = constant ? tensors.find(constant->name) : tensors.end();
                       if (found != tensors.end())
                         changed[i] = out.weight(found->first, found->second);
                     }
                     return out.copy(graph, op, changed);
                   });
}

std::string layer_of(const Graph& graph, const Op& convolution) {
  const auto& name = graph.constant(convolution.inputs.at(1))->name;
  return name.substr(0, name.rfind('.'));
}

}  // namespace vidgen::graph
