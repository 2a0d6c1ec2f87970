#include "onednn.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

// The operators are those that torch.compile fuses convolutions into; LibTorch has no header for
// them, and finds them by name.
namespace vidgen::infer {
namespace {

c10::OperatorHandle find_operator(const std::string& name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(("mkldnn::" + name).c_str(), "");
}

/// The activation's name, and what else oneDNN has to know about it.
std::pair<std::string, c10::List<std::optional<at::Scalar>>> attribute(Activation activation) {
  c10::List<std::optional<at::Scalar>> scalars;
  switch (activation) {
    case Activation::kNone:
      return {"none", scalars};
    case Activation::kRelu:
      return {"relu", scalars};
    case Activation::kLeakyRelu:
      scalars.push_back(std::optional<at::Scalar>(0.2));
      return {"leaky_relu", scalars};
    case Activation::kTanh:
      return {"tanh", scalars};
  }
  TORCH_CHECK(false, "unknown activation");
}

}  // namespace

PackedConvolution::PackedConvolution(const torch::Tensor& weight, const torch::Tensor& bias,
                                     const Form& form, Activation activation)
    : operator_(find_operator(form.transposed ? "_convolution_transpose_pointwise"
                                              : "_convolution_pointwise")) {
  const std::vector<int64_t> padding(2, form.padding), stride(2, form.stride), ones(2, 1),
      zeros(2, 0);
  const int64_t groups = 1, in = weight.size(form.transposed ? 0 : 1);

  torch::jit::Stack reorder;
  torch::jit::push(reorder, weight, padding);
  if (form.transposed) torch::jit::push(reorder, zeros);  // output padding
  torch::jit::push(reorder, stride, ones, groups,
                   std::vector<int64_t>{1, in, form.side, form.side});
  find_operator(form.transposed ? "_reorder_convolution_transpose_weight"
                                : "_reorder_convolution_weight")
      .callBoxed(reorder);

  const auto [name, scalars] = attribute(activation);
  torch::jit::push(arguments_, reorder.front().toTensor(), bias, padding);
  if (form.transposed) torch::jit::push(arguments_, zeros);
  torch::jit::push(arguments_, stride, ones, groups, name, scalars, "");
}

torch::Tensor PackedConvolution::operator()(const torch::Tensor& x) const {
  torch::jit::Stack stack;
  stack.reserve(arguments_.size() + 1);
  stack.emplace_back(x.contiguous(torch::MemoryFormat::ChannelsLast));
  stack.insert(stack.end(), arguments_.begin(), arguments_.end());
  operator_.callBoxed(stack);
  return stack.front().toTensor();
}

}  // namespace vidgen::infer
