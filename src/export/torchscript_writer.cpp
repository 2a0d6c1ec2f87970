#include <torch/csrc/jit/api/module.h>

#include <algorithm>
#include <limits>
#include <map>
#include <sstream>

#include "vidgen/core/cases.h"
#include "vidgen/core/error.h"
#include "vidgen/core/text.h"
#include "writers.h"

namespace vidgen::exporting {
namespace {

using core::cat;
using graph::Graph;
using graph::Value;
/// How the source says values.
using Name = std::string;
using Names = std::vector<Name>;

/// "[a, b]".
std::string list_of(const Names& items) { return cat("[", core::join(items), "]"); }

std::string list_of(const std::vector<int64_t>& items) {
  Names texts;
  for (const int64_t item : items) texts.push_back(std::to_string(item));
  return list_of(texts);
}

std::string text_of(double value) {
  std::ostringstream text;
  text.precision(std::numeric_limits<double>::max_digits10);
  text << value;
  // To TorchScript a number without a point is an integer, which not all of its functions take.
  const bool integer = text.str().find_first_of(".e") == std::string::npos;
  return integer ? text.str() + ".0" : text.str();
}

class TorchScriptWriter {
 public:
  explicit TorchScriptWriter(const Graph& graph) : graph_(graph), names_(graph.value_count()) {}

  std::string write(const core::Json& description);

 private:
  Name name(Value value);
  Names names(const std::vector<Value>& values);
  Name constant(const graph::Constant& constant);
  /// Adds a line that gives names to the results of an expression.
  Names assign(const std::string& expression, size_t results = 1);
  std::string length_of(const graph::Length& length);

  Names write(const graph::Op& op);
  Names write(graph::Function function, const Names& in);
  Names write(const graph::Convolution& convolution, const Names& in);
  Names write(const graph::Recurrence& layer, const graph::Op& op);

  const Graph& graph_;
  /// Of the values; empty before they are written.
  Names names_;
  torch::jit::Module module_{"__torch__.VideoGenerator"};
  std::ostringstream body_;
  int64_t count_ = 0;
};

Name TorchScriptWriter::name(Value value) {
  auto& name = names_.at(static_cast<size_t>(value.index));
  if (name.empty()) name = constant(*graph_.constant(value));
  return name;
}

Names TorchScriptWriter::names(const std::vector<Value>& values) {
  Names names;
  for (const auto& value : values) names.push_back(name(value));
  return names;
}

Name TorchScriptWriter::constant(const graph::Constant& constant) {
  const auto values = constant.value();
  if (values.dim() == 0) return text_of(values.item<double>());
  // A dot would mean a part of a part.
  std::string name = constant.name;
  std::replace(name.begin(), name.end(), '.', '_');
  module_.register_parameter(name, values.to(torch::kCPU, torch::kFloat).contiguous(),
                             /*is_buffer=*/false);
  return "self." + name;
}

Names TorchScriptWriter::assign(const std::string& expression, size_t results) {
  Names names;
  for (size_t i = 0; i < results; ++i) names.push_back(cat("v", count_++));
  body_ << "  " << core::join(names) << " = " << expression << "\n";
  return names;
}

std::string TorchScriptWriter::length_of(const graph::Length& length) {
  return length.like.empty() ? std::to_string(length.number)
                             : cat(name(length.like), ".size(", length.number, ")");
}

Names TorchScriptWriter::write(graph::Function function, const Names& in) {
  using graph::Function;
  // What they are called, and what is said behind the inputs.
  static const std::map<Function, std::pair<const char*, const char*>> functions{
      {Function::kRelu, {"relu", ""}},
      {Function::kLeakyRelu, {"leaky_relu", ", 0.2"}},
      {Function::kTanh, {"tanh", ""}},
      {Function::kSigmoid, {"sigmoid", ""}},
      {Function::kSin, {"sin", ""}},
      {Function::kCos, {"cos", ""}},
      {Function::kAdd, {"add", ""}},
      {Function::kMultiply, {"mul", ""}},
      {Function::kMatrixProduct, {"matmul", ""}},
      {Function::kSoftmax, {"softmax", ", -1"}},
      {Function::kLookUp, {"embedding", ""}}};
  const auto& [name, more] = functions.at(function);
  return assign(cat("torch.", name, "(", core::join(in), more, ")"));
}

Names TorchScriptWriter::write(const graph::Convolution& convolution, const Names& in) {
  const auto axes = static_cast<size_t>(convolution.axes);
  return assign(cat("torch.conv", convolution.transposed ? "_transpose" : "", axes, "d(", in[0],
                    ", ", in[1], ", ", in.size() > 2 ? in[2] : "None", ", ",
                    list_of(std::vector<int64_t>(axes, convolution.stride)), ", ",
                    list_of(std::vector<int64_t>(axes, convolution.padding)), ")"));
}

Names TorchScriptWriter::write(const graph::Recurrence& layer, const graph::Op& op) {
  const auto in = names(op.inputs);
  Names before(in.begin() + 5, in.end());
  if (before.empty()) {
    const auto hidden = graph_.constant(op.inputs[2])->tensor.size(1);
    before.assign(layer.lstm ? 2 : 1,
                  cat(in[0], ".new_zeros([1, ", in[0], ".size(1), ", hidden, "])"));
  }
  // With biases, one layer, no dropout, not in training, one direction, time first.
  return assign(
      cat("torch.", layer.lstm ? "lstm" : "gru", "(", in[0], ", ",
          layer.lstm ? list_of(before) : before.front(), ", ",
          list_of(Names(in.begin() + 1, in.begin() + 5)), ", True, 1, 0.0, False, False, False)"),
      op.outputs.size());
}

Names TorchScriptWriter::write(const graph::Op& op) {
  const auto x = [&] { return name(op.inputs[0]); };
  const core::Cases cases{
      [&](graph::Function function) { return write(function, names(op.inputs)); },
      [&](const graph::Convolution& convolution) { return write(convolution, names(op.inputs)); },
      [&](const graph::Recurrence& layer) { return write(layer, op); },
      [&](graph::RepeatPixels) {
        return assign(cat("torch.upsample_nearest2d(", x(), ", [2 * ", x(), ".size(2), 2 * ", x(),
                          ".size(3)])"));
      },
      [&](graph::Sample) {
        return assign(cat("torch.grid_sampler(", x(), ", ", name(op.inputs[1]), ", 0, 0, False)"));
      },
      [&](graph::RepeatFrames) {
        const auto lengths = graph::lengths_of(graph_, op.outputs[0]);
        return assign(cat(x(), ".expand([-1, ", length_of(lengths[1]), ", -1])"));
      },
      [&](const graph::RoundToUint8& round) {
        return assign(cat("torch.fake_quantize_per_tensor_affine(", x(), ", ", text_of(round.scale),
                          ", ", round.zero_point, ", 0, 255)"));
      },
      [&](const graph::Concatenate& joined) {
        return assign(cat("torch.cat(", list_of(names(op.inputs)), ", ", joined.axis, ")"));
      },
      [&](const graph::Split& split) {
        return assign(cat("torch.split_with_sizes(", x(), ", ", list_of(split.sizes), ", 1)"),
                      split.sizes.size());
      },
      [&](graph::Reshape) {
        Names lengths;
        for (const auto& length : graph::lengths_of(graph_, op.outputs[0]))
          lengths.push_back(length_of(length));
        return assign(cat(x(), ".reshape(", list_of(lengths), ")"));
      },
      [&](const graph::Transpose& transpose) {
        return assign(cat(x(), ".permute(", list_of(transpose.axes), ")"));
      },
      [](const graph::BatchNorm&) -> Names { TORCH_CHECK(false, "is folded first"); },
      [](const graph::Call&) -> Names { TORCH_CHECK(false, "is expanded first"); }};
  return std::visit(cases, op.kind);
}

std::string TorchScriptWriter::write(const core::Json& description) {
  Names inputs, outputs;
  for (const auto& [name, value] : graph_.inputs()) {
    names_[static_cast<size_t>(value.index)] = name;
    inputs.push_back(name);
  }
  for (const auto& op : graph_.ops()) {
    const auto results = write(op);
    for (size_t i = 0; i < results.size(); ++i)
      names_[static_cast<size_t>(op.outputs[i].index)] = results[i];
  }
  for (const auto& port : graph_.outputs()) outputs.push_back(name(port.value));
  module_.define(cat("def forward(self, ", core::join(inputs), "):\n", body_.str(), "  return ",
                     core::join(outputs), "\n"));
  module_.register_attribute("training", c10::BoolType::get(), false);
  std::ostringstream file;
  module_.save(file, {{"vidgen.json", description.dump()}});
  return file.str();
}

}  // namespace

std::string to_torchscript(const Graph& graph, const core::Json& description) {
  return TorchScriptWriter(graph).write(description);
}

}  // namespace vidgen::exporting
