#pragma once

#include <torch/csrc/jit/api/module.h>

#include <sstream>

#include "graph_writer.h"

namespace vidgen::infer {

/// Writes a TorchScript archive: the weights as parameters, and a `forward` whose source is put
/// together line by line.
class TorchScriptWriter : public GraphWriter {
 public:
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
  /// Adds a line that gives names to the results of an expression.
  std::vector<Value> assign(const std::string& expression, size_t results);
  /// One with a single result.
  Value line(const std::string& expression);

  torch::jit::Module module_{"__torch__.VideoGenerator"};
  std::vector<std::string> inputs_, outputs_;
  std::ostringstream body_;
  int64_t values_ = 0;
};

}  // namespace vidgen::infer
