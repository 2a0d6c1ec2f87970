#include "vidgen/core/cases.h"
#include "vidgen/graph/rewrite.h"

namespace vidgen::graph {
namespace {

class Run {
 public:
  explicit Run(Graph graph) : graph_(std::move(graph)), values_(graph_.value_count()) {}

  std::map<std::string, torch::Tensor> operator()(
      const std::map<std::string, torch::Tensor>& inputs) {
    read(inputs);
    for (const auto& op : graph_.ops()) {
      Tensors in;
      for (const auto& input : op.inputs) in.push_back(value(input));
      const auto results = of(op, in);
      for (size_t i = 0; i < results.size(); ++i)
        values_[static_cast<size_t>(op.outputs[i].index)] = results[i];
    }
    std::map<std::string, torch::Tensor> outputs;
    for (const auto& [name, value] : graph_.outputs()) outputs[name] = this->value(value);
    return outputs;
  }

 private:
  using Tensors = std::vector<torch::Tensor>;

  /// Learns from an axis how many clips or frames there are.
  void count(const Extent& extent, int64_t size) {
    if (extent.clips && !extent.frames) clips_ = (size - extent.more) / extent.number;
    if (extent.frames && !extent.clips) frames_ = (size - extent.more) / extent.number;
  }

  void read(const std::map<std::string, torch::Tensor>& inputs) {
    for (const auto& [name, value] : graph_.inputs()) {
      const auto found = inputs.find(name);
      TORCH_CHECK(found != inputs.end(), "the input ", name, " is missing");
      const auto& shape = graph_.shape(value);
      const auto& tensor = found->second;
      TORCH_CHECK(tensor.dim() == static_cast<int64_t>(shape.size()), name, ": found ",
                  tensor.sizes(), ", expected ", shape.size(), " axes");
      for (size_t axis = 0; axis < shape.size(); ++axis)
        count(shape[axis], tensor.size(static_cast<int64_t>(axis)));
      if (tensor.is_floating_point()) type_ = tensor.scalar_type();
      values_[static_cast<size_t>(value.index)] = tensor;
    }
    for (const auto& [name, value] : graph_.inputs()) {
      const auto& tensor = values_[static_cast<size_t>(value.index)];
      TORCH_CHECK(tensor.sizes() == sizes(value), name, ": found ", tensor.sizes(), ", expected ",
                  torch::IntArrayRef(sizes(value)));
    }
  }

  std::vector<int64_t> sizes(Value value) const {
    std::vector<int64_t> sizes;
    for (const auto& extent : graph_.shape(value)) sizes.push_back(extent.of(clips_, frames_));
    return sizes;
  }

  torch::Tensor value(Value value) {
    auto& tensor = values_.at(static_cast<size_t>(value.index));
    if (!tensor.defined()) tensor = graph_.constant(value)->value().to(type_);
    return tensor;
  }

  torch::Tensor of(Function function, const Tensors& in) {
    switch (function) {
      case Function::kRelu:
        return in[0].relu();
      case Function::kLeakyRelu:
        return at::leaky_relu(in[0], 0.2);
      case Function::kTanh:
        return in[0].tanh();
      case Function::kSigmoid:
        return in[0].sigmoid();
      case Function::kSin:
        return in[0].sin();
      case Function::kCos:
        return in[0].cos();
      case Function::kAdd:
        return in[0] + in[1];
      case Function::kMultiply:
        return in[0] * in[1];
      case Function::kMatrixProduct:
        return in[0].matmul(in[1]);
      case Function::kSoftmax:
        return in[0].softmax(-1);
      case Function::kLookUp:
        return in[0].index_select(0, in[1]);
    }
    TORCH_CHECK(false, "unknown function");
  }

  torch::Tensor of(const Convolution& convolution, const Tensors& in) {
    const auto bias = in.size() > 2 ? std::optional(in[2]) : std::nullopt;
    return at::convolution(in[0], in[1], bias, {convolution.stride}, {convolution.padding}, {1},
                           convolution.transposed, {0}, 1);
  }

  Tensors of(const Recurrence& layer, const Tensors& in) {
    const Tensors weights(in.begin() + 1, in.begin() + 5);
    Tensors before(in.begin() + 5, in.end());
    if (before.empty()) {
      const auto zeros = in[0].new_zeros({1, in[0].size(1), in[2].size(1)});
      before.assign(layer.lstm ? 2 : 1, zeros);
    }
    if (layer.lstm) {
      const auto [path, state, cells] =
          at::lstm(in[0], before, weights, /*has_biases=*/true, /*num_layers=*/1, /*dropout=*/0,
                   /*train=*/false, /*bidirectional=*/false, /*batch_first=*/false);
      return {path, state, cells};
    }
    const auto [path, state] = at::gru(
        in[0], before.front(), weights, /*has_biases=*/true, /*num_layers=*/1, /*dropout=*/0,
        /*train=*/false, /*bidirectional=*/false, /*batch_first=*/false);
    return {path, state};
  }

  Tensors of(const Op& op, const Tensors& in) {
    const core::Cases cases{
        [&](Function function) -> Tensors { return {of(function, in)}; },
        [&](const Convolution& convolution) -> Tensors { return {of(convolution, in)}; },
        [&](const Recurrence& layer) -> Tensors { return of(layer, in); },
        [&](RepeatPixels) -> Tensors {
          return {at::upsample_nearest2d(in[0], {2 * in[0].size(2), 2 * in[0].size(3)})};
        },
        [&](Sample) -> Tensors { return {at::grid_sampler(in[0], in[1], 0, 0, false)}; },
        [&](RepeatFrames) -> Tensors {
          return {in[0].expand({-1, frames_, -1})};
        },
        [&](const RoundToUint8& round) -> Tensors {
          return {
              at::fake_quantize_per_tensor_affine(in[0], round.scale, round.zero_point, 0, 255)};
        },
        [&](const Concatenate& joined) -> Tensors { return {torch::cat(in, joined.axis)}; },
        [&](const Split& split) -> Tensors { return in[0].split_with_sizes(split.sizes, 1); },
        [&](Reshape) -> Tensors { return {in[0].reshape(sizes(op.outputs[0]))}; },
        [&](const Transpose& transpose) -> Tensors { return {in[0].permute(transpose.axes)}; },
        [&](const BatchNorm& norm) -> Tensors {
          return {at::batch_norm(in[0], in[1], in[2], in[3], in[4], /*training=*/false,
                                 /*momentum=*/0, norm.epsilon, /*cudnn_enabled=*/false)};
        },
        [&](const Call& call) -> Tensors { TORCH_CHECK(false, call.name, ": is not expanded"); }};
    return std::visit(cases, op.kind);
  }

  const Graph graph_;
  Tensors values_;
  torch::ScalarType type_ = torch::kFloat;
  int64_t clips_ = 1, frames_ = 1;
};

}  // namespace

std::map<std::string, torch::Tensor> run(const Graph& graph,
                                         const std::map<std::string, torch::Tensor>& inputs) {
  const torch::NoGradGuard no_grad;
  return Run(expanded(graph))(inputs);
}

}  // namespace vidgen::graph
