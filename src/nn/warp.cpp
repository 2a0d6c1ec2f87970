#include "vidgen/nn/warp.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <vector>

#include "vidgen/kernels/parallel.h"
#include "vidgen/kernels/rectify.h"
#include "vidgen/kernels/warp_pixels.h"

namespace vidgen::nn {
namespace {

/// How far the layers' numbers turn, stretch and shear a picture, relative to how far they move it:
/// things move more than they change.
constexpr double kTurn = 0.1;

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

torch::Tensor laid_out(const torch::Tensor& pictures) {
  return pictures.contiguous(at::MemoryFormat::ChannelsLast);
}

/// Pictures of clips' slots [B*slots,C,H,W], maps [B*frames*slots,moving,2,3] and fades
/// [B*frames*slots,moving], empty for ones, to frames [B*frames,C,H,W] of a type, on the CPU.
struct WarpOnCpu : Function<WarpOnCpu> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& pictures,
                               const torch::Tensor& all_maps, const torch::Tensor& all_fades,
                               const WarpOptions& options) {
    const auto x = laid_out(pictures), maps = all_maps.contiguous(), fades = all_fades.contiguous();
    context->save_for_backward({x, maps, fades});
    context->saved_data["groups"] = options.groups;
    context->saved_data["still"] = options.still;
    context->saved_data["slots"] = options.slots;
    const Loops loops(x, maps, fades, *context);
    auto out = at::empty({loops.clips * loops.frames, x.size(1), x.size(2), x.size(3)},
                         x.options().memory_format(at::MemoryFormat::ChannelsLast));
    kernels::with_number(x.scalar_type(), [&](auto number) {
      using Number = decltype(number);
      const auto* pictures = x.const_data_ptr<Number>();
      auto* to = out.mutable_data_ptr<Number>();
      // Parts of clips, so that few of them still keep all threads busy.
      const int64_t parts = std::min(loops.frames, (kParts + loops.clips - 1) / loops.clips);
      kernels::parallel_for(loops.clips * parts, [&](int64_t part) {
        const int64_t clip = part / parts, first = clip * loops.frames;
        std::vector<float> copy;
        const auto* from = as_floats(pictures + clip * loops.numbers, loops.numbers, copy);
        for (int64_t i = first + part % parts; i < first + loops.frames; i += parts) {
          kernels::warp_frame(from, loops.maps_of(i), loops.fades_of(i), loops.sizes,
                              to + i * loops.frame);
        }
      });
    });
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &maps = saved[1], &fades = saved[2];
    const Loops loops(x, maps, fades, *context);
    const auto given = laid_out(gradients[0]);
    auto of_x = at::empty_like(x), of_maps = at::empty_like(maps), of_fades = at::empty_like(fades);
    const Loops results(x, of_maps, of_fades, *context);
    kernels::with_number(x.scalar_type(), [&](auto number) {
      using Number = decltype(number);
      const auto *gradient = given.const_data_ptr<Number>(), *pictures = x.const_data_ptr<Number>();
      auto* to = of_x.mutable_data_ptr<Number>();
      // A clip's frames one after the other, so that they are always added up in this order.
      kernels::parallel_for(loops.clips, [&](int64_t clip) {
        std::vector<float> copy, sums(static_cast<size_t>(loops.numbers));
        const auto* from = as_floats(pictures + clip * loops.numbers, loops.numbers, copy);
        for (int64_t i = clip * loops.frames; i < (clip + 1) * loops.frames; ++i) {
          kernels::warp_gradients(from, loops.maps_of(i), loops.fades_of(i), loops.sizes,
                                  gradient + i * loops.frame, sums.data(), results.maps_of(i),
                                  results.fades_of(i));
        }
        kernels::convert(sums.data(), loops.numbers, to + clip * loops.numbers);
      });
    });
    return {of_x, of_maps, of_fades, {}};
  }

 private:
  /// So many parts of the work at least, where there are frames enough.
  static constexpr int64_t kParts = 16;

  static const float* as_floats(const float* numbers, int64_t, std::vector<float>&) {
    return numbers;
  }
  static const float* as_floats(const c10::BFloat16* numbers, int64_t count,
                                std::vector<float>& copy) {
    copy.resize(static_cast<size_t>(count));
    kernels::convert(numbers, count, copy.data());
    return copy.data();
  }

  /// Where the parts of each clip and frame lie.
  struct Loops {
    Loops(const torch::Tensor& x, const torch::Tensor& maps, const torch::Tensor& fades,
          AutogradContext& context)
        : sizes{x.size(2),
                x.size(3),
                x.size(1),
                context.saved_data["groups"].toInt(),
                context.saved_data["still"].toInt(),
                context.saved_data["slots"].toInt()},
          clips(x.size(0) / sizes.slots),
          frames(maps.size(0) / x.size(0)),
          frame(x[0].numel()),
          numbers(frame * sizes.slots),
          first_map(maps.data_ptr<float>()),
          first_fade(fades.numel() > 0 ? fades.data_ptr<float>() : nullptr) {}

    float* maps_of(int64_t i) const { return first_map + i * sizes.slots * sizes.moving() * 6; }
    float* fades_of(int64_t i) const {
      return first_fade ? first_fade + i * sizes.slots * sizes.moving() : nullptr;
    }

    kernels::WarpSizes sizes;
    int64_t clips;
    /// Of a clip.
    int64_t frames;
    /// Numbers of a frame, and of a clip's pictures.
    int64_t frame, numbers;
    float *first_map, *first_fade;
  };
};

/// Where the middle of each pixel lies, in [-1,1], as [1,side*side,3]: x, y and 1.
torch::Tensor pixel_places(int64_t side) {
  const auto along = (2 * torch::arange(side, torch::kDouble) + 1) / side - 1;
  const auto yx = torch::meshgrid({along, along}, "ij");
  return torch::stack({yx[1], yx[0], torch::ones({side, side}, torch::kDouble)}, 2)
      .view({1, side * side, 3});
}

}  // namespace

WarpImpl::WarpImpl(WarpOptions options) : options(options) { reset(); }

void WarpImpl::reset() {
  namespace layers = torch::nn;
  motion_ = register_module(
      "motion", layers::Sequential(
                    layers::Linear(options.code_dim, options.hidden),
                    layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2)),
                    layers::Linear(options.hidden, (options.fade ? 7 : 6) * options.moving())));
}

// Made on the device: a copy from the host would make a training step wait.
torch::Tensor WarpImpl::scale(torch::Device device) const {
  auto scale = torch::full({options.moving(), 2, 3}, kTurn, device);
  scale.select(2, 2).fill_(1);
  return scale.flatten();
}

torch::Tensor WarpImpl::numbers(const torch::Tensor& code) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  return motion_->forward(code.to(torch::kFloat));
}

torch::Tensor WarpImpl::maps_of(const torch::Tensor& numbers) const {
  const auto in_place = torch::eye(2, 3, numbers.device()).flatten().repeat(options.moving());
  return torch::addcmul(in_place, numbers.narrow(1, 0, 6 * options.moving()),
                        scale(numbers.device()))
      .view({numbers.size(0), options.moving(), 2, 3});
}

torch::Tensor WarpImpl::fades_of(const torch::Tensor& numbers) const {
  return 1 + numbers.narrow(1, 6 * options.moving(), options.moving()).tanh();
}

torch::Tensor WarpImpl::maps(const torch::Tensor& code) { return maps_of(numbers(code)); }

torch::Tensor WarpImpl::fades(const torch::Tensor& code) { return fades_of(numbers(code)); }

torch::Tensor WarpImpl::forward(const torch::Tensor& x, const torch::Tensor& code) {
  const int64_t slots = options.slots, clips = x.size(0) / slots;
  TORCH_CHECK(x.size(0) % slots == 0 && code.size(0) % clips == 0 &&
                  code.size(1) == slots * options.code_dim && x.size(1) == options.channels,
              "warp: expected codes of ", slots * options.code_dim, " numbers of ", clips,
              " clips and ", options.channels, " channels, found ", code.sizes(), " and ",
              x.sizes());
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const auto type = x.scalar_type();
  const auto made = numbers(code.reshape({-1, options.code_dim}));
  const auto maps = maps_of(made), fades = options.fade ? fades_of(made) : maps.new_empty(0);
  if (x.is_cpu() && (type == at::kFloat || type == at::kBFloat16))
    return WarpOnCpu::apply(x, maps, fades, options);
  return warp_by_grid(x, maps, fades, options);
}

graph::Shape WarpImpl::shape(const std::vector<graph::Shape>& inputs) const {
  const auto &x = inputs.at(0), &code = inputs.at(1);
  return {code.at(0), x.at(1), x.at(2), x.at(3)};
}

graph::Value WarpImpl::describe(graph::Graph& graph, const std::vector<graph::Value>& inputs,
                                const std::string& name) const {
  const torch::NoGradGuard no_grad;
  const auto x = inputs.at(0), code = inputs.at(1);
  const auto parameters = named_parameters();
  const auto linear = [&](graph::Value from, const char* part, const torch::Tensor& weight,
                          const torch::Tensor& bias) {
    return graph.linear(from, name + ".motion." + part, weight, bias);
  };
  const auto hidden =
      graph.apply(graph::Function::kLeakyRelu,
                  {linear(graph.reshape(code, {-1, options.code_dim}), "0",
                          parameters["motion.0.weight"], parameters["motion.0.bias"])});
  // Groups that stay have maps without a motion, and fades of 1: the numbers of the first rows are
  // zeros.
  const auto of_all = [&](const torch::Tensor& moving, int64_t numbers) {
    auto all = torch::zeros({numbers * options.groups, moving.size(1)}, moving.options());
    all.narrow(0, numbers * options.still, moving.size(0)).copy_(moving);
    return all;
  };
  const auto last = [&](const char* part, const torch::Tensor& all) {
    return linear(hidden, part, all.narrow(1, 0, options.hidden), all.select(1, options.hidden));
  };
  const int64_t map_rows = 6 * options.moving();
  const auto rows =
      torch::cat({parameters["motion.2.weight"], parameters["motion.2.bias"].unsqueeze(1)}, 1);
  const auto map = of_all(rows.narrow(0, 0, map_rows) * scale().to(rows.options()).unsqueeze(1), 6);
  map.select(1, options.hidden) += torch::eye(2, 3).flatten().repeat(options.groups);

  const int64_t side = graph.shape(x)[2].number, channels = options.channels;
  const auto maps = graph.transpose(graph.reshape(last("2", map), {-1, 2, 3}), {0, 2, 1});
  const auto places = graph.weight(name + ".places", pixel_places(side));
  const auto grid = graph.reshape(graph.matrix_product(places, maps), {-1, side, side, 2});
  auto moved = graph.sample(graph.reshape(x, {-1, channels / options.groups, side, side}), grid);
  if (options.fade) {
    const auto fade = of_all(rows.narrow(0, map_rows, options.moving()), 1);
    const auto more = graph.apply(graph::Function::kTanh, {last("fade", fade)});
    const auto factor = graph.reshape(graph.add(more, graph.number(1)), {-1, 1, 1, 1});
    moved = graph.multiply(moved, factor);
  }
  if (options.slots == 1) return graph.reshape(moved, {-1, channels, side, side});
  const auto shown =
      graph.split(graph.reshape(moved, {-1, options.slots * channels, side, side}),
                  std::vector<int64_t>(static_cast<size_t>(options.slots), channels));
  auto sum = shown.front();
  for (size_t i = 1; i < shown.size(); ++i) sum = graph.add(sum, shown[i]);
  return sum;
}

torch::Tensor warp_by_grid(const torch::Tensor& x, const torch::Tensor& maps,
                           const torch::Tensor& fades, const WarpOptions& options) {
  const int64_t slots = options.slots, pictures = x.size(0), clips = pictures / slots;
  const int64_t frames = maps.size(0) / pictures, rows = clips * frames;
  const int64_t width = x.size(1) / options.groups, still = width * options.still;
  // [B*frames*slots,C,H,W], as the maps are.
  const auto shown = x.to(torch::kFloat)
                         .unflatten(0, {clips, 1, slots})
                         .expand({clips, frames, slots, x.size(1), x.size(2), x.size(3)})
                         .flatten(0, 2);
  const auto moved = shown.narrow(1, still, width * options.moving())
                         .reshape({rows * slots * options.moving(), width, x.size(2), x.size(3)});
  const auto grid = at::affine_grid_generator(maps.flatten(0, 1), moved.sizes(),
                                              /*align_corners=*/false);
  constexpr int64_t kBilinear = 0, kZeros = 0;
  auto arrived = at::grid_sampler_2d(moved, grid, kBilinear, kZeros, /*align_corners=*/false);
  if (fades.numel() > 0) arrived = arrived * fades.flatten().view({-1, 1, 1, 1});
  return torch::cat({shown.narrow(1, 0, still),
                     arrived.view({rows * slots, width * options.moving(), x.size(2), x.size(3)})},
                    1)
      .unflatten(0, {rows, slots})
      .sum(1)
      .to(x.scalar_type())
      .contiguous(torch::MemoryFormat::ChannelsLast);
}

}  // namespace vidgen::nn
