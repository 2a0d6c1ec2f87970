#include "onnx_writer.h"

#include "vidgen/core/error.h"
#include "vidgen/core/version.h"

namespace vidgen::infer {
namespace {

using protozero::pbf_builder;
using Tag = protozero::pbf_tag_type;

// Field numbers, by message.
enum class ModelField : Tag {
  kIrVersion = 1,
  kProducerName = 2,
  kProducerVersion = 3,
  kGraph = 7,
  kOpsetImport = 8,
  kMetadata = 14
};
enum class OpsetField : Tag { kVersion = 2 };
enum class EntryField : Tag { kKey = 1, kValue = 2 };
enum class NodeField : Tag { kInput = 1, kOutput = 2, kName = 3, kType = 4, kAttribute = 5 };
enum class AttributeField : Tag {
  kName = 1,
  kFloat = 2,
  kInt = 3,
  kString = 4,
  kInts = 8,
  kType = 20
};
enum class TensorField : Tag { kDims = 1, kDataType = 2, kName = 8, kRawData = 9 };
enum class ValueInfoField : Tag { kName = 1, kType = 2 };
enum class TypeField : Tag { kTensor = 1 };
enum class TensorTypeField : Tag { kElementType = 1, kShape = 2 };
enum class ShapeField : Tag { kDimension = 1 };
enum class DimensionField : Tag { kNumber = 1, kName = 2 };

constexpr int64_t kIrVersion = 8, kOperatorSet = 17;
/// What protobuf reads.
constexpr size_t kLargestFile = (size_t{1} << 31) - 1;

// onnx.AttributeProto.AttributeType.
constexpr int32_t kFloatAttribute = 1, kIntAttribute = 2, kStringAttribute = 3, kIntsAttribute = 7;

/// onnx.TensorProto.DataType.
int32_t element_type(torch::ScalarType type) {
  switch (type) {
    case torch::kFloat:
      return 1;
    case torch::kByte:
      return 2;
    case torch::kChar:
      return 3;
    case torch::kInt:
      return 6;
    case torch::kLong:
      return 7;
    default:
      TORCH_CHECK(false, "no ONNX type for ", type);
  }
}

void write_attribute_value(pbf_builder<AttributeField>& attribute, int64_t value) {
  attribute.add_int64(AttributeField::kInt, value);
  attribute.add_enum(AttributeField::kType, kIntAttribute);
}

void write_attribute_value(pbf_builder<AttributeField>& attribute, float value) {
  attribute.add_float(AttributeField::kFloat, value);
  attribute.add_enum(AttributeField::kType, kFloatAttribute);
}

void write_attribute_value(pbf_builder<AttributeField>& attribute, const std::string& value) {
  attribute.add_bytes(AttributeField::kString, value);
  attribute.add_enum(AttributeField::kType, kStringAttribute);
}

void write_attribute_value(pbf_builder<AttributeField>& attribute,
                           const std::vector<int64_t>& values) {
  for (const int64_t value : values) attribute.add_int64(AttributeField::kInts, value);
  attribute.add_enum(AttributeField::kType, kIntsAttribute);
}

/// The gates [gates * H, ...] of LibTorch's cells in ONNX's order, and as a layer of one direction:
/// [1, gates * H, ...]. LibTorch has input, forget, cell, output for an LSTM and reset, update, new
/// for a GRU; ONNX has input, output, forget, cell and update, reset, new.
torch::Tensor reordered_gates(const torch::Tensor& tensor, bool lstm) {
  const auto gates = tensor.chunk(lstm ? 4 : 3, 0);
  return (lstm ? torch::cat({gates[0], gates[3], gates[1], gates[2]})
               : torch::cat({gates[1], gates[0], gates[2]}))
      .unsqueeze(0);
}

}  // namespace

OnnxWriter::OnnxWriter() { graph_.add_string(GraphField::kName, "vidgen"); }

std::string OnnxWriter::unique(const std::string& name) {
  const int64_t before = names_[name]++;
  return before == 0 ? name : core::cat(name, "_", before);
}

std::vector<Value> OnnxWriter::node(const char* type, const std::vector<Value>& inputs,
                                    const Attributes& attributes, size_t outputs) {
  const std::string name = unique(type);
  std::vector<Value> results;
  for (size_t i = 0; i < outputs; ++i) results.push_back(unique(core::cat(name, ".out")));
  pbf_builder<NodeField> node(graph_, GraphField::kNode);
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

Value OnnxWriter::value_of(const char* type, const std::vector<Value>& inputs,
                           const Attributes& attributes) {
  return node(type, inputs, attributes, 1).front();
}

Value OnnxWriter::initializer(const std::string& name, const torch::Tensor& tensor) {
  const auto values = tensor.detach().cpu().contiguous();
  const std::string own_name = unique(name);
  pbf_builder<TensorField> message(graph_, GraphField::kInitializer);
  for (const int64_t size : values.sizes()) message.add_int64(TensorField::kDims, size);
  message.add_int32(TensorField::kDataType, element_type(values.scalar_type()));
  message.add_string(TensorField::kName, own_name);
  message.add_bytes(TensorField::kRawData, static_cast<const char*>(values.const_data_ptr()),
                    values.nbytes());
  return own_name;
}

Value OnnxWriter::integers(const std::vector<int64_t>& values) {
  return initializer("integers", torch::tensor(values, torch::kLong));
}

Value OnnxWriter::number(double value) {
  return initializer("number", torch::scalar_tensor(value, torch::kFloat));
}

Value OnnxWriter::weight(const std::string& name, const torch::Tensor& tensor) {
  return initializer(name, tensor.to(torch::kFloat));
}

Value OnnxWriter::scaled_weight(const std::string& name, const torch::Tensor& integers,
                                const torch::Tensor& scale, int64_t axis) {
  return value_of(
      "DequantizeLinear",
      {initializer(name, integers), initializer(name + ".scale", scale),
       initializer(name + ".zero_point", torch::zeros_like(scale, integers.scalar_type()))},
      {{"axis", axis}});
}

Value OnnxWriter::round_to_uint8(const Value& x, double scale, int64_t zero_point) {
  const Value step = number(scale);
  const Value zero = initializer("zero_point", torch::scalar_tensor(zero_point, torch::kByte));
  return value_of("DequantizeLinear", {value_of("QuantizeLinear", {x, step, zero}), step, zero});
}

Value OnnxWriter::apply(Operation operation, const std::vector<Value>& inputs) {
  switch (operation) {
    case Operation::kRelu:
      return value_of("Relu", inputs);
    case Operation::kLeakyRelu:
      return value_of("LeakyRelu", inputs, {{"alpha", 0.2f}});
    case Operation::kTanh:
      return value_of("Tanh", inputs);
    case Operation::kSigmoid:
      return value_of("Sigmoid", inputs);
    case Operation::kSin:
      return value_of("Sin", inputs);
    case Operation::kCos:
      return value_of("Cos", inputs);
    case Operation::kAdd:
      return value_of("Add", inputs);
    case Operation::kMultiply:
      return value_of("Mul", inputs);
    case Operation::kMatrixProduct:
      return value_of("MatMul", inputs);
    case Operation::kSoftmax:
      return value_of("Softmax", inputs, {{"axis", int64_t{-1}}});
    case Operation::kLookUp:
      return value_of("Gather", inputs, {{"axis", int64_t{0}}});
  }
  TORCH_CHECK(false, "unknown operation");
}

Value OnnxWriter::convolve(const Value& x, const Value& weight, const Value& bias,
                           const Convolution& convolution) {
  const auto axes = static_cast<size_t>(convolution.axes);
  std::vector<Value> inputs{x, weight};
  if (!bias.empty()) inputs.push_back(bias);
  return value_of(convolution.transposed ? "ConvTranspose" : "Conv", inputs,
                  {{"strides", std::vector<int64_t>(axes, convolution.stride)},
                   {"pads", std::vector<int64_t>(2 * axes, convolution.padding)}});
}

RecurrentValues OnnxWriter::recur(const Value& x, const RecurrentLayer& layer,
                                  const std::vector<Value>& states) {
  const auto gates = [&](const char* part, const torch::Tensor& tensor) {
    return weight(core::cat(layer.name, ".", part), reordered_gates(tensor, layer.lstm));
  };
  const auto bias = torch::cat({reordered_gates(layer.input_bias, layer.lstm),
                                reordered_gates(layer.hidden_bias, layer.lstm)},
                               1);
  // The empty name stands for the lengths of the sequences, all of which are T.
  std::vector<Value> inputs{x, gates("input_weight", layer.input_weight),
                            gates("hidden_weight", layer.hidden_weight),
                            weight(core::cat(layer.name, ".bias"), bias), ""};
  inputs.insert(inputs.end(), states.begin(), states.end());
  if (states.empty()) inputs.pop_back();
  Attributes attributes{{"hidden_size", layer.hidden()}};
  // LibTorch's GRU: the reset gate comes behind the product with the hidden weights.
  if (!layer.lstm) attributes.push_back({"linear_before_reset", int64_t{1}});
  auto results = node(layer.lstm ? "LSTM" : "GRU", inputs, attributes, layer.lstm ? 3 : 2);
  // [T, directions = 1, B, H] -> [T,B,H].
  const Value path = value_of("Squeeze", {results.front(), integers({1})});
  results.erase(results.begin());
  return {path, results};
}

Value OnnxWriter::repeat_pixels(const Value& x) {
  const Value scales = initializer("scales", torch::tensor({1.0f, 1.0f, 2.0f, 2.0f}));
  // The empty name stands for a region of interest.
  return value_of("Resize", {x, "", scales},
                  {{"coordinate_transformation_mode", std::string("asymmetric")},
                   {"mode", std::string("nearest")},
                   {"nearest_mode", std::string("floor")}});
}

Value OnnxWriter::sample(const Value& x, const Value& grid) {
  return value_of("GridSample", {x, grid},
                  {{"align_corners", int64_t{0}},
                   {"mode", std::string("bilinear")},
                   {"padding_mode", std::string("zeros")}});
}

Value OnnxWriter::tensor_of(const Extent& extent) {
  if (extent.value.empty()) return integers({extent.number});
  return value_of("Shape", {extent.value}, {{"start", extent.number}, {"end", extent.number + 1}});
}

Value OnnxWriter::repeat_frames(const Value& x, const Extent& frames) {
  const Value shape = concatenate({integers({1}), tensor_of(frames), integers({1})}, 0);
  return value_of("Expand", {x, shape});
}

Value OnnxWriter::concatenate(const std::vector<Value>& parts, int64_t axis) {
  return parts.size() == 1 ? parts.front() : value_of("Concat", parts, {{"axis", axis}});
}

std::vector<Value> OnnxWriter::split(const Value& x, const std::vector<int64_t>& sizes) {
  return node("Split", {x, integers(sizes)}, {{"axis", int64_t{1}}}, sizes.size());
}

Value OnnxWriter::reshape(const Value& x, const std::vector<Extent>& shape) {
  std::vector<Value> parts;
  std::vector<int64_t> numbers;
  const auto add_numbers = [&] {
    if (!numbers.empty()) parts.push_back(integers(numbers));
    numbers.clear();
  };
  for (const auto& extent : shape) {
    if (extent.value.empty()) {
      numbers.push_back(extent.number);
    } else {
      add_numbers();
      parts.push_back(tensor_of(extent));
    }
  }
  add_numbers();
  return value_of("Reshape", {x, concatenate(parts, 0)});
}

Value OnnxWriter::transpose(const Value& x, const std::vector<int64_t>& axes) {
  return value_of("Transpose", {x}, {{"perm", axes}});
}

void OnnxWriter::declare(GraphField field, const std::string& name, torch::ScalarType type,
                         const GraphShape& shape) {
  pbf_builder<ValueInfoField> info(graph_, field);
  info.add_string(ValueInfoField::kName, name);
  pbf_builder<TypeField> message(info, ValueInfoField::kType);
  pbf_builder<TensorTypeField> tensor(message, TypeField::kTensor);
  tensor.add_int32(TensorTypeField::kElementType, element_type(type));
  pbf_builder<ShapeField> extents(tensor, TensorTypeField::kShape);
  for (const auto& extent : shape) {
    pbf_builder<DimensionField> dimension(extents, ShapeField::kDimension);
    if (const auto* number = std::get_if<int64_t>(&extent)) {
      dimension.add_int64(DimensionField::kNumber, *number);
    } else {
      dimension.add_string(DimensionField::kName, std::get<std::string>(extent));
    }
  }
}

Value OnnxWriter::input(const std::string& name, torch::ScalarType type, const GraphShape& shape) {
  const std::string own_name = unique(name);
  declare(GraphField::kInput, own_name, type, shape);
  return own_name;
}

void OnnxWriter::output(const std::string& name, const Value& value, const GraphShape& shape) {
  const std::string own_name = unique(name);
  {
    pbf_builder<NodeField> node(graph_, GraphField::kNode);
    node.add_string(NodeField::kInput, value);
    node.add_string(NodeField::kOutput, own_name);
    node.add_string(NodeField::kName, unique("Identity"));
    node.add_string(NodeField::kType, "Identity");
  }
  declare(GraphField::kOutput, own_name, torch::kFloat, shape);
}

std::string OnnxWriter::finish(const core::Json& description) {
  std::string file;
  pbf_builder<ModelField> model(file);
  model.add_int64(ModelField::kIrVersion, kIrVersion);
  model.add_string(ModelField::kProducerName, "vidgen");
  model.add_string(ModelField::kProducerVersion, core::version());
  model.add_message(ModelField::kGraph, bytes_);
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

}  // namespace vidgen::infer
