#include "torchscript_writer.h"

#include <algorithm>
#include <limits>

#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

namespace vidgen::infer {
namespace {

/// "[a, b]".
std::string list_of(const std::vector<std::string>& items) {
  return core::cat("[", core::join(items), "]");
}

std::string list_of(const std::vector<int64_t>& items) {
  std::vector<std::string> texts;
  for (const int64_t item : items) texts.push_back(std::to_string(item));
  return list_of(texts);
}

std::string text_of(const Extent& extent) {
  return extent.value.empty() ? std::to_string(extent.number)
                              : core::cat(extent.value, ".size(", extent.number, ")");
}

}  // namespace

std::vector<Value> TorchScriptWriter::assign(const std::string& expression, size_t results) {
  std::vector<Value> names;
  for (size_t i = 0; i < results; ++i) names.push_back(core::cat("v", values_++));
  body_ << "  " << core::join(names) << " = " << expression << "\n";
  return names;
}

Value TorchScriptWriter::line(const std::string& expression) {
  return assign(expression, 1).front();
}

Value TorchScriptWriter::input(const std::string& name, torch::ScalarType, const GraphShape&) {
  inputs_.push_back(name);
  return name;
}

Value TorchScriptWriter::weight(const std::string& name, const torch::Tensor& tensor) {
  // A dot would mean a part of a part.
  std::string own_name = name;
  std::replace(own_name.begin(), own_name.end(), '.', '_');
  const auto values = tensor.detach().to(torch::kCPU, torch::kFloat).contiguous();
  module_.register_parameter(own_name, values, /*is_buffer=*/false);
  return core::cat("self.", own_name);
}

Value TorchScriptWriter::scaled_weight(const std::string& name, const torch::Tensor& integers,
                                       const torch::Tensor& scale, int64_t axis) {
  std::vector<int64_t> shape(static_cast<size_t>(integers.dim()), 1);
  shape[static_cast<size_t>(axis)] = -1;
  return weight(name, integers.to(torch::kFloat) * scale.view(shape));
}

Value TorchScriptWriter::number(double value) {
  std::ostringstream text;
  text.precision(std::numeric_limits<double>::max_digits10);
  text << value;
  // To TorchScript a number without a point is an integer, which not all of its functions take.
  const bool integer = text.str().find_first_of(".e") == std::string::npos;
  return integer ? text.str() + ".0" : text.str();
}

Value TorchScriptWriter::apply(Operation operation, const std::vector<Value>& inputs) {
  const auto call = [&](const char* function, const char* more = "") {
    return line(core::cat("torch.", function, "(", core::join(inputs), more, ")"));
  };
  switch (operation) {
    case Operation::kRelu:
      return call("relu");
    case Operation::kLeakyRelu:
      return call("leaky_relu", ", 0.2");
    case Operation::kTanh:
      return call("tanh");
    case Operation::kSigmoid:
      return call("sigmoid");
    case Operation::kSin:
      return call("sin");
    case Operation::kCos:
      return call("cos");
    case Operation::kAdd:
      return call("add");
    case Operation::kMultiply:
      return call("mul");
    case Operation::kMatrixProduct:
      return call("matmul");
    case Operation::kSoftmax:
      return call("softmax", ", -1");
    case Operation::kLookUp:
      return call("embedding");
  }
  TORCH_CHECK(false, "unknown operation");
}

Value TorchScriptWriter::convolve(const Value& x, const Value& weight, const Value& bias,
                                  const Convolution& convolution) {
  const auto axes = static_cast<size_t>(convolution.axes);
  return line(core::cat("torch.conv", convolution.transposed ? "_transpose" : "", axes, "d(", x,
                        ", ", weight, ", ", bias.empty() ? "None" : bias, ", ",
                        list_of(std::vector<int64_t>(axes, convolution.stride)), ", ",
                        list_of(std::vector<int64_t>(axes, convolution.padding)), ")"));
}

RecurrentValues TorchScriptWriter::recur(const Value& x, const RecurrentLayer& layer,
                                         const std::vector<Value>& states) {
  const std::string weights =
      list_of(std::vector<std::string>{weight(layer.name + ".input_weight", layer.input_weight),
                                       weight(layer.name + ".hidden_weight", layer.hidden_weight),
                                       weight(layer.name + ".input_bias", layer.input_bias),
                                       weight(layer.name + ".hidden_bias", layer.hidden_bias)});
  std::vector<Value> before = states;
  if (before.empty()) {
    const std::string zeros =
        core::cat(x, ".new_zeros([1, ", x, ".size(1), ", layer.hidden(), "])");
    before.assign(layer.lstm ? 2 : 1, zeros);
  }
  // With biases, one layer, no dropout, not in training, one direction, time first.
  auto results = assign(core::cat("torch.", layer.lstm ? "lstm" : "gru", "(", x, ", ",
                                  layer.lstm ? list_of(before) : before.front(), ", ", weights,
                                  ", True, 1, 0.0, False, False, False)"),
                        layer.lstm ? 3 : 2);
  const Value path = results.front();
  results.erase(results.begin());
  return {path, results};
}

Value TorchScriptWriter::repeat_pixels(const Value& x) {
  return line(
      core::cat("torch.upsample_nearest2d(", x, ", [2 * ", x, ".size(2), 2 * ", x, ".size(3)])"));
}

Value TorchScriptWriter::sample(const Value& x, const Value& grid) {
  return line(core::cat("torch.grid_sampler(", x, ", ", grid, ", 0, 0, False)"));
}

Value TorchScriptWriter::repeat_frames(const Value& x, const Extent& frames) {
  return line(core::cat(x, ".expand([-1, ", text_of(frames), ", -1])"));
}

Value TorchScriptWriter::round_to_uint8(const Value& x, double scale, int64_t zero_point) {
  return line(core::cat("torch.fake_quantize_per_tensor_affine(", x, ", ", number(scale), ", ",
                        zero_point, ", 0, 255)"));
}

Value TorchScriptWriter::concatenate(const std::vector<Value>& parts, int64_t axis) {
  return parts.size() == 1 ? parts.front()
                           : line(core::cat("torch.cat(", list_of(parts), ", ", axis, ")"));
}

std::vector<Value> TorchScriptWriter::split(const Value& x, const std::vector<int64_t>& sizes) {
  std::vector<Value> parts;
  int64_t first = 0;
  for (const int64_t size : sizes) {
    parts.push_back(line(core::cat(x, ".narrow(1, ", first, ", ", size, ")")));
    first += size;
  }
  return parts;
}

Value TorchScriptWriter::reshape(const Value& x, const std::vector<Extent>& shape) {
  std::vector<std::string> extents;
  for (const auto& extent : shape) extents.push_back(text_of(extent));
  return line(core::cat(x, ".reshape(", list_of(extents), ")"));
}

Value TorchScriptWriter::transpose(const Value& x, const std::vector<int64_t>& axes) {
  return line(core::cat(x, ".permute(", list_of(axes), ")"));
}

void TorchScriptWriter::output(const std::string&, const Value& value, const GraphShape&) {
  outputs_.push_back(value);
}

std::string TorchScriptWriter::finish(const core::Json& description) {
  module_.define(core::cat("def forward(self, ", core::join(inputs_), "):\n", body_.str(),
                           "  return ", core::join(outputs_), "\n"));
  module_.register_attribute("training", c10::BoolType::get(), false);
  std::ostringstream file;
  module_.save(file, {{"vidgen.json", description.dump()}});
  return file.str();
}

}  // namespace vidgen::infer
