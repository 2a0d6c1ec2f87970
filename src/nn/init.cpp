#include "vidgen/nn/init.h"

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
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

void dcgan_weights(torch::nn::Module& module, double mean, Drawer& draw) {
  for (auto& item : module.named_parameters(/*recurse=*/false)) {
    if (item.key() == "weight") {
      draw.normal(item.value(), mean, 0.02);
    } else {
      item.value().zero_();
    }
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
  static const core::Choices<Init> choices{{"dcgan", Init::kDcgan}, {"default", Init::kDefault}};
  return choices;
}

void initialize(torch::nn::Module& module, Init init, at::Generator generator) {
  namespace layers = torch::nn;
  const torch::NoGradGuard no_grad;
  Drawer draw(std::move(generator));
  for (auto& item : module.named_modules()) {
    auto& layer = *item.value();
    if (is_any<layers::Conv2d, layers::Conv3d, layers::ConvTranspose2d>(layer)) {
      init == Init::kDcgan ? dcgan_weights(layer, 0, draw) : default_weights(layer, draw);
    } else if (is_any<layers::BatchNorm2d, layers::BatchNorm3d>(layer)) {
      init == Init::kDcgan ? dcgan_weights(layer, 1, draw) : norm_weights(layer);
    } else if (is_any<layers::Linear>(layer)) {
      default_weights(layer, draw);
    } else if (is_any<layers::LSTM, layers::GRU, layers::GRUCell>(layer)) {
      recurrent_weights(layer, draw);
    }
  }
}

}  // namespace vidgen::nn
