#pragma once

#include <torch/types.h>

#include "vidgen/models/video_generator.h"

/// Between frames at rest (uint8, 0 to 255) and clips inside networks (float, -1 to 1).
namespace vidgen::models {

/// uint8 [B,T,H,W,C] -> float32 [B,C,T,H,W] in [-1,1] where the clips are, channels_last_3d in
/// memory: v / 127.5 - 1, to the same bits on the CPU and on CUDA, there by one kernel. `mirror`,
/// uint8 [B] in the same place or undefined, says which clips to mirror left to right.
torch::Tensor to_float(const torch::Tensor& clips, const torch::Tensor& mirror = {});

/// The clips with those mirrored left to right that `mirror` (as in to_float) names.
torch::Tensor mirror_clips(const torch::Tensor& clips, const torch::Tensor& mirror);

/// Clips [B,C,T,H,W] -> uint8 RGB [B,T,H,W,3] on the CPU, rounded to the nearest; grey is repeated,
/// values outside [-1,1] are clamped.
torch::Tensor to_rgb(const torch::Tensor& clips);

/// Renders the latents in evaluation mode, without gradients, `clips_at_once` at a time so that
/// memory stays bounded: uint8 RGB [B,T,H,W,3] on the CPU. The latents are moved to the generator's
/// device; its mode is put back.
torch::Tensor render(VideoGenerator generator, const Latents& latents, int64_t clips_at_once = 4);

}  // namespace vidgen::models
