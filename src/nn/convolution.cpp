#include "vidgen/nn/convolution.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>
#include <variant>

#include "vidgen/nn/backend.h"
#include "vidgen/nn/layout.h"
#include "winograd.h"

namespace vidgen::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// The sizes of winograd.h, and for which of its functions they are in its favour. The limits are
/// measured: with fewer channels the transforms cost more than the products that they save, with
/// fewer tiles those of the filters do.
struct Choice {
  Choice(c10::IntArrayRef large, c10::IntArrayRef small)
      : channels(large[1]), taps(large[2] - small[2] + 1), even(true) {
    for (size_t i = 3; i < 5; ++i) even = even && small[i] % 2 == 0;
    const int64_t tiles = small[0] * small[2] * small[3] * small[4] / 4;
    const int64_t terms = taps * std::min(4 * channels, small[1]);
    pays = even && tiles >= 100 && terms >= 256;
  }
  /// LibTorch's gradient of a picture with few channels from many frames is slow.
  bool pays_to_grow() const { return pays || (even && channels < 16 && taps > 1); }

  int64_t channels, taps;
  bool even, pays;
};

/// LibTorch's convolution over clips. Frames are clips of one, which its 2-D kernels do faster.
torch::Tensor plain(const torch::Tensor& x, const torch::Tensor& filters, bool transposed) {
  if (filters.size(2) > 1)
    return at::convolution(x, filters, {}, {1, 2, 2}, {0, 1, 1}, {1, 1, 1}, transposed, {0, 0, 0},
                           1);
  const auto frames = at::convolution(as_frames(x), filters.squeeze(2), {}, {2, 2}, {1, 1}, {1, 1},
                                      transposed, {0, 0}, 1);
  return as_clips(frames, x.size(0));
}

torch::Tensor plain_correlation(const torch::Tensor& large, const torch::Tensor& small) {
  const int64_t taps = large.size(2) - small.size(2) + 1;
  std::vector<int64_t> stride{1, 2, 2}, padding{0, 1, 1}, ones{1, 1, 1}, zeros{0, 0, 0};
  auto x = large, gradient = small;
  auto filters =
      at::empty({small.size(1), large.size(1), taps, 4, 4}, large.options());  // its sizes count
  if (taps == 1) {
    x = as_frames(large);
    gradient = as_frames(small);
    filters = filters.squeeze(2);
    for (auto* list : {&stride, &padding, &ones, &zeros}) list->erase(list->begin());
  }
  const auto result =
      std::get<1>(at::convolution_backward(gradient, x, filters, at::OptionalIntArrayRef(), stride,
                                           padding, ones, false, zeros, 1, {false, true, false}));
  return taps == 1 ? result.unsqueeze(2) : result;
}

// The three functions of winograd.h with their gradients, which are each other.
torch::Tensor shrink(const torch::Tensor& large, const torch::Tensor& filters);
torch::Tensor grow(const torch::Tensor& small, const torch::Tensor& filters);
torch::Tensor correlate(const torch::Tensor& large, const torch::Tensor& small);

struct Shrink : Function<Shrink> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& large,
                               const torch::Tensor& filters) {
    context->save_for_backward({large, filters});
    return Choice(large.sizes(), winograd::small_sizes(large, filters)).pays
               ? winograd::shrink(large, filters)
               : plain(large, filters, /*transposed=*/false);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    return {context->needs_input_grad(0) ? grow(gradients[0], saved[1]) : torch::Tensor(),
            context->needs_input_grad(1) ? correlate(saved[0], gradients[0]) : torch::Tensor()};
  }
};

struct Grow : Function<Grow> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& small,
                               const torch::Tensor& filters) {
    context->save_for_backward({small, filters});
    return Choice(winograd::large_sizes(small, filters), small.sizes()).pays_to_grow()
               ? winograd::grow(small, filters)
               : plain(small, filters, /*transposed=*/true);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    return {context->needs_input_grad(0) ? shrink(gradients[0], saved[1]) : torch::Tensor(),
            context->needs_input_grad(1) ? correlate(gradients[0], saved[0]) : torch::Tensor()};
  }
};

struct Correlate : Function<Correlate> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& large,
                               const torch::Tensor& small) {
    context->save_for_backward({large, small});
    return Choice(large.sizes(), small.sizes()).pays ? winograd::correlate(large, small)
                                                     : plain_correlation(large, small);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    return {context->needs_input_grad(0) ? grow(saved[1], gradients[0]) : torch::Tensor(),
            context->needs_input_grad(1) ? shrink(saved[0], gradients[0]) : torch::Tensor()};
  }
};

torch::Tensor shrink(const torch::Tensor& large, const torch::Tensor& filters) {
  return Shrink::apply(large, filters);
}
torch::Tensor grow(const torch::Tensor& small, const torch::Tensor& filters) {
  return Grow::apply(small, filters);
}
torch::Tensor correlate(const torch::Tensor& large, const torch::Tensor& small) {
  return Correlate::apply(large, small);
}

/// The layer's weight when its form is one that winograd.h knows.
template <size_t D, class Layer>
std::optional<torch::Tensor> suitable(const Layer& layer) {
  const auto& options = layer.options;
  const auto* padding = std::get_if<torch::ExpandingArray<D>>(&options.padding());
  bool fits = padding && options.groups() == 1 &&
              std::holds_alternative<torch::enumtype::kZeros>(options.padding_mode());
  for (size_t i = 0; fits && i < D; ++i) {
    const bool time = D == 3 && i == 0;
    fits = options.stride()->at(i) == (time ? 1 : 2) && (*padding)->at(i) == (time ? 0 : 1) &&
           options.dilation()->at(i) == 1 && options.output_padding()->at(i) == 0 &&
           (time || options.kernel_size()->at(i) == 4);
  }
  return fits ? std::optional(layer.weight) : std::nullopt;
}

bool plain_float(const torch::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == torch::kFloat;
}

/// Over frames [M,C,H,W], each a clip of one.
template <class Work>
std::optional<torch::Tensor> on_frames(const Work& work, const torch::Tensor& frames,
                                       const torch::Tensor& filters) {
  const auto result = work(frames.unsqueeze(2), filters.unsqueeze(2));
  return result ? std::optional(result->squeeze(2)) : std::nullopt;
}

/// The numbers of one channel each, for tensors of `dims` dimensions.
torch::Tensor by_channel(const torch::Tensor& bias, int64_t dims) {
  std::vector<int64_t> shape(static_cast<size_t>(dims), 1);
  shape[1] = -1;
  return bias.view(shape);
}

/// `work` over clips or over frames, and the layer's bias.
template <size_t D, class Layer, class Work>
std::optional<torch::Tensor> apply(const Layer& layer, const Work& work, const torch::Tensor& x) {
  const auto filters = suitable<D>(layer);
  if (!filters) return std::nullopt;
  auto result = D == 3 ? work(x, *filters) : on_frames(work, x, *filters);
  if (result && layer.bias.defined()) result = result->add(by_channel(layer.bias, x.dim()));
  return result;
}

std::optional<torch::Tensor> fast_shrink(const torch::Tensor& large, const torch::Tensor& filters) {
  if (large.size(3) % 2 != 0 || large.size(4) % 2 != 0 || large.size(2) < filters.size(2))
    return std::nullopt;
  const Choice choice(large.sizes(), winograd::small_sizes(large, filters));
  return choice.pays_to_grow() ? std::optional(shrink(large, filters)) : std::nullopt;
}

std::optional<torch::Tensor> fast_grow(const torch::Tensor& small, const torch::Tensor& filters) {
  const Choice choice(winograd::large_sizes(small, filters), small.sizes());
  return choice.pays_to_grow() ? std::optional(grow(small, filters)) : std::nullopt;
}

bool pays_to_double(int64_t in, int64_t out, int64_t pictures, int64_t height, int64_t width) {
  const std::vector<int64_t> large{pictures, out, 1, 2 * height, 2 * width},
      small{pictures, in, 1, height, width};
  return backend().winograd && Choice(large, small).pays_to_grow();
}

}  // namespace

DoublingConvolution::DoublingConvolution(const torch::Tensor& weight, const torch::Tensor& bias,
                                         double slope)
    : in_(weight.size(0)),
      out_(weight.size(1)),
      prepared_(winograd::prepare(weight.unsqueeze(2))),
      bias_(bias.contiguous()),
      slope_(slope) {
  TORCH_CHECK(plain_float(weight) && plain_float(bias) && weight.dim() == 4 &&
                  weight.size(2) == 4 && weight.size(3) == 4 && bias.numel() == out_,
              "expected a weight [in,out,4,4] and a bias [out] in float32 on the CPU, found ",
              weight.sizes(), " and ", bias.sizes());
}

bool DoublingConvolution::pays(int64_t pictures, int64_t height, int64_t width) const {
  return pays_to_double(in_, out_, pictures, height, width);
}

bool DoublingConvolution::may_pay(const torch::Tensor& weight) {
  return pays_to_double(weight.size(0), weight.size(1), /*pictures=*/1 << 20, 4, 4);
}

torch::Tensor DoublingConvolution::operator()(const torch::Tensor& x) const {
  return winograd::grow_prepared(x.unsqueeze(2), prepared_, {bias_, slope_}).squeeze(2);
}

std::optional<torch::Tensor> fast_convolution(const torch::nn::Module& layer,
                                              const torch::Tensor& x) {
  if (!backend().winograd || !plain_float(x) || at::autocast::is_autocast_enabled(at::kCPU))
    return std::nullopt;
  if (const auto* conv = layer.as<torch::nn::Conv2d>()) return apply<2>(*conv, fast_shrink, x);
  if (const auto* conv = layer.as<torch::nn::Conv3d>()) return apply<3>(*conv, fast_shrink, x);
  if (const auto* conv = layer.as<torch::nn::ConvTranspose2d>())
    return apply<2>(*conv, fast_grow, x);
  return std::nullopt;
}

}  // namespace vidgen::nn
