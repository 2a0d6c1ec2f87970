#include "vidgen/nn/warp.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

namespace vidgen::nn {
namespace {

/// How far the layers' numbers turn, stretch and shear a picture, relative to how far they move it:
/// things move more than they change.
constexpr double kTurn = 0.1;

}  // namespace

WarpImpl::WarpImpl(WarpOptions options) : options(options) { reset(); }

void WarpImpl::reset() {
  namespace layers = torch::nn;
  motion_ = register_module(
      "motion",
      layers::Sequential(layers::Linear(options.code_dim, options.hidden),
                         layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2)),
                         layers::Linear(options.hidden, 6 * options.moving())));
}

// Made on the device: a copy from the host would make a training step wait.
torch::Tensor WarpImpl::scale(torch::Device device) const {
  auto scale = torch::full({options.moving(), 2, 3}, kTurn, device);
  scale.select(2, 2).fill_(1);
  return scale.flatten();
}

torch::Tensor WarpImpl::forward(const torch::Tensor& x, const torch::Tensor& code) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const int64_t rows = code.size(0), clips = x.size(0), moving = options.moving();
  TORCH_CHECK(rows % clips == 0 && x.size(1) == options.channels, "warp: expected codes of ", clips,
              " clips and ", options.channels, " channels, found ", code.sizes(), " and ",
              x.sizes());
  const auto numbers = motion_->forward(code.to(torch::kFloat));
  const auto in_place = torch::eye(2, 3, code.device()).flatten().repeat(moving);
  const auto maps =
      torch::addcmul(in_place, numbers, scale(code.device())).view({rows * moving, 2, 3});
  const auto shown = x.to(torch::kFloat)
                         .unsqueeze(1)
                         .expand({clips, rows / clips, x.size(1), x.size(2), x.size(3)});
  const int64_t width = x.size(1) / options.groups, still = width * options.still;
  const auto staying = shown.narrow(2, 0, still).reshape({rows, still, x.size(2), x.size(3)});
  const auto moved =
      shown.narrow(2, still, width * moving).reshape({rows * moving, width, x.size(2), x.size(3)});
  const auto grid = at::affine_grid_generator(maps, moved.sizes(), /*align_corners=*/false);
  constexpr int64_t kBilinear = 0, kZeros = 0;
  const auto arrived = at::grid_sampler_2d(moved, grid, kBilinear, kZeros, /*align_corners=*/false)
                           .view({rows, width * moving, x.size(2), x.size(3)});
  return (still > 0 ? torch::cat({staying, arrived}, 1) : arrived)
      .to(x.scalar_type())
      .contiguous(torch::MemoryFormat::ChannelsLast);
}

}  // namespace vidgen::nn
