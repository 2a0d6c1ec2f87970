#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/conv.h>

#include <array>
#include <variant>

#include "vidgen/nn/convolution.h"

namespace vidgen::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// How a convolution steps, and the sizes of x and of its weight.
struct Geometry {
  std::vector<int64_t> stride, padding, input, weight;

  void save(AutogradContext& context) const {
    context.saved_data["geometry"] =
        c10::List<std::vector<int64_t>>({stride, padding, input, weight});
  }
  static Geometry of(AutogradContext& context) {
    const auto parts = context.saved_data["geometry"].to<std::vector<std::vector<int64_t>>>();
    return {parts[0], parts[1], parts[2], parts[3]};
  }
  torch::Tensor result(const torch::Tensor& x, const torch::Tensor& filters,
                       const std::optional<torch::Tensor>& bias) const {
    return at::convolution(x, filters, bias, stride, padding, {1, 1}, false, {0, 0}, 1);
  }
  auto gradients(const torch::Tensor& gradient, const torch::Tensor& x,
                 const torch::Tensor& filters, std::array<bool, 3> wanted) const {
    return at::convolution_backward(gradient, x, filters, {weight[0]}, stride, padding, {1, 1},
                                    false, {0, 0}, 1, wanted);
  }
  /// A tensor whose sizes count.
  static torch::Tensor like(const std::vector<int64_t>& sizes, const torch::Tensor& other) {
    return at::empty(sizes, other.options().memory_format(at::MemoryFormat::ChannelsLast));
  }
};

// The convolution and its two gradients, which are each other's: three functions of two tensors
// each, linear in both.
torch::Tensor convolution(const torch::Tensor& x, const torch::Tensor& filters,
                          const Geometry& how);
torch::Tensor of_input(const torch::Tensor& gradient, const torch::Tensor& filters,
                       const Geometry& how);
torch::Tensor of_weight(const torch::Tensor& x, const torch::Tensor& gradient, const Geometry& how);

struct Convolution : Function<Convolution> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& filters, const torch::Tensor& bias,
                               const Geometry& how) {
    context->save_for_backward({x, filters});
    how.save(*context);
    return how.result(x, filters, bias.numel() > 0 ? std::optional(bias) : std::nullopt);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &filters = saved[1], &gradient = gradients[0];
    const auto how = Geometry::of(*context);
    const bool input = context->needs_input_grad(0), weight = context->needs_input_grad(1),
               bias = context->needs_input_grad(2);
    if (!at::GradMode::is_enabled()) {
      const auto [of_x, of_filters, of_bias] =
          how.gradients(gradient, x, filters, {input, weight, bias});
      return {of_x, of_filters, of_bias, {}};
    }
    return {input ? of_input(gradient, filters, how) : torch::Tensor(),
            weight ? of_weight(x, gradient, how) : torch::Tensor(),
            bias ? gradient.sum({0, 2, 3}) : torch::Tensor(),
            {}};
  }
};

struct OfInput : Function<OfInput> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& gradient,
                               const torch::Tensor& filters, const Geometry& how) {
    context->save_for_backward({gradient, filters});
    how.save(*context);
    return std::get<0>(how.gradients(gradient, Geometry::like(how.input, gradient), filters,
                                     {true, false, false}));
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto how = Geometry::of(*context);
    return {
        context->needs_input_grad(0) ? convolution(gradients[0], saved[1], how) : torch::Tensor(),
        context->needs_input_grad(1) ? of_weight(gradients[0], saved[0], how) : torch::Tensor(),
        {}};
  }
};

struct OfWeight : Function<OfWeight> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& gradient, const Geometry& how) {
    context->save_for_backward({x, gradient});
    how.save(*context);
    return std::get<1>(
        how.gradients(gradient, x, Geometry::like(how.weight, x), {false, true, false}));
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto how = Geometry::of(*context);
    return {
        context->needs_input_grad(0) ? of_input(saved[1], gradients[0], how) : torch::Tensor(),
        context->needs_input_grad(1) ? convolution(saved[0], gradients[0], how) : torch::Tensor(),
        {}};
  }
};

torch::Tensor convolution(const torch::Tensor& x, const torch::Tensor& filters,
                          const Geometry& how) {
  return Convolution::apply(x, filters, x.new_empty(0), how);
}
torch::Tensor of_input(const torch::Tensor& gradient, const torch::Tensor& filters,
                       const Geometry& how) {
  return OfInput::apply(gradient, filters, how);
}
torch::Tensor of_weight(const torch::Tensor& x, const torch::Tensor& gradient,
                        const Geometry& how) {
  return OfWeight::apply(x, gradient, how);
}

}  // namespace

torch::Tensor plain_convolution(torch::nn::Conv2dImpl& layer, const torch::Tensor& x) {
  const auto& options = layer.options;
  const auto* padding = std::get_if<torch::ExpandingArray<2>>(&options.padding());
  const bool suits = padding && options.groups() == 1 && x.dim() == 4 && x.is_cpu() &&
                     x.scalar_type() == torch::kFloat &&
                     std::holds_alternative<torch::enumtype::kZeros>(options.padding_mode()) &&
                     options.dilation()->at(0) == 1 && options.dilation()->at(1) == 1 &&
                     at::GradMode::is_enabled() && !at::autocast::is_autocast_enabled(at::kCPU);
  if (!suits) return layer.forward(x);
  const auto& stride = *options.stride();
  const Geometry how{{stride[0], stride[1]},
                     {(*padding)->at(0), (*padding)->at(1)},
                     x.sizes().vec(),
                     layer.weight.sizes().vec()};
  return Convolution::apply(x, layer.weight, layer.bias.defined() ? layer.bias : x.new_empty(0),
                            how);
}

}  // namespace vidgen::nn
