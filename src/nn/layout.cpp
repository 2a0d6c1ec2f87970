#include "vidgen/nn/layout.h"

namespace vidgen::nn {

torch::Tensor as_frames(const torch::Tensor& clips) {
  TORCH_CHECK(clips.dim() == 5, "expected clips [B,C,T,H,W], found ", clips.sizes());
  return clips.transpose(1, 2).flatten(0, 1);
}

torch::Tensor as_clips(const torch::Tensor& frames, int64_t clips) {
  TORCH_CHECK(frames.dim() == 4 && clips > 0 && frames.size(0) % clips == 0,
              "expected frames [B*T,C,H,W] of ", clips, " clips, found ", frames.sizes());
  return frames.unflatten(0, {clips, -1}).transpose(1, 2);
}

void to_channels_last(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) {
    if (parameter.dim() == 4) {
      parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
    } else if (parameter.dim() == 5) {
      parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast3d));
    }
  }
}

}  // namespace vidgen::nn
