#include "vidgen/infer/plan.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <cmath>
#include <utility>

#include "vidgen/nn/residual.h"

namespace vidgen::infer {
namespace {

namespace layers = torch::nn;
using Modules = torch::OrderedDict<std::string, std::shared_ptr<torch::nn::Module>>;

/// A layer of float64 weights, behind the last one of the plan.
template <class Convolution>
Layer weighted_layer(const Plan& plan, const std::string& name, Layer::Kind kind,
                     const Convolution& module) {
  Layer layer;
  layer.name = name;
  layer.kind = kind;
  if (!plan.empty()) layer.inputs = {plan.size() - 1};
  layer.weight = module.weight.detach().to(torch::kDouble);
  layer.bias = module.bias.defined()
                   ? module.bias.detach().to(torch::kDouble)
                   : torch::zeros({layer.weight.size(output_axis(kind))}, layer.weight.options());
  return layer;
}

Layer transposed_layer(const Plan& plan, const std::string& name,
                       const layers::ConvTranspose2dImpl& module) {
  const bool first = plan.empty();
  const auto& options = module.options;
  TORCH_CHECK(options.kernel_size()->at(0) == 4 && options.stride()->at(0) == (first ? 1 : 2), name,
              ": expected a transposed convolution of 4x4 pixels that makes the first ones "
              "or doubles them");
  return weighted_layer(plan, name, first ? Layer::Kind::kFromLatent : Layer::Kind::kDouble,
                        module);
}

Layer convolution_layer(const Plan& plan, const std::string& name,
                        const layers::Conv2dImpl& module) {
  const auto& options = module.options;
  TORCH_CHECK(options.kernel_size()->at(0) % 2 == 1 && options.stride()->at(0) == 1, name,
              ": expected a convolution that keeps the size");
  return weighted_layer(plan, name, Layer::Kind::kConvolution, module);
}

void fold(const layers::BatchNorm2dImpl& norm, Layer& layer) {
  const auto wide = [](const torch::Tensor& tensor) { return tensor.detach().to(torch::kDouble); };
  const auto factor = wide(norm.weight) / (wide(norm.running_var) + norm.options.eps()).sqrt();
  std::vector<int64_t> shape(4, 1);
  shape[static_cast<size_t>(output_axis(layer.kind))] = -1;
  layer.weight = layer.weight * factor.view(shape);
  layer.bias = (layer.bias - wide(norm.running_mean)) * factor + wide(norm.bias);
}

/// The layers of a residual block (nn/residual.h) that doubles.
void add_block(const std::string& name, const nn::ResidualBlockImpl& block, Plan& plan) {
  TORCH_CHECK(block.options.resample == nn::Resample::kDouble && !block.options.over_time, name,
              ": expected a residual block that doubles its pictures");
  const Modules parts = block.named_children();
  const auto add = [&plan](Layer layer, const std::shared_ptr<torch::nn::Module>* norm) {
    if (norm) fold(*(*norm)->as<layers::BatchNorm2d>(), layer);
    plan.push_back(std::move(layer));
    return plan.size() - 1;
  };
  const auto without_weight = [&name](const char* what, Layer::Kind kind,
                                      std::vector<size_t> inputs) {
    Layer layer;
    layer.name = name + what;
    layer.kind = kind;
    layer.inputs = std::move(inputs);
    return layer;
  };
  const size_t input = plan.size() - 1;
  auto up =
      transposed_layer(plan, name + ".resample", *parts["resample"]->as<layers::ConvTranspose2d>());
  up.activation = Activation::kLeakyRelu;
  add(std::move(up), parts.find("norm1"));
  const size_t main =
      add(convolution_layer(plan, name + ".conv", *parts["conv"]->as<layers::Conv2d>()),
          parts.find("norm2"));
  auto project =
      convolution_layer(plan, name + ".project", *parts["project"]->as<layers::Conv2d>());
  project.inputs = {input};
  const size_t small = add(std::move(project), nullptr);
  const size_t skip = add(without_weight(".repeat", Layer::Kind::kRepeat, {small}), nullptr);
  auto sum = without_weight(".add", Layer::Kind::kAdd, {main, skip});
  sum.scale = std::sqrt(0.5);
  sum.activation = Activation::kLeakyRelu;
  add(std::move(sum), nullptr);
}

/// Adds one module of a frame generator. Returns whether a stage may end with it, where attention
/// stands.
bool add_module(const std::string& name, const torch::nn::Module& module, Plan& plan) {
  if (const auto* up = module.as<layers::ConvTranspose2d>()) {
    plan.push_back(transposed_layer(plan, name, *up));
  } else if (const auto* convolution = module.as<layers::Conv2d>()) {
    plan.push_back(convolution_layer(plan, name, *convolution));
  } else if (const auto* norm = module.as<layers::BatchNorm2d>()) {
    fold(*norm, plan.back());
  } else if (module.as<layers::Tanh>()) {
    plan.back().activation = Activation::kTanh;
  } else if (module.as<layers::ReLU>()) {
    plan.back().activation = Activation::kRelu;
    return true;
  } else if (const auto* leaky = module.as<layers::LeakyReLU>()) {
    TORCH_CHECK(leaky->options.negative_slope() == 0.2, name, ": expected a slope of 0.2");
    plan.back().activation = Activation::kLeakyRelu;
    return true;
  } else if (const auto* block = module.as<nn::ResidualBlock>()) {
    add_block(name, *block, plan);
    return true;
  } else {
    TORCH_CHECK(false, name, ": a frame generator has no layer ", module.name());
  }
  return false;
}

/// The resolution behind a plan's last layer.
int64_t resolution_of(const Plan& plan) {
  int64_t side = 0;
  for (const auto& layer : plan) {
    if (layer.kind == Layer::Kind::kFromLatent) side = 4;
    if (layer.kind == Layer::Kind::kDouble) side *= 2;
  }
  return side;
}

/// Adds a layer for the block behind a stage, named after the stage's resolution, if it is there.
std::shared_ptr<torch::nn::Module> add_block_at(const Modules& frame, const char* what,
                                                Layer::Kind kind, Plan& plan) {
  const auto name = what + std::to_string(resolution_of(plan));
  const auto* module = frame.find(name);
  if (!module) return nullptr;
  Layer layer;
  layer.name = "frame." + name;
  layer.kind = kind;
  layer.inputs = {plan.size() - 1};
  plan.push_back(std::move(layer));
  return *module;
}

/// What may stand behind a stage.
void end_stage(const Modules& frame, Plan& plan) {
  if (auto block = add_block_at(frame, "attention_", Layer::Kind::kAttention, plan))
    plan.back().attention =
        nn::SelfAttention(std::dynamic_pointer_cast<nn::SelfAttentionImpl>(block));
  if (auto block = add_block_at(frame, "warp_", Layer::Kind::kWarp, plan))
    plan.back().warp = nn::Warp(std::dynamic_pointer_cast<nn::WarpImpl>(block));
}

/// The first layer takes whole latents, of which it may read the first numbers only.
void read_whole_latents(int64_t latent_dim, Layer& first) {
  const auto& weight = first.weight;
  const auto rest =
      torch::zeros({latent_dim - weight.size(0), weight.size(1), weight.size(2), weight.size(3)},
                   weight.options());
  first.weight = torch::cat({weight, rest});
}

torch::Tensor run_layer(const Layer& layer, const torch::Tensor& x, const torch::Tensor& second,
                        const torch::Tensor& z, int64_t frames) {
  const auto transposed = [&](const torch::Tensor& pictures, int64_t stride, int64_t padding) {
    return at::convolution(pictures, layer.weight, layer.bias, {stride, stride}, {padding, padding},
                           {1, 1}, /*transposed=*/true, {0, 0}, 1);
  };
  switch (layer.kind) {
    case Layer::Kind::kFromLatent:
      return transposed(x.reshape({-1, layer.weight.size(0), 1, 1}), 1, 0);
    case Layer::Kind::kDouble:
      return transposed(x, 2, 1);
    case Layer::Kind::kConvolution: {
      const int64_t padding = layer.weight.size(2) / 2;
      return at::convolution(x, layer.weight, layer.bias, {1, 1}, {padding, padding}, {1, 1},
                             /*transposed=*/false, {0, 0}, 1);
    }
    case Layer::Kind::kRepeat:
      return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
    case Layer::Kind::kAdd:
      return (x + second) * layer.scale;
    case Layer::Kind::kAttention: {
      auto attention = layer.attention;
      return attention->forward(x, frames);
    }
    case Layer::Kind::kWarp: {
      auto warp = layer.warp;
      return warp->forward(x, z);
    }
  }
  TORCH_CHECK(false, layer.name, ": unknown kind of layer");
}

torch::Tensor run_layers(const Plan& plan, const torch::Tensor& z, int64_t frames,
                         const PlanInput& change, const PlanObserver& show) {
  const auto last = last_uses(plan);
  std::vector<torch::Tensor> outputs(plan.size());
  for (size_t i = 0; i < plan.size(); ++i) {
    const auto& layer = plan[i];
    const auto& inputs = layer.inputs;
    torch::Tensor x = inputs.empty() ? z : outputs[inputs[0]];
    if (change) x = change(i, x);
    const torch::Tensor second = inputs.size() > 1 ? outputs[inputs[1]] : torch::Tensor();
    outputs[i] = activate_(run_layer(layer, x, second, z.flatten(1), frames), layer.activation);
    if (show) show(i, x, outputs[i]);
    for (const size_t input : inputs) {
      if (last[input] == i) outputs[input] = torch::Tensor();
    }
  }
  return outputs.back();
}

}  // namespace

torch::Tensor activate_(torch::Tensor x, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return x.relu_();
    case Activation::kLeakyRelu:
      return at::leaky_relu_(x, 0.2);
    case Activation::kTanh:
      return x.tanh_();
  }
  TORCH_CHECK(false, "unknown activation");
}

int64_t output_axis(Layer::Kind kind) { return kind == Layer::Kind::kConvolution ? 0 : 1; }

Plan make_plan(const models::VideoGenerator& network) {
  const torch::NoGradGuard no_grad;
  const Modules frame = network->named_children()["frame"]->named_children();
  Plan plan;
  for (const auto& item : frame["main"]->named_children()) {
    const bool end_of_stage = add_module("frame.main." + item.key(), *item.value(), plan);
    if (end_of_stage) end_stage(frame, plan);
  }
  const auto& frame_options = network->options.frame;
  read_whole_latents(frame_options.latent_dim / frame_options.objects, plan.front());
  for (auto& layer : plan) {
    if (!layer.weight.defined()) continue;
    layer.weight = layer.weight.to(torch::kFloat).contiguous();
    layer.bias = layer.bias.to(torch::kFloat);
  }
  return plan;
}

std::vector<size_t> last_uses(const Plan& plan) {
  std::vector<size_t> last(plan.size(), plan.size());
  for (size_t i = 0; i < plan.size(); ++i) {
    for (const size_t input : plan[i].inputs) last[input] = i;
  }
  return last;
}

torch::Tensor run_plan(const Plan& plan, const torch::Tensor& z, int64_t frames,
                       const PlanObserver& show) {
  const torch::NoGradGuard no_grad;
  return run_layers(plan, z, frames, {}, show);
}

torch::Tensor run_plan_with_gradients(const Plan& plan, const torch::Tensor& z, int64_t frames,
                                      const PlanInput& input) {
  return run_layers(plan, z, frames, input, {});
}

}  // namespace vidgen::infer
