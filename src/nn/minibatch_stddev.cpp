#include "vidgen/nn/minibatch_stddev.h"

namespace vidgen::nn {

torch::Tensor MinibatchStddevImpl::forward(const torch::Tensor& x, int64_t frames) {
  TORCH_CHECK(x.dim() == 4 && frames > 0 && x.size(0) % frames == 0,
              "expected features [M,C,H,W] of clips of ", frames, " frames, found ", x.sizes());
  // Squares and the number below need more range than float16 has.
  const auto wide = x.to(at::promote_types(x.scalar_type(), torch::kFloat));
  const auto clips = wide.unflatten(0, {-1, frames});
  // The root has no gradient at 0, which clips that are alike would reach.
  const auto variance = (clips - clips.mean(0, /*keepdim=*/true)).square().mean(0);
  const auto deviation = (variance + 1e-8).sqrt().mean({1, 2, 3});  // [frames]
  const auto channel = deviation.view({1, frames, 1, 1, 1})
                           .expand({clips.size(0), frames, 1, x.size(2), x.size(3)})
                           .flatten(0, 1)
                           .to(x.scalar_type());
  return torch::cat({x, channel}, 1).contiguous(x.suggest_memory_format());
}

}  // namespace vidgen::nn
