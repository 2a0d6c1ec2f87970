#pragma once

#include <map>
#include <protozero/pbf_builder.hpp>

#include "graph_writer.h"

namespace vidgen::infer {

/// Writes ONNX (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) of IR version 8 and
/// operator set 17. Written field by field: LibTorch brings a protobuf library of its own, beside
/// which no second one can live in a program.
class OnnxWriter : public GraphWriter {
 public:
  OnnxWriter();

  Value input(const std::string& name, torch::ScalarType type, const GraphShape& shape) override;
  Value weight(const std::string& name, const torch::Tensor& tensor) override;
  Value scaled_weight(const std::string& name, const torch::Tensor& integers,
                      const torch::Tensor& scale, int64_t axis) override;
  Value number(double value) override;
  Value apply(Operation operation, const std::vector<Value>& inputs) override;
  Value convolve(const Value& x, const Value& weight, const Value& bias,
                 const Convolution& convolution) override;
  RecurrentValues recur(const Value& x, const RecurrentLayer& layer,
                        const std::vector<Value>& states) override;
  Value repeat_pixels(const Value& x) override;
  Value sample(const Value& x, const Value& grid) override;
  Value repeat_frames(const Value& x, const Extent& frames) override;
  Value round_to_uint8(const Value& x, double scale, int64_t zero_point) override;
  Value concatenate(const std::vector<Value>& parts, int64_t axis) override;
  std::vector<Value> split(const Value& x, const std::vector<int64_t>& sizes) override;
  Value reshape(const Value& x, const std::vector<Extent>& shape) override;
  Value transpose(const Value& x, const std::vector<int64_t>& axes) override;
  void output(const std::string& name, const Value& value, const GraphShape& shape) override;
  std::string finish(const core::Json& description) override;

 private:
  /// Fields of onnx.GraphProto.
  enum class GraphField : protozero::pbf_tag_type {
    kNode = 1,
    kName = 2,
    kInitializer = 5,
    kInput = 11,
    kOutput = 12
  };
  struct Attribute {
    const char* name;
    std::variant<int64_t, float, std::string, std::vector<int64_t>> value;
  };
  using Attributes = std::vector<Attribute>;

  /// Adds a node and returns its outputs.
  std::vector<Value> node(const char* type, const std::vector<Value>& inputs,
                          const Attributes& attributes, size_t outputs);
  /// One with a single output.
  Value value_of(const char* type, const std::vector<Value>& inputs,
                 const Attributes& attributes = {});
  Value integers(const std::vector<int64_t>& values);
  Value tensor_of(const Extent& extent);
  /// A constant, under a name of its own that begins with `name`.
  Value initializer(const std::string& name, const torch::Tensor& tensor);
  void declare(GraphField field, const std::string& name, torch::ScalarType type,
               const GraphShape& shape);

  std::string bytes_;
  protozero::pbf_builder<GraphField> graph_{bytes_};
  /// How often each name was taken.
  std::map<std::string, int64_t> names_;
  std::string unique(const std::string& name);
};

}  // namespace vidgen::infer
