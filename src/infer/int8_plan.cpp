#include "vidgen/infer/int8.h"

namespace vidgen::infer {
namespace {

torch::Tensor activate_floating(const torch::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      break;
    case Activation::kRelu:
      return torch::relu(x);
    case Activation::kLeakyRelu:
      return torch::leaky_relu(x, 0.2);
    case Activation::kTanh:
      return torch::tanh(x);
  }
  return x;
}

/// What the layer computes in the type of its inputs, without its activation.
torch::Tensor floating_sum(const Layer& layer, const std::vector<torch::Tensor>& inputs,
                           int64_t frames) {
  const auto& x = inputs.front();
  const auto in_type = [&x](const torch::Tensor& tensor) {
    return tensor.defined() ? tensor.to(x.scalar_type()) : tensor;
  };
  const auto weight = in_type(layer.weight), bias = in_type(layer.bias);
  switch (layer.kind) {
    case Layer::Kind::kFromLatent:
      return torch::conv_transpose2d(x.reshape({x.size(0), -1, 1, 1}), weight, bias);
    case Layer::Kind::kDouble:
      return torch::conv_transpose2d(x, weight, bias, /*stride=*/2, /*padding=*/1);
    case Layer::Kind::kConvolution:
      return torch::conv2d(x, weight, bias, /*stride=*/1, /*padding=*/weight.size(2) / 2);
    case Layer::Kind::kRepeat:
      return torch::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
    case Layer::Kind::kAdd:
      return (x + inputs.at(1)) * layer.scale;
    case Layer::Kind::kAttention: {
      auto attention = layer.attention;
      return attention->forward(x.to(torch::kFloat), frames).to(x.scalar_type());
    }
  }
  TORCH_CHECK(false, "unknown kind of layer");
}

}  // namespace

torch::Tensor run_plan_int8(const Plan& plan, const QuantizedLayers& layers, const torch::Tensor& z,
                            int64_t frames, torch::ScalarType other) {
  const torch::NoGradGuard no_grad;
  const auto outputs = handovers(plan, layers, other);
  std::vector<torch::Tensor> results;
  for (size_t i = 0; i < plan.size(); ++i) {
    const auto& layer = plan[i];
    std::vector<torch::Tensor> inputs;
    for (const size_t input : layer.inputs) inputs.push_back(results[input]);
    if (inputs.empty()) inputs.push_back(z);
    const auto found = layers.find(layer.name);
    if (found != layers.end()) {
      results.push_back(Int8Layer(layer, found->second, outputs[i]).forward(inputs.front()));
      continue;
    }
    for (auto& input : inputs) input = input.to(other);
    const auto y = activate_floating(floating_sum(layer, inputs, frames), layer.activation);
    results.push_back(outputs[i].type == torch::kByte ? to_uint8(y, outputs[i].scale) : y);
  }
  return results.back().to(torch::kFloat);
}

}  // namespace vidgen::infer
