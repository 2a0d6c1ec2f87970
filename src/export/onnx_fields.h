#pragma once

#include <torch/types.h>

#include <map>
#include <protozero/pbf_builder.hpp>
#include <string>
#include <vector>

/// The parts of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto that are written.
namespace vidgen::exporting::onnx {

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
enum class GraphField : Tag { kNode = 1, kName = 2, kInitializer = 5, kInput = 11, kOutput = 12 };
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

// onnx.AttributeProto.AttributeType.
constexpr int32_t kFloatAttribute = 1, kIntAttribute = 2, kStringAttribute = 3, kIntsAttribute = 7;

/// onnx.TensorProto.DataType.
inline int32_t element_type(torch::ScalarType type) {
  static const std::map<torch::ScalarType, int32_t> types{{torch::kFloat, 1},
                                                          {torch::kByte, 2},
                                                          {torch::kChar, 3},
                                                          {torch::kInt, 6},
                                                          {torch::kLong, 7}};
  const auto found = types.find(type);
  TORCH_CHECK(found != types.end(), "no ONNX type for ", type);
  return found->second;
}

inline void write_attribute_value(pbf_builder<AttributeField>& attribute, int64_t value) {
  attribute.add_int64(AttributeField::kInt, value);
  attribute.add_enum(AttributeField::kType, kIntAttribute);
}

inline void write_attribute_value(pbf_builder<AttributeField>& attribute, float value) {
  attribute.add_float(AttributeField::kFloat, value);
  attribute.add_enum(AttributeField::kType, kFloatAttribute);
}

inline void write_attribute_value(pbf_builder<AttributeField>& attribute,
                                  const std::string& value) {
  attribute.add_bytes(AttributeField::kString, value);
  attribute.add_enum(AttributeField::kType, kStringAttribute);
}

inline void write_attribute_value(pbf_builder<AttributeField>& attribute,
                                  const std::vector<int64_t>& values) {
  for (const int64_t value : values) attribute.add_int64(AttributeField::kInts, value);
  attribute.add_enum(AttributeField::kType, kIntsAttribute);
}

}  // namespace vidgen::exporting::onnx
