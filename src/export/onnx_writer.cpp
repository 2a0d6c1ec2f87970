#include <map>
#include <variant>

#include "onnx_fields.h"
#include "vidgen/core/cases.h"
#include "vidgen/core/error.h"
#include "vidgen/core/version.h"
#include "writers.h"

namespace vidgen::exporting {
namespace {

using graph::Graph;
using graph::Value;
using namespace onnx;

constexpr int64_t kIrVersion = 8, kOperatorSet = 17;
/// What protobuf reads.
constexpr size_t kLargestFile = (size_t{1} << 31) - 1;

/// The gates [gates * H, ...] of LibTorch's cells in ONNX's order, and as a layer of one direction:
/// [1, gates * H, ...]. LibTorch has input, forget, cell, output for an LSTM and reset, update, new
/// for a GRU; ONNX has input, output, forget, cell and update, reset, new.
torch::Tensor reordered_gates(const torch::Tensor& tensor, bool lstm) {
  const auto gates = tensor.chunk(lstm ? 4 : 3, 0);
  return (lstm ? torch::cat({gates[0], gates[3], gates[1], gates[2]})
               : torch::cat({gates[1], gates[0], gates[2]}))
      .unsqueeze(0);
}

struct Attribute {
  const char* name;
  std::variant<int64_t, float, std::string, std::vector<int64_t>> value;
};
using Attributes = std::vector<Attribute>;
/// Of values, in the file.
using Name = std::string;
using Names = std::vector<Name>;

/// Writes onnx.GraphProto.
class OnnxWriter {
 public:
  explicit OnnxWriter(const Graph& graph) : graph_(graph), names_(graph.value_count()) {}

  std::string write();

 private:
  /// A name that was not given yet, which begins with `name`.
  Name unique(const std::string& name);
  /// The name of a value; a constant is written when it is asked for.
  Name name(Value value);
  Names names(const std::vector<Value>& values);
  Name constant(const graph::Constant& constant);
  Name initializer(const std::string& name, const torch::Tensor& tensor);
  Name integers(const std::vector<int64_t>& values);
  /// Adds a node and returns its outputs.
  Names node(const char* type, const Names& inputs, const Attributes& attributes, size_t outputs);
  /// One with a single output.
  Name value_of(const char* type, const Names& inputs, const Attributes& attributes = {});
  /// A tensor of the lengths, [N].
  Name shape_of(const std::vector<graph::Length>& lengths);
  void declare(GraphField field, const Name& name, Value value);
  void output(const graph::Port& port);

  Names write(const graph::Op& op);
  Name write(graph::Function function, const Names& in);
  Name write(const graph::Convolution& convolution, const Names& in);
  Names write(const graph::Recurrence& layer, const std::vector<Value>& inputs);
  Name write(const graph::RoundToUint8& round, const Name& x);

  const Graph& graph_;
  /// Of the values; empty before they are written.
  Names names_;
  std::string bytes_;
  pbf_builder<GraphField> message_{bytes_};
  /// How often each name was taken.
  std::map<std::string, int64_t> taken_;
};

Name OnnxWriter::unique(const std::string& name) {
  const int64_t before = taken_[name]++;
  return before == 0 ? name : core::cat(name, "_", before);
}

Name OnnxWriter::name(Value value) {
  auto& name = names_.at(static_cast<size_t>(value.index));
  if (name.empty()) name = constant(*graph_.constant(value));
  return name;
}

Names OnnxWriter::names(const std::vector<Value>& values) {
  Names names;
  for (const auto& value : values) names.push_back(name(value));
  return names;
}

Name OnnxWriter::constant(const graph::Constant& constant) {
  const auto& [name, tensor, scale, axis] = constant;
  if (!scale.defined()) return initializer(name, tensor.to(torch::kFloat));
  return value_of(
      "DequantizeLinear",
      {initializer(name, tensor), initializer(name + ".scale", scale),
       initializer(name + ".zero_point", torch::zeros_like(scale, tensor.scalar_type()))},
      {{"axis", axis}});
}

Name OnnxWriter::initializer(const std::string& name, const torch::Tensor& tensor) {
  const auto values = tensor.cpu().contiguous();
  const Name own_name = unique(name);
  pbf_builder<TensorField> message(message_, GraphField::kInitializer);
  for (const int64_t size : values.sizes()) message.add_int64(TensorField::kDims, size);
  message.add_int32(TensorField::kDataType, element_type(values.scalar_type()));
  message.add_string(TensorField::kName, own_name);
  message.add_bytes(TensorField::kRawData, static_cast<const char*>(values.const_data_ptr()),
                    values.nbytes());
  return own_name;
}

Name OnnxWriter::integers(const std::vector<int64_t>& values) {
  return initializer("integers", torch::tensor(values, torch::kLong));
}

Names OnnxWriter::node(const char* type, const Names& inputs, const Attributes& attributes,
                       size_t outputs) {
  const Name name = unique(type);
  Names results;
  for (size_t i = 0; i < outputs; ++i) results.push_back(unique(core::cat(name, ".out")));
  pbf_builder<NodeField> node(message_, GraphField::kNode);
  for (const auto& input : inputs) node.add_string(NodeField::kInput, input);
  for (const auto& result : results) node.add_string(NodeField::kOutput, result);
  node.add_string(NodeField::kName, name);
  node.add_string(NodeField::kType, type);
  for (const auto& [key, value] : attributes) {
    pbf_builder<AttributeField> attribute(node, NodeField::kAttribute);
    attribute.add_string(AttributeField::kName, key);
    std::visit([&](const auto& content) { write_attribute_value(attribute, content); }, value);
  }
  return results;
}

Name OnnxWriter::value_of(const char* type, const Names& inputs, const Attributes& attributes) {
  return node(type, inputs, attributes, 1).front();
}

Name OnnxWriter::write(graph::Function function, const Names& in) {
  using graph::Function;
  static const std::map<Function, std::pair<const char*, Attributes>> operators{
      {Function::kRelu, {"Relu", {}}},
      {Function::kLeakyRelu, {"LeakyRelu", {{"alpha", 0.2f}}}},
      {Function::kTanh, {"Tanh", {}}},
      {Function::kSigmoid, {"Sigmoid", {}}},
      {Function::kSin, {"Sin", {}}},
      {Function::kCos, {"Cos", {}}},
      {Function::kAdd, {"Add", {}}},
      {Function::kMultiply, {"Mul", {}}},
      {Function::kMatrixProduct, {"MatMul", {}}},
      {Function::kSoftmax, {"Softmax", {{"axis", int64_t{-1}}}}},
      {Function::kLookUp, {"Gather", {{"axis", int64_t{0}}}}}};
  const auto& [type, attributes] = operators.at(function);
  return value_of(type, in, attributes);
}

Name OnnxWriter::write(const graph::Convolution& convolution, const Names& in) {
  const auto axes = static_cast<size_t>(convolution.axes);
  return value_of(convolution.transposed ? "ConvTranspose" : "Conv", in,
                  {{"strides", std::vector<int64_t>(axes, convolution.stride)},
                   {"pads", std::vector<int64_t>(2 * axes, convolution.padding)}});
}

Names OnnxWriter::write(const graph::Recurrence& layer, const std::vector<Value>& inputs) {
  const auto gates = [&](size_t input) {
    return reordered_gates(graph_.constant(inputs[input])->value().to(torch::kFloat), layer.lstm);
  };
  const auto& weight = *graph_.constant(inputs[2]);
  // The empty name stands for the lengths of the sequences, all of which are T.
  Names in{name(inputs[0]), initializer(graph_.constant(inputs[1])->name, gates(1)),
           initializer(weight.name, gates(2)),
           initializer(graph_.constant(inputs[3])->name, torch::cat({gates(3), gates(4)}, 1)), ""};
  for (size_t i = 5; i < inputs.size(); ++i) in.push_back(name(inputs[i]));
  if (inputs.size() == 5) in.pop_back();
  Attributes attributes{{"hidden_size", weight.tensor.size(1)}};
  // LibTorch's GRU: the reset gate comes behind the product with the hidden weights.
  if (!layer.lstm) attributes.push_back({"linear_before_reset", int64_t{1}});
  auto results = node(layer.lstm ? "LSTM" : "GRU", in, attributes, layer.lstm ? 3 : 2);
  // [T, directions = 1, B, H] -> [T,B,H].
  results.front() = value_of("Squeeze", {results.front(), integers({1})});
  return results;
}

Name OnnxWriter::write(const graph::RoundToUint8& round, const Name& x) {
  const Name step = initializer("step", torch::scalar_tensor(round.scale, torch::kFloat));
  const Name zero = initializer("zero_point", torch::scalar_tensor(round.zero_point, torch::kByte));
  return value_of("DequantizeLinear", {value_of("QuantizeLinear", {x, step, zero}), step, zero});
}

Name OnnxWriter::shape_of(const std::vector<graph::Length>& lengths) {
  Names parts;
  std::vector<int64_t> numbers;
  const auto add_numbers = [&] {
    if (!numbers.empty()) parts.push_back(integers(numbers));
    numbers.clear();
  };
  for (const auto& [number, like] : lengths) {
    if (like.empty()) {
      numbers.push_back(number);
    } else {
      add_numbers();
      parts.push_back(value_of("Shape", {name(like)}, {{"start", number}, {"end", number + 1}}));
    }
  }
  add_numbers();
  return parts.size() == 1 ? parts.front() : value_of("Concat", parts, {{"axis", int64_t{0}}});
}

Names OnnxWriter::write(const graph::Op& op) {
  const auto& in = op.inputs;
  const core::Cases cases{
      [&](graph::Function function) { return Names{write(function, names(in))}; },
      [&](const graph::Convolution& convolution) { return Names{write(convolution, names(in))}; },
      [&](const graph::Recurrence& layer) { return write(layer, in); },
      [&](graph::RepeatPixels) {
        const Name scales = initializer("scales", torch::tensor({1.0f, 1.0f, 2.0f, 2.0f}));
        // The empty name stands for a region of interest.
        return node("Resize", {name(in[0]), "", scales},
                    {{"coordinate_transformation_mode", std::string("asymmetric")},
                     {"mode", std::string("nearest")},
                     {"nearest_mode", std::string("floor")}},
                    1);
      },
      [&](graph::Sample) {
        return node("GridSample", names(in),
                    {{"align_corners", int64_t{0}},
                     {"mode", std::string("bilinear")},
                     {"padding_mode", std::string("zeros")}},
                    1);
      },
      [&](graph::RepeatFrames) {
        auto lengths = graph::lengths_of(graph_, op.outputs[0]);
        // An axis of 1 takes the other's length.
        for (const size_t axis : {0, 2}) lengths[axis] = {1};
        return Names{value_of("Expand", {name(in[0]), shape_of(lengths)})};
      },
      [&](const graph::RoundToUint8& round) { return Names{write(round, name(in[0]))}; },
      [&](const graph::Concatenate& joined) {
        return node("Concat", names(in), {{"axis", joined.axis}}, 1);
      },
      [&](const graph::Split& split) {
        return node("Split", {name(in[0]), integers(split.sizes)}, {{"axis", int64_t{1}}},
                    split.sizes.size());
      },
      [&](graph::Reshape) {
        const Name shape = shape_of(graph::lengths_of(graph_, op.outputs[0]));
        return Names{value_of("Reshape", {name(in[0]), shape})};
      },
      [&](const graph::Transpose& transpose) {
        return node("Transpose", names(in), {{"perm", transpose.axes}}, 1);
      },
      [](const graph::BatchNorm&) -> Names { TORCH_CHECK(false, "is folded first"); },
      [](const graph::Call&) -> Names { TORCH_CHECK(false, "is expanded first"); }};
  return std::visit(cases, op.kind);
}

void OnnxWriter::declare(GraphField field, const Name& name, Value value) {
  pbf_builder<ValueInfoField> info(message_, field);
  info.add_string(ValueInfoField::kName, name);
  pbf_builder<TypeField> message(info, ValueInfoField::kType);
  pbf_builder<TensorTypeField> tensor(message, TypeField::kTensor);
  tensor.add_int32(TensorTypeField::kElementType, element_type(graph_.type(value)));
  pbf_builder<ShapeField> extents(tensor, TensorTypeField::kShape);
  for (const auto& extent : graph_.shape(value)) {
    pbf_builder<DimensionField> dimension(extents, ShapeField::kDimension);
    if (extent.is_number()) {
      dimension.add_int64(DimensionField::kNumber, extent.number);
    } else {
      dimension.add_string(DimensionField::kName,
                           extent.more == 0 ? graph::name_of(extent) : "noise_frames");
    }
  }
}

void OnnxWriter::output(const graph::Port& port) {
  const Name own_name = unique(port.name);
  {
    pbf_builder<NodeField> node(message_, GraphField::kNode);
    node.add_string(NodeField::kInput, name(port.value));
    node.add_string(NodeField::kOutput, own_name);
    node.add_string(NodeField::kName, unique("Identity"));
    node.add_string(NodeField::kType, "Identity");
  }
  declare(GraphField::kOutput, own_name, port.value);
}

std::string OnnxWriter::write() {
  message_.add_string(GraphField::kName, "vidgen");
  for (const auto& [name, value] : graph_.inputs()) {
    names_[static_cast<size_t>(value.index)] = unique(name);
    declare(GraphField::kInput, name, value);
  }
  for (const auto& op : graph_.ops()) {
    const auto results = write(op);
    for (size_t i = 0; i < results.size(); ++i)
      names_[static_cast<size_t>(op.outputs[i].index)] = results[i];
  }
  for (const auto& port : graph_.outputs()) output(port);
  return std::move(bytes_);
}

}  // namespace

std::string to_onnx(const Graph& graph, const core::Json& description) {
  std::string file;
  pbf_builder<ModelField> model(file);
  model.add_int64(ModelField::kIrVersion, kIrVersion);
  model.add_string(ModelField::kProducerName, "vidgen");
  model.add_string(ModelField::kProducerVersion, core::version());
  model.add_message(ModelField::kGraph, OnnxWriter(graph).write());
  {
    pbf_builder<OpsetField> opset(model, ModelField::kOpsetImport);
    opset.add_int64(OpsetField::kVersion, kOperatorSet);
  }
  {
    pbf_builder<EntryField> entry(model, ModelField::kMetadata);
    entry.add_string(EntryField::kKey, "vidgen");
    entry.add_string(EntryField::kValue, description.dump());
  }
  if (file.size() > kLargestFile) {
    throw Error(core::cat("a generator of ", file.size() >> 20,
                          " MiB does not fit into an ONNX file, which holds less than 2048 MiB"));
  }
  return file;
}

}  // namespace vidgen::exporting
