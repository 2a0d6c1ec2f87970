#include "steps.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <optional>
#include <string>
#include <utility>

#include "vidgen/kernels/phases.h"
#include "vidgen/nn/convolution.h"
#include "vidgen/nn/layout.h"

namespace vidgen::infer {
namespace {

using Inputs = std::vector<torch::Tensor>;

torch::Tensor placed(const torch::Tensor& tensor, const Setting& setting) {
  return tensor.to(setting.device, setting.type);
}

// The operators are those that torch.compile fuses convolutions into; LibTorch has no header for
// them, and finds them by name.
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

struct Form {
  bool transposed = false;
  int64_t stride = 1;
  int64_t padding = 0;
  /// Pixels a side of what comes in. Any size works; this one without bringing the weights into
  /// another order.
  int64_t side = 4;
};

/// A convolution on the CPU by oneDNN, [M,in,H,W] -> [M,out,H',W'], channels_last, whose weights
/// stay as they are: they are brought into its order once, and bias and activation are part of its
/// kernel. In the type of the weights: weight [out,in,k,k], transposed [in,out,k,k]; bias [out].
auto packed_convolution(const torch::Tensor& weight, const torch::Tensor& bias, const Form& form,
                        Activation activation) {
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
  // Of the operator, but for the first, which is x.
  torch::jit::Stack arguments;
  torch::jit::push(arguments, reorder.front().toTensor(), bias, padding);
  if (form.transposed) torch::jit::push(arguments, zeros);
  torch::jit::push(arguments, stride, ones, groups, name, scalars, "");
  const auto convolution = find_operator(form.transposed ? "_convolution_transpose_pointwise"
                                                         : "_convolution_pointwise");
  return [convolution, arguments](const torch::Tensor& x) {
    torch::jit::Stack stack;
    stack.reserve(arguments.size() + 1);
    stack.emplace_back(x.contiguous(torch::MemoryFormat::ChannelsLast));
    stack.insert(stack.end(), arguments.begin(), arguments.end());
    convolution.callBoxed(stack);
    return stack.front().toTensor();
  };
}

/// One matrix product: pixel by pixel, a column for each channel.
Step from_latent_step(const Layer& layer, const Setting& setting) {
  const auto weight = placed(layer.weight.permute({0, 2, 3, 1}).flatten(1).contiguous(), setting);
  const auto bias = placed(layer.bias.repeat({16}), setting);
  return [weight, bias, channels = layer.bias.size(0), activation = layer.activation](
             const Inputs& inputs, int64_t /*frames*/) {
    const auto z = inputs.front().reshape({-1, weight.size(0)});
    const auto pixels = activate_(at::addmm(bias, z, weight), activation);
    return pixels.view({z.size(0), 4, 4, channels}).permute({0, 3, 1, 2});
  };
}

/// kUpsample2x and kConvolution by whatever LibTorch has on the device.
Step plain_step(const Layer& layer, const Setting& setting) {
  const bool doubles = layer.kind == Layer::Kind::kUpsample2x;
  const int64_t stride = doubles ? 2 : 1, padding = doubles ? 1 : layer.weight.size(2) / 2;
  const auto weight = placed(layer.weight, setting).contiguous(torch::MemoryFormat::ChannelsLast);
  return [=, bias = placed(layer.bias, setting), activation = layer.activation](
             const Inputs& inputs, int64_t /*frames*/) {
    return activate_(
        at::convolution(inputs.front(), weight, bias, {stride, stride}, {padding, padding}, {1, 1},
                        /*transposed=*/doubles, {0, 0}, 1),
        activation);
  };
}

/// On the CPU.
Step convolution_step(const Layer& layer, int64_t side, const Setting& setting) {
  return [convolve = packed_convolution(placed(layer.weight, setting), placed(layer.bias, setting),
                                        {/*transposed=*/false, 1, layer.weight.size(2) / 2, side},
                                        layer.activation)](
             const Inputs& inputs, int64_t /*frames*/) { return convolve(inputs.front()); };
}

/// kUpsample2x on the CPU: by the Winograd algorithm where that is faster, else by oneDNN.
Step doubling_step(const Layer& layer, int64_t side, const Setting& setting) {
  const auto convolve =
      packed_convolution(placed(layer.weight, setting), placed(layer.bias, setting),
                         {/*transposed=*/true, 2, 1, side}, layer.activation);
  const auto activation = layer.activation;
  std::optional<nn::DoublingConvolution> winograd;
  if (nn::DoublingConvolution::may_pay(layer.weight, setting.type)) {
    const double slope = activation == Activation::kRelu        ? 0
                         : activation == Activation::kLeakyRelu ? 0.2
                                                                : 1;
    winograd.emplace(layer.weight.to(torch::kFloat), layer.bias.to(torch::kFloat), slope,
                     setting.type);
  }
  return [convolve, winograd, activation](const Inputs& inputs, int64_t /*frames*/) {
    const auto& x = inputs.front();
    if (!winograd || !winograd->pays(x.size(0), x.size(2), x.size(3))) return convolve(x);
    const auto y = (*winograd)(x);
    return activation == Activation::kTanh ? activate_(y, activation) : y;
  };
}

/// kUpsample2x to few channels on the CPU, which oneDNN is slow at. The even and the odd lines and
/// columns of the result are four pictures; all are one convolution of 2x2 pixels.
Step phases_step(const Layer& layer, int64_t side, const Setting& setting) {
  return [convolve = packed_convolution(placed(kernels::phase_filters(layer.weight), setting),
                                        placed(layer.bias.repeat({4}), setting),
                                        {/*transposed=*/false, 1, 1, side}, layer.activation)](
             const Inputs& inputs, int64_t /*frames*/) {
    return kernels::interleave_phases(convolve(inputs.front()));
  };
}

Step add_step(const Layer& layer) {
  return [scale = layer.scale, activation = layer.activation](const Inputs& inputs,
                                                              int64_t /*frames*/) {
    const auto& x = inputs.at(0);
    const torch::Tensor sum = x.use_count() == 1 ? x.add_(inputs.at(1)) : x + inputs.at(1);
    return activate_(sum.mul_(scale), activation);
  };
}

Step attention_step(const Layer& layer, const Setting& setting) {
  const auto attention = std::dynamic_pointer_cast<nn::SelfAttentionImpl>(layer.attention->clone());
  attention->to(setting.device, setting.type);
  nn::to_channels_last(*attention);
  return [attention](const Inputs& inputs, int64_t frames) {
    return attention->forward(inputs.front(), frames);
  };
}

Step warp_step(const Layer& layer, const Setting& setting) {
  const auto warp = std::dynamic_pointer_cast<nn::WarpImpl>(layer.warp->clone());
  warp->to(setting.device);
  return [warp](const Inputs& inputs, int64_t /*frames*/) {
    return warp->forward(inputs.at(0), inputs.at(1));
  };
}

/// Below this many channels the result of a transposed convolution leaves most of a vector
/// register empty.
constexpr int64_t kFewChannels = 16;

}  // namespace

Layer phases_of(const Layer& doubling) {
  auto phases = doubling;
  phases.kind = Layer::Kind::kConvolution;
  phases.weight = kernels::phase_filters(doubling.weight);
  phases.bias = doubling.bias.repeat({4});
  phases.activation = Activation::kNone;
  return phases;
}

Step make_step(const Layer& layer, int64_t side, const Setting& setting) {
  const bool on_cpu = setting.device.is_cpu();
  switch (layer.kind) {
    case Layer::Kind::kFromLatent:
      return from_latent_step(layer, setting);
    case Layer::Kind::kUpsample2x:
      if (!on_cpu) return plain_step(layer, setting);
      return layer.bias.size(0) < kFewChannels ? phases_step(layer, side, setting)
                                               : doubling_step(layer, side, setting);
    case Layer::Kind::kConvolution:
      return on_cpu ? convolution_step(layer, side, setting) : plain_step(layer, setting);
    case Layer::Kind::kRepeat:
      return [](const Inputs& inputs, int64_t /*frames*/) {
        const auto& x = inputs.front();
        return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
      };
    case Layer::Kind::kAdd:
      return add_step(layer);
    case Layer::Kind::kAttention:
      return attention_step(layer, setting);
    case Layer::Kind::kWarp:
      return warp_step(layer, setting);
  }
  TORCH_CHECK(false, layer.name, ": unknown kind of layer");
}

}  // namespace vidgen::infer
