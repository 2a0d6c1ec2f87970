#include "vidgen/nn/warp.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

#include "vidgen/kernels/parallel.h"
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

/// Pictures of clips [B,C,H,W] in float32 and maps [B*frames,moving,2,3] to frames [B*frames,C,H,W]
/// of a type, on the CPU.
struct WarpOnCpu : Function<WarpOnCpu> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& clips,
                               const torch::Tensor& all_maps, int64_t groups, int64_t still,
                               at::ScalarType type) {
    const auto x = laid_out(clips), maps = all_maps.contiguous();
    context->save_for_backward({x, maps});
    const kernels::WarpSizes sizes{x.size(2), x.size(3), x.size(1), groups, still};
    context->saved_data["groups"] = groups;
    context->saved_data["still"] = still;
    const int64_t rows = maps.size(0), frames = rows / x.size(0), picture = x[0].numel();
    auto out = at::empty({rows, x.size(1), x.size(2), x.size(3)},
                         x.options().dtype(type).memory_format(at::MemoryFormat::ChannelsLast));
    kernels::with_number(type, [&](auto number) {
      using Number = decltype(number);
      const auto* from = x.data_ptr<float>();
      const auto* map = maps.data_ptr<float>();
      auto* to = out.data_ptr<Number>();
      kernels::parallel_for(rows, [&](int64_t i) {
        kernels::warp_picture(from + i / frames * picture, map + i * maps.stride(0), sizes,
                              to + i * picture);
      });
    });
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &maps = saved[1];
    const kernels::WarpSizes sizes{x.size(2), x.size(3), x.size(1),
                                   context->saved_data["groups"].toInt(),
                                   context->saved_data["still"].toInt()};
    const auto given = laid_out(gradients[0]);
    const int64_t frames = maps.size(0) / x.size(0), picture = x[0].numel();
    auto of_x = at::zeros_like(x), of_maps = at::empty_like(maps);
    kernels::with_number(given.scalar_type(), [&](auto number) {
      using Number = decltype(number);
      const auto* from = x.data_ptr<float>();
      const auto* map = maps.data_ptr<float>();
      const auto* gradient = given.data_ptr<Number>();
      auto* to_x = of_x.data_ptr<float>();
      auto* to_maps = of_maps.data_ptr<float>();
      // A clip's frames one after the other, so that they are always added up in this order.
      kernels::parallel_for(x.size(0), [&](int64_t clip) {
        for (int64_t i = clip * frames; i < (clip + 1) * frames; ++i) {
          kernels::warp_gradients(from + clip * picture, map + i * maps.stride(0), sizes,
                                  gradient + i * picture, to_x + clip * picture,
                                  to_maps + i * maps.stride(0));
        }
      });
    });
    return {of_x, of_maps, {}, {}, {}};
  }
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
  if (slots == 1) return moved(x, code);
  const int64_t frames = code.size(0) / clips;
  const auto codes = code.reshape({clips, frames, slots, options.code_dim}).transpose(1, 2);
  const auto all = moved(x, codes.reshape({-1, options.code_dim}));
  // Pixels are kept together.
  const auto parts = all.permute({0, 2, 3, 1}).unflatten(0, {clips, slots, frames}).unbind(1);
  auto sum = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) sum = sum + parts[i];
  return sum.flatten(0, 1).permute({0, 3, 1, 2});
}

torch::Tensor WarpImpl::moved(const torch::Tensor& x, const torch::Tensor& code) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const auto type = x.scalar_type();
  const auto made = numbers(code);
  const auto maps = maps_of(made);
  const bool by_loops = x.is_cpu() && (type == at::kFloat || type == at::kBFloat16);
  auto shown =
      by_loops ? WarpOnCpu::apply(x.to(torch::kFloat), maps, options.groups, options.still, type)
               : warp_by_grid(x, maps, options.groups, options.still);
  if (!options.fade) return shown;
  const auto fades = torch::constant_pad_nd(fades_of(made), {options.still, 0}, 1);
  return shown * fades.repeat_interleave(options.channels / options.groups, 1)
                     .to(type)
                     .unsqueeze(2)
                     .unsqueeze(3);
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

torch::Tensor warp_by_grid(const torch::Tensor& x, const torch::Tensor& maps, int64_t groups,
                           int64_t still_groups) {
  const int64_t rows = maps.size(0), clips = x.size(0), moving = groups - still_groups;
  const auto shown = x.to(torch::kFloat)
                         .unsqueeze(1)
                         .expand({clips, rows / clips, x.size(1), x.size(2), x.size(3)});
  const int64_t width = x.size(1) / groups, still = width * still_groups;
  const auto staying = shown.narrow(2, 0, still).reshape({rows, still, x.size(2), x.size(3)});
  const auto moved =
      shown.narrow(2, still, width * moving).reshape({rows * moving, width, x.size(2), x.size(3)});
  const auto grid = at::affine_grid_generator(maps.view({rows * moving, 2, 3}), moved.sizes(),
                                              /*align_corners=*/false);
  constexpr int64_t kBilinear = 0, kZeros = 0;
  const auto arrived = at::grid_sampler_2d(moved, grid, kBilinear, kZeros, /*align_corners=*/false)
                           .view({rows, width * moving, x.size(2), x.size(3)});
  return (still > 0 ? torch::cat({staying, arrived}, 1) : arrived)
      .to(x.scalar_type())
      .contiguous(torch::MemoryFormat::ChannelsLast);
}

}  // namespace vidgen::nn
