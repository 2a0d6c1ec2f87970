#include "picture_layer.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <variant>

#include "composed_gradients.h"
#include "vidgen/kernels/parallel.h"
#include "vidgen/kernels/picture_layer.h"

namespace vidgen::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr auto kPictureFormat = at::MemoryFormat::ChannelsLast;

struct ToPicture : Function<ToPicture> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& given,
                               const torch::Tensor& weight, const torch::Tensor& bias) {
    const auto x = given.contiguous(kPictureFormat), filters = weight.contiguous(kPictureFormat);
    context->save_for_backward({given, weight, bias});
    const auto layer = layer_of(x, weight);
    auto y = at::empty({x.size(0), layer.out, layer.height, layer.width},
                       x.options().memory_format(kPictureFormat));
    kernels::with_number(x.scalar_type(), [&](auto number) {
      using Number = decltype(number);
      const auto* from = x.const_data_ptr<Number>();
      auto* to = y.mutable_data_ptr<Number>();
      kernels::parallel_for(x.size(0), [&](int64_t i) {
        kernels::convolve_to_picture(layer, from + i * layer.pixels() * layer.in,
                                     filters.const_data_ptr<float>(), bias.const_data_ptr<float>(),
                                     to + i * layer.pixels() * layer.out);
      });
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &weight = saved[1], &bias = saved[2];
    if (at::GradMode::is_enabled()) {
      const auto type = saved[0].scalar_type();
      return composed_gradients(at::conv2d(saved[0], weight.to(type), bias.to(type), 1, 1), saved,
                                gradients[0]);
    }
    const auto x = saved[0].contiguous(kPictureFormat);
    const auto layer = layer_of(x, weight);
    const auto given = gradients[0].contiguous(kPictureFormat),
               filters = weight.contiguous(kPictureFormat);
    auto of_x = at::empty_like(x);
    // Those of weight and bias picture by picture, so that their sum does not depend on the
    // threads.
    auto parts = at::zeros({x.size(0), layer.weights() + layer.out}, weight.options());
    kernels::with_number(x.scalar_type(), [&](auto number) {
      using Number = decltype(number);
      const auto *from = x.const_data_ptr<Number>(), *gradient = given.const_data_ptr<Number>();
      auto* to = of_x.mutable_data_ptr<Number>();
      kernels::parallel_for(x.size(0), [&](int64_t i) {
        const int64_t at = i * layer.pixels() * layer.in;
        float* part = parts.mutable_data_ptr<float>() + i * parts.size(1);
        kernels::picture_layer_gradients(layer, from + at, filters.const_data_ptr<float>(),
                                         gradient + i * layer.pixels() * layer.out, to + at, part,
                                         part + layer.weights());
      });
    });
    const auto sums = parts.sum(0);
    return {
        of_x,
        sums.narrow(0, 0, layer.weights()).view({layer.out, 3, 3, layer.in}).permute({0, 3, 1, 2}),
        sums.narrow(0, layer.weights(), layer.out)};
  }

 private:
  static kernels::PictureLayer layer_of(const torch::Tensor& x, const torch::Tensor& weight) {
    return {x.size(2), x.size(3), x.size(1), weight.size(0)};
  }
};

}  // namespace

std::optional<torch::Tensor> to_picture(const torch::nn::Conv2dImpl& layer,
                                        const torch::Tensor& x) {
  const auto& options = layer.options;
  const auto* padding = std::get_if<torch::ExpandingArray<2>>(&options.padding());
  bool fits = padding && x.dim() == 4 && options.groups() == 1 && layer.bias.defined() &&
              layer.weight.scalar_type() == torch::kFloat &&
              std::holds_alternative<torch::enumtype::kZeros>(options.padding_mode()) &&
              kernels::PictureLayer::fits(options.in_channels(), options.out_channels());
  for (size_t i = 0; fits && i < 2; ++i) {
    fits = (*padding)->at(i) == 1 && options.kernel_size()->at(i) == 3 &&
           options.stride()->at(i) == 1 && options.dilation()->at(i) == 1;
  }
  return fits ? std::optional(ToPicture::apply(x, layer.weight, layer.bias)) : std::nullopt;
}

}  // namespace vidgen::nn
