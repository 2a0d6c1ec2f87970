#include "vidgen/nn/init.h"

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/rnn.h>

#include <cmath>

namespace vidgen::nn {
namespace {

template <class... Layers>
bool is_any(torch::nn::Module& module) {
  return ((module.as<Layers>() != nullptr) || ...);
}

/// Draws on the CPU in the order of the elements, then moves the numbers to wherever the parameter
/// lives.
class Drawer {
 public:
  explicit Drawer(at::Generator generator) : generator_(std::move(generator)) {}

  void normal(torch::Tensor& parameter, double mean, double deviation) {
    parameter.copy_(torch::empty(parameter.sizes()).normal_(mean, deviation, generator_));
  }
  void uniform(torch::Tensor& parameter, double bound) {
    parameter.copy_(torch::empty(parameter.sizes()).uniform_(-bound, bound, generator_));
  }

 private:
  at::Generator generator_;
};

/// The PyTorch rule kaiming_uniform(a=sqrt(5)), which comes to a bound of 1/sqrt(fan in), for
/// weight and bias.
void default_weights(torch::nn::Module& module, Drawer& draw) {
  auto parameters = module.named_parameters(/*recurse=*/false);
  const double bound = 1 / std::sqrt(static_cast<double>(parameters["weight"][0].numel()));
  for (auto& item : parameters) draw.uniform(item.value(), bound);
}

/// Normal weights, other parameters 0.
void normal_weights(torch::nn::Module& module, double mean, double deviation, Drawer& draw) {
  for (auto& item : module.named_parameters(/*recurse=*/false)) {
    if (item.key() == "weight") {
      draw.normal(item.value(), mean, deviation);
    } else {
      item.value().zero_();
    }
  }
}

void he_weights(torch::nn::Module& module, Drawer& draw) {
  const auto weight = module.named_parameters(/*recurse=*/false)["weight"];
  auto fan_in = static_cast<double>(weight[0].numel());
  if (const auto* up = module.as<torch::nn::ConvTranspose2d>()) {
    // Of the weights [in,out,k,k], one of stride * stride reaches a pixel.
    const auto& stride = *up->options.stride();
    fan_in = static_cast<double>(weight.select(1, 0).numel()) /
             static_cast<double>(stride[0] * stride[1]);
    // The first layer makes k x k pixels of one: each is reached by one weight an input.
    if (stride[0] == 1) fan_in = static_cast<double>(weight.size(0));
  }
  normal_weights(module, 0, std::sqrt(2 / fan_in), draw);
}

void convolution_weights(torch::nn::Module& module, Init init, Drawer& draw) {
  switch (init) {
    case Init::kDcgan:
      return normal_weights(module, 0, 0.02, draw);
    case Init::kDefault:
      return default_weights(module, draw);
    case Init::kHe:
      return he_weights(module, draw);
  }
}

/// Random directions for spectral normalisation, if the layer has it.
void spectral_directions(torch::nn::Module& module, Drawer& draw) {
  for (auto& item : module.named_buffers(/*recurse=*/false)) {
    draw.normal(item.value(), 0, 1);
    item.value().div_(item.value().norm());
  }
}

void recurrent_weights(torch::nn::Module& module, Drawer& draw) {
  auto parameters = module.named_parameters(/*recurse=*/false);
  for (auto& item : parameters) {
    // The gates lie one under the other, and each has one row a state: the columns of weight_hh
    // count the states.
    const auto& hidden =
        parameters.contains("weight_hh") ? parameters["weight_hh"] : parameters["weight_hh_l0"];
    draw.uniform(item.value(), 1 / std::sqrt(static_cast<double>(hidden.size(1))));
  }
}

void norm_weights(torch::nn::Module& module) {
  for (auto& item : module.named_parameters(/*recurse=*/false)) {
    item.value().fill_(item.key() == "weight" ? 1 : 0);
  }
}

}  // namespace

const core::Choices<Init>& init_choices() {
  static const core::Choices<Init> choices{
      {"dcgan", Init::kDcgan}, {"default", Init::kDefault}, {"he", Init::kHe}};
  return choices;
}

void initialize(torch::nn::Module& module, Init init, at::Generator generator) {
  namespace layers = torch::nn;
  const torch::NoGradGuard no_grad;
  Drawer draw(std::move(generator));
  for (auto& item : module.named_modules()) {
    auto& layer = *item.value();
    if (is_any<layers::Conv2d, layers::Conv3d, layers::ConvTranspose2d>(layer)) {
      convolution_weights(layer, init, draw);
      spectral_directions(layer, draw);
    } else if (is_any<layers::BatchNorm2d, layers::BatchNorm3d>(layer)) {
      init == Init::kDcgan ? normal_weights(layer, 1, 0.02, draw) : norm_weights(layer);
    } else if (is_any<layers::Conv1d>(layer)) {
      init == Init::kHe ? he_weights(layer, draw) : default_weights(layer, draw);
    } else if (is_any<layers::Linear>(layer)) {
      default_weights(layer, draw);
    } else if (is_any<layers::LSTM, layers::GRU, layers::GRUCell>(layer)) {
      recurrent_weights(layer, draw);
    } else if (is_any<layers::Embedding>(layer)) {
      normal_weights(layer, 0, 1, draw);
    }
  }
}

}  // namespace vidgen::nn
