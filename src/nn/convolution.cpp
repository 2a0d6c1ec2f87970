#include "vidgen/nn/convolution.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>
#include <variant>

#include "picture_layer.h"
#include "vidgen/kernels/phases.h"
#include "vidgen/kernels/winograd.h"
#include "vidgen/nn/backend.h"
#include "vidgen/nn/layout.h"

namespace vidgen::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// The sizes of winograd.h, and for which of its functions they are in its favour. The limits are
/// measured: with fewer channels the transforms cost more than the products that they save, with
/// fewer tiles those of the filters do.
struct Choice {
  Choice(c10::IntArrayRef large, c10::IntArrayRef small, at::ScalarType type) {
    const int64_t channels = large[1], taps = large[2] - small[2] + 1;
    bool even = true;
    for (size_t i = 3; i < 5; ++i) even = even && small[i] % 2 == 0;
    const int64_t tiles = small[0] * small[2] * small[3] * small[4] / 4;
    const int64_t terms = taps * std::min(4 * channels, small[1]);
    few = channels < 16;
    correlate = even && tiles >= 100 && terms >= 128;
    // LibTorch's own convolutions of few numbers are quick in bfloat16.
    const bool many = type == at::kFloat || 64 * channels * small[1] * taps * tiles >= kFew;
    convolve = correlate && many;
    grow_prepared = even && tiles >= 100 && terms >= 48 && many;
  }
  bool any() const { return correlate || few; }

  static constexpr int64_t kFew = 400'000'000;
  /// Large clips of few channels, which LibTorch is slow to make.
  bool few;
  /// correlate() pays; so do shrink() and grow(); so does grow() by filters that are transformed
  /// already.
  bool correlate, convolve, grow_prepared;
};

/// LibTorch's convolution over clips. Frames are clips of one, which its 2-D kernels do faster.
torch::Tensor plain(const torch::Tensor& x, const torch::Tensor& filter_bank, bool transposed) {
  const auto filters = filter_bank.to(x.scalar_type());
  if (filters.size(2) > 1)
    return at::convolution(x, filters, {}, {1, 2, 2}, {0, 1, 1}, {1}, transposed, {0}, 1);
  const auto frames =
      at::convolution(as_frames(x), filters.squeeze(2), {}, {2}, {1}, {1}, transposed, {0}, 1);
  return as_clips(frames, x.size(0));
}

/// The transposed convolution as an ordinary one to the phases of its result.
torch::Tensor grow_in_phases(const torch::Tensor& small, const torch::Tensor& filter_bank) {
  const auto filters = kernels::phase_filters(filter_bank.to(small.scalar_type()));
  const int64_t taps = filters.size(2);
  if (taps > 1)
    return kernels::interleave_phases(
        at::convolution(small, filters, {}, {1}, {taps - 1, 1, 1}, {1}, false, {0}, 1));
  const auto phases =
      at::convolution(as_frames(small), filters.squeeze(2), {}, {1}, {1}, {1}, false, {0}, 1);
  return as_clips(kernels::interleave_phases(phases), small.size(0));
}

/// Frames [M,C,H,W] as clips of one, their filters as filters of one tap; clips as they are.
torch::Tensor with_time(const torch::Tensor& x) { return x.dim() == 4 ? x.unsqueeze(2) : x; }

/// work(first, second) for clips and filters, or for frames and theirs.
template <class Work>
torch::Tensor on_clips(const Work& work, const torch::Tensor& first, const torch::Tensor& second) {
  const at::AutoDispatchBelowADInplaceOrView no_view;  // what is returned may be changed in place
  const auto result = work(with_time(first), with_time(second));
  return first.dim() == 4 ? result.squeeze(2) : result;
}

torch::Tensor plain_correlation(const torch::Tensor& large, const torch::Tensor& small) {
  const int64_t taps = large.size(2) - small.size(2) + 1;
  const auto filters =
      at::empty({small.size(1), large.size(1), taps, 4, 4}, large.options());  // its sizes count
  const auto correlate = [](const torch::Tensor& x, const torch::Tensor& gradient,
                            const torch::Tensor& like, c10::IntArrayRef stride,
                            c10::IntArrayRef padding) {
    return std::get<1>(at::convolution_backward(gradient, x, like, at::OptionalIntArrayRef(),
                                                stride, padding, {1}, false, {0}, 1,
                                                {false, true, false}))
        .to(torch::kFloat);
  };
  if (taps > 1) return correlate(large, small, filters, {1, 2, 2}, {0, 1, 1});
  return correlate(as_frames(large), as_frames(small), filters.squeeze(2), {2}, {1}).unsqueeze(2);
}

// The three functions of winograd.h, by the algorithm that is faster.
torch::Tensor shrunk(const torch::Tensor& large, const torch::Tensor& filters) {
  return Choice(large.sizes(), kernels::winograd::small_sizes(large, filters), large.scalar_type())
                 .convolve
             ? kernels::winograd::shrink(large, filters)
             : plain(large, filters, /*transposed=*/false);
}
torch::Tensor grown(const torch::Tensor& small, const torch::Tensor& filters) {
  const Choice choice(kernels::winograd::large_sizes(small, filters), small.sizes(),
                      small.scalar_type());
  if (choice.few) return grow_in_phases(small, filters);
  return choice.convolve ? kernels::winograd::grow(small, filters)
                         : plain(small, filters, /*transposed=*/true);
}
torch::Tensor correlated(const torch::Tensor& large, const torch::Tensor& small) {
  return Choice(large.sizes(), small.sizes(), large.scalar_type()).correlate
             ? kernels::winograd::correlate(large, small)
             : plain_correlation(large, small);
}

// The same with their gradients, which are each other.
torch::Tensor shrink(const torch::Tensor& large, const torch::Tensor& filters);
torch::Tensor grow(const torch::Tensor& small, const torch::Tensor& filters);
torch::Tensor correlate(const torch::Tensor& large, const torch::Tensor& small);

struct Shrink : Function<Shrink> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& large,
                               const torch::Tensor& filters) {
    context->save_for_backward({large, filters});
    return on_clips(shrunk, large, filters);
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
    return on_clips(grown, small, filters);
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
    return on_clips(correlated, large, small);
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

/// x as the convolutions of this file take it, if they do: in float32, or under autocast in
/// bfloat16.
std::optional<torch::Tensor> as_input(const torch::Tensor& x) {
  if (!x.is_cpu()) return std::nullopt;
  const bool autocast = at::autocast::is_autocast_enabled(at::kCPU);
  const auto type = autocast ? at::autocast::get_autocast_dtype(at::kCPU) : at::kFloat;
  if (autocast ? type != at::kBFloat16 || !at::isFloatingType(x.scalar_type())
               : x.scalar_type() != at::kFloat)
    return std::nullopt;
  return x.to(type);
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
  auto result = work(x, *filters);
  if (result && layer.bias.defined())
    result = result->add(by_channel(layer.bias.to(result->scalar_type()), x.dim()));
  return result;
}

std::optional<torch::Tensor> fast_shrink(const torch::Tensor& large, const torch::Tensor& filters) {
  const auto clips = with_time(large), taps = with_time(filters);
  if (clips.size(3) % 2 != 0 || clips.size(4) % 2 != 0 || clips.size(2) < taps.size(2))
    return std::nullopt;
  const Choice choice(clips.sizes(), kernels::winograd::small_sizes(clips, taps),
                      large.scalar_type());
  return choice.any() ? std::optional(shrink(large, filters)) : std::nullopt;
}

std::optional<torch::Tensor> fast_grow(const torch::Tensor& small, const torch::Tensor& filters) {
  const auto clips = with_time(small);
  const Choice choice(kernels::winograd::large_sizes(clips, with_time(filters)), clips.sizes(),
                      small.scalar_type());
  return choice.any() ? std::optional(grow(small, filters)) : std::nullopt;
}

/// The transposed convolution of a single pixel, a matrix product.
std::optional<torch::Tensor> from_pixel(const torch::nn::ConvTranspose2dImpl& layer,
                                        const torch::Tensor& x) {
  const auto& options = layer.options;
  const auto* padding = std::get_if<torch::ExpandingArray<2>>(&options.padding());
  bool fits = padding && x.dim() == 4 && x.size(2) == 1 && x.size(3) == 1 &&
              options.groups() == 1 && !layer.bias.defined();
  for (size_t i = 0; fits && i < 2; ++i) {
    fits = (*padding)->at(i) == 0 && options.dilation()->at(i) == 1 &&
           options.output_padding()->at(i) == 0;
  }
  if (!fits) return std::nullopt;
  const auto filters = layer.weight.permute({0, 2, 3, 1});
  return x.flatten(1)
      .mm(filters.flatten(1))
      .view({x.size(0), filters.size(1), filters.size(2), filters.size(3)})
      .permute({0, 3, 1, 2});
}

/// The convolution of pictures as large as its filters, a matrix product.
std::optional<torch::Tensor> to_pixel(const torch::nn::Conv2dImpl& layer, const torch::Tensor& x) {
  const auto& options = layer.options;
  const auto* padding = std::get_if<torch::ExpandingArray<2>>(&options.padding());
  bool fits = padding && x.dim() == 4 && options.groups() == 1;
  for (size_t i = 0; fits && i < 2; ++i) {
    fits = (*padding)->at(i) == 0 && options.dilation()->at(i) == 1 &&
           x.size(static_cast<int64_t>(i) + 2) == options.kernel_size()->at(i);
  }
  if (!fits) return std::nullopt;
  const auto row = [](const torch::Tensor& pictures) {
    return pictures.permute({0, 2, 3, 1}).flatten(1);
  };
  return at::linear(row(x), row(layer.weight), layer.bias).unsqueeze(2).unsqueeze(3);
}

bool pays_to_double(const std::vector<int64_t>& small, int64_t out, at::ScalarType type) {
  const std::vector<int64_t> large{small[0], out, 1, 2 * small[3], 2 * small[4]};
  return backend().winograd && Choice(large, small, type).grow_prepared;
}

}  // namespace

DoublingConvolution::DoublingConvolution(const torch::Tensor& weight, const torch::Tensor& bias,
                                         double slope, at::ScalarType type)
    : in_(weight.size(0)),
      out_(weight.size(1)),
      prepared_(kernels::winograd::prepare(weight.unsqueeze(2), type)),
      bias_(bias.contiguous()),
      slope_(slope) {
  TORCH_CHECK(plain_float(weight) && plain_float(bias) && weight.dim() == 4 &&
                  weight.size(2) == 4 && weight.size(3) == 4 && bias.numel() == out_,
              "expected a weight [in,out,4,4] and a bias [out] in float32 on the CPU, found ",
              weight.sizes(), " and ", bias.sizes());
}

bool DoublingConvolution::pays(int64_t pictures, int64_t height, int64_t width) const {
  return pays_to_double({pictures, in_, 1, height, width}, out_, prepared_.scalar_type());
}

bool DoublingConvolution::may_pay(const torch::Tensor& weight, at::ScalarType type) {
  return pays_to_double({/*pictures=*/1 << 20, weight.size(0), 1, 4, 4}, weight.size(1), type);
}

torch::Tensor DoublingConvolution::operator()(const torch::Tensor& x) const {
  return kernels::winograd::grow_prepared(x.unsqueeze(2), prepared_, {bias_, slope_}).squeeze(2);
}

std::optional<torch::Tensor> fast_convolution(const torch::nn::Module& layer,
                                              const torch::Tensor& input) {
  const auto x = backend().winograd ? as_input(input) : std::nullopt;
  if (!x) return std::nullopt;
  if (const auto* conv = layer.as<torch::nn::Conv2d>()) {
    if (auto pixel = to_pixel(*conv, *x)) return pixel;
    if (auto picture = to_picture(*conv, *x)) return picture;
    return apply<2>(*conv, fast_shrink, *x);
  }
  if (const auto* conv = layer.as<torch::nn::Conv3d>()) return apply<3>(*conv, fast_shrink, *x);
  if (const auto* conv = layer.as<torch::nn::ConvTranspose2d>()) {
    if (auto picture = from_pixel(*conv, *x)) return picture;
    return apply<2>(*conv, fast_grow, *x);
  }
  return std::nullopt;
}

}  // namespace vidgen::nn
