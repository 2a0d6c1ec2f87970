#include "vidgen/nn/activation.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/batchnorm.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "composed_gradients.h"
#include "vidgen/kernels/parallel.h"
#include "vidgen/kernels/rectify.h"

namespace vidgen::nn {
namespace {

using kernels::Rectifier;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

bool has_loops(const torch::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
         x.is_non_overlapping_and_dense();
}

/// x in the type and with the strides of `like`.
torch::Tensor laid_out(const torch::Tensor& x, const torch::Tensor& like) {
  if (x.strides() == like.strides() && x.scalar_type() == like.scalar_type()) return x;
  return at::empty_like(like).copy_(x);
}

Rectifier rectifier(double factor, double slope) {
  return {static_cast<float>(factor), static_cast<float>(slope)};
}

/// Calls work(first, count) for parts of a tensor.
template <class Work>
void for_each_part(int64_t numbers, const Work& work) {
  constexpr int64_t kPart = 1 << 14;
  kernels::parallel_for((numbers + kPart - 1) / kPart, [&](int64_t part) {
    work(part * kPart, std::min(kPart, numbers - part * kPart));
  });
}

/// The gradient of lrelu(factor * x) from that of the result, which it is linear in.
struct Gate : Function<Gate> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& incoming,
                               const torch::Tensor& result, double factor, double slope) {
    context->save_for_backward({result});
    context->saved_data["factor"] = factor;
    context->saved_data["slope"] = slope;
    const auto gradient = laid_out(incoming, result);
    auto out = at::empty_like(result);
    kernels::with_number(result.scalar_type(), [&](auto number) {
      using Number = decltype(number);
      const auto *from = gradient.const_data_ptr<Number>(), *at = result.const_data_ptr<Number>();
      auto* to = out.mutable_data_ptr<Number>();
      for_each_part(out.numel(), [&](int64_t first, int64_t count) {
        kernels::rectify_gradient(from + first, at + first, rectifier(factor, slope), count,
                                  to + first);
      });
    });
    return out;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {Gate::apply(gradients[0], context->get_saved_variables()[0],
                        context->saved_data["factor"].toDouble(),
                        context->saved_data["slope"].toDouble()),
            {},
            {},
            {}};
  }
};

/// lrelu(factor * (first + second)); with an empty `second` in place of `first`, unless that is a
/// view: a view that is changed gets a history of its own, which would hold this and be held by it.
struct Rectify : Function<Rectify> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& first,
                               const torch::Tensor& second, double factor) {
    const bool alone = second.numel() == 0;
    const bool in_place = alone && !first.is_view();
    if (in_place) context->mark_dirty({first});
    auto out = in_place ? first : at::empty_like(first);
    const auto more = alone ? second : laid_out(second, first);
    kernels::with_number(out.scalar_type(), [&](auto number) {
      using Number = decltype(number);
      const auto* one = first.const_data_ptr<Number>();
      const auto* other = alone ? nullptr : more.template const_data_ptr<Number>();
      auto* to = out.template mutable_data_ptr<Number>();
      for_each_part(out.numel(), [&](int64_t begin, int64_t count) {
        kernels::rectify(one + begin, other ? other + begin : nullptr, rectifier(factor, kSlope),
                         count, to + begin);
      });
    });
    context->save_for_backward({out});
    context->saved_data["factor"] = factor;
    return out;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto gradient = Gate::apply(gradients[0], context->get_saved_variables()[0],
                                      context->saved_data["factor"].toDouble(), kSlope);
    return {gradient, context->needs_input_grad(1) ? gradient : torch::Tensor(), {}};
  }
};

/// By LibTorch's operations; weight and bias may be undefined, and so may the running statistics.
struct Norm {
  torch::Tensor weight, bias, running_mean, running_variance;
  bool by_batch;
  double momentum, epsilon;
};

torch::Tensor composed(const torch::Tensor& x, const torch::Tensor& skip, const Norm& norm,
                       double factor, double slope) {
  auto sum = at::batch_norm(x, norm.weight, norm.bias, norm.running_mean, norm.running_variance,
                            norm.by_batch, norm.momentum, norm.epsilon, /*cudnn_enabled=*/true);
  if (skip.numel() > 0)
    sum = sum + at::upsample_nearest2d(skip, {2 * skip.size(2), 2 * skip.size(3)});
  if (factor != 1) sum = sum * factor;
  return slope == 0 ? at::relu(sum) : at::leaky_relu(sum, slope);
}

/// rectified_norm() by the statistics of the batch.
struct NormRectify : Function<NormRectify> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, const torch::Tensor& bias,
                               const torch::Tensor& given_skip, const torch::Tensor& running_mean,
                               const torch::Tensor& running_variance, double momentum,
                               double epsilon, double factor, double slope) {
    const Pictures pictures(x);
    const int64_t channels = pictures.size.channels;
    auto out = at::empty_like(x);
    auto mean = at::empty({channels}, weight.options()), deviation = at::empty_like(mean);
    const auto skip = given_skip.contiguous(at::MemoryFormat::ChannelsLast);
    kernels::with_number(x.scalar_type(), [&](auto number) {
      using Number = decltype(number);
      const auto* from = x.const_data_ptr<Number>();
      // Sums are of the differences to one pixel, so that little is lost where channels vary
      // little.
      std::vector<float> shift(from, from + channels);
      const auto sums = pictures.sums([&](int64_t i, float* some, float* squares) {
        kernels::add_sums(from + i * pictures.numbers, shift.data(), pictures.size.pixels(),
                          channels, some, squares);
      });
      std::vector<float> scale(shift.size()), offset(shift.size());
      const auto count = static_cast<double>(pictures.count * pictures.size.pixels());
      auto* means = mean.mutable_data_ptr<float>();
      auto* inverse = deviation.mutable_data_ptr<float>();
      for (size_t c = 0; c < shift.size(); ++c) {
        const double off = sums[0][c] / count;
        const double variance = std::max(sums[1][c] / count - off * off, 0.0);
        means[c] = static_cast<float>(shift[c] + off);
        inverse[c] = static_cast<float>(1 / std::sqrt(variance + epsilon));
        scale[c] = weight.const_data_ptr<float>()[c] * inverse[c];
        offset[c] = bias.const_data_ptr<float>()[c] - means[c] * scale[c];
        auto& moving_mean = running_mean.mutable_data_ptr<float>()[c];
        auto& moving_variance = running_variance.mutable_data_ptr<float>()[c];
        const double unbiased = variance * count / std::max(count - 1, 1.0);
        moving_mean = static_cast<float>((1 - momentum) * moving_mean + momentum * means[c]);
        moving_variance =
            static_cast<float>((1 - momentum) * moving_variance + momentum * unbiased);
      }
      const auto* added = skip.numel() > 0 ? skip.template const_data_ptr<Number>() : nullptr;
      auto* to = out.template mutable_data_ptr<Number>();
      kernels::parallel_for(pictures.count, [&](int64_t i) {
        kernels::norm_rectify(from + i * pictures.numbers, scale.data(), offset.data(),
                              added ? added + i * pictures.numbers / 4 : nullptr, pictures.size,
                              rectifier(factor, slope), to + i * pictures.numbers);
      });
    });
    context->save_for_backward({x, weight, bias, given_skip, out, mean, deviation});
    context->saved_data["epsilon"] = epsilon;
    context->saved_data["factor"] = factor;
    context->saved_data["slope"] = slope;
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const double factor = context->saved_data["factor"].toDouble(),
                 slope = context->saved_data["slope"].toDouble();
    variable_list results(10);
    if (at::GradMode::is_enabled()) {
      // Gradients of these gradients are wanted: those of the operations.
      const auto &x = saved[0], &weight = saved[1], &bias = saved[2], &skip = saved[3];
      const Norm norm{weight, bias, {}, {}, true, 0, context->saved_data["epsilon"].toDouble()};
      const auto found = composed_gradients(composed(x, skip, norm, factor, slope),
                                            {x, weight, bias, skip}, gradients[0]);
      std::copy(found.begin(), found.end(), results.begin());
      return results;
    }
    auto found = by_loops(saved, gradients[0], rectifier(factor, slope));
    std::move(found.begin(), found.end(), results.begin());
    return results;
  }

 private:
  /// How pictures or clips lie in memory, channels last.
  struct Pictures {
    explicit Pictures(const torch::Tensor& x)
        : count(x.size(0)),
          numbers(x.numel() / count),
          size{x.numel() / (count * x.size(1) * x.size(-1)), x.size(-1), x.size(1)} {}

    /// Two sums [2][C] over all pictures, of work(i, sum, sum), in an order that does not depend on
    /// the threads.
    template <class Work>
    std::array<std::vector<double>, 2> sums(const Work& work) const {
      const auto channels = static_cast<size_t>(size.channels);
      std::vector<float> parts(2 * channels * static_cast<size_t>(count));
      kernels::parallel_for(count, [&](int64_t i) {
        float* part = parts.data() + 2 * size.channels * i;
        work(i, part, part + channels);
      });
      std::array<std::vector<double>, 2> all{std::vector<double>(channels),
                                             std::vector<double>(channels)};
      for (auto part = parts.begin(); part != parts.end();) {
        for (auto& sum : all) {
          for (auto& number : sum) number += *part++;
        }
      }
      return all;
    }

    int64_t count;
    /// Of a picture.
    int64_t numbers;
    kernels::PictureSize size;
  };

  /// Gradients of x, weight, bias and skip.
  static variable_list by_loops(const variable_list& saved, const torch::Tensor& incoming,
                                const Rectifier& rectifier) {
    const auto &x = saved[0], &weight = saved[1], &y = saved[4], &mean = saved[5],
               &deviation = saved[6];
    const auto skip = saved[3].contiguous(at::MemoryFormat::ChannelsLast);
    const auto gradient = laid_out(incoming, y);
    const Pictures pictures(x);
    const int64_t channels = pictures.size.channels;
    auto of_x = at::empty_like(x), of_weight = at::empty_like(weight),
         of_bias = at::empty_like(weight);
    auto of_skip = skip.numel() > 0 ? at::empty_like(skip) : torch::Tensor();
    kernels::with_number(x.scalar_type(), [&](auto number) {
      using Number = decltype(number);
      const auto *g = gradient.template const_data_ptr<Number>(),
                 *result = y.const_data_ptr<Number>(), *from = x.const_data_ptr<Number>();
      const auto *means = mean.const_data_ptr<float>(),
                 *inverse = deviation.const_data_ptr<float>(),
                 *weights = weight.const_data_ptr<float>();
      const auto sums = pictures.sums([&](int64_t i, float* some, float* products) {
        const int64_t at = i * pictures.numbers;
        kernels::add_norm_gradients(g + at, result + at, from + at, means, pictures.size.pixels(),
                                    channels, rectifier, some, products);
      });
      const auto count = static_cast<double>(pictures.count * pictures.size.pixels());
      const auto many = static_cast<size_t>(channels);
      std::vector<float> by_g(many), by_x(many), offset(many);
      for (size_t c = 0; c < many; ++c) {
        const double product = sums[1][c] * inverse[c], scale = weights[c] * inverse[c];
        of_bias.mutable_data_ptr<float>()[c] = static_cast<float>(sums[0][c]);
        of_weight.mutable_data_ptr<float>()[c] = static_cast<float>(product);
        const double slant = -scale * inverse[c] * product / count;
        by_g[c] = static_cast<float>(scale);
        by_x[c] = static_cast<float>(slant);
        offset[c] = static_cast<float>(-scale * sums[0][c] / count - slant * means[c]);
      }
      auto* to = of_x.template mutable_data_ptr<Number>();
      auto* to_skip = of_skip.defined() ? of_skip.template mutable_data_ptr<Number>() : nullptr;
      kernels::parallel_for(pictures.count, [&](int64_t i) {
        const int64_t at = i * pictures.numbers;
        kernels::norm_gradients(g + at, result + at, from + at, by_g.data(), by_x.data(),
                                offset.data(), pictures.size, rectifier, to + at,
                                to_skip ? to_skip + at / 4 : nullptr);
      });
    });
    return {of_x, of_weight, of_bias, of_skip};
  }
};

template <class Layer>
torch::Tensor rectified_norm_of(Layer& layer, const torch::Tensor& x, const torch::Tensor& skip,
                                double factor, double slope) {
  const auto& options = layer.options;
  const auto format =
      x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::ChannelsLast3d;
  const bool loops = layer.is_training() && options.affine() && options.track_running_stats() &&
                     options.momentum() && has_loops(x) &&
                     layer.weight.scalar_type() == at::kFloat && x.is_contiguous(format) &&
                     x.numel() > 0 && (!skip.defined() || skip.scalar_type() == x.scalar_type());
  if (loops) {
    layer.num_batches_tracked.add_(1);
    return NormRectify::apply(x, layer.weight, layer.bias,
                              skip.defined() ? skip : x.new_empty({0, 1, 1, 1}), layer.running_mean,
                              layer.running_var, *options.momentum(), options.eps(), factor, slope);
  }
  auto sum = layer.forward(x);
  if (skip.defined())
    sum = sum + at::upsample_nearest2d(skip, {2 * skip.size(2), 2 * skip.size(3)});
  if (factor != 1) sum = sum * factor;
  return slope == 0 ? at::relu_(sum) : at::leaky_relu_(sum, slope);
}

}  // namespace

torch::Tensor rectified(torch::Tensor x) {
  if (!has_loops(x)) return torch::leaky_relu_(x, kSlope);
  return Rectify::apply(x, x.new_empty(0), 1.0);
}

torch::Tensor rectified_sum(const torch::Tensor& first, const torch::Tensor& second,
                            double factor) {
  if (!has_loops(first) || second.scalar_type() != first.scalar_type() || !second.is_cpu() ||
      second.sizes() != first.sizes()) {
    auto sum = (first + second) * factor;
    return torch::leaky_relu_(sum, kSlope);
  }
  return Rectify::apply(first, second, factor);
}

torch::Tensor rectified_norm(torch::nn::Module& norm, const torch::Tensor& x,
                             const torch::Tensor& skip, double factor, double slope) {
  if (auto* pictures = norm.as<torch::nn::BatchNorm2d>())
    return rectified_norm_of(*pictures, x, skip, factor, slope);
  auto* clips = norm.as<torch::nn::BatchNorm3d>();
  TORCH_CHECK(clips && !skip.defined(), "expected a batch normalisation of pictures, or of clips ",
              "without a skip, found ", norm.name());
  return rectified_norm_of(*clips, x, skip, factor, slope);
}

}  // namespace vidgen::nn
