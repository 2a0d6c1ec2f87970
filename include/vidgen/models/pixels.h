#pragma once

#include <torch/types.h>

#include "vidgen/models/video_generator.h"

/// Between frames at rest (uint8, 0 to 255) and clips inside networks (float, -1 to 1).
namespace vidgen::models {

/// uint8 [B,T,H,W,C] on the CPU -> float32 [B,C,T,H,W] in [-1,1] on the device, channels_last_3d in
/// memory.
torch::Tensor to_float(const torch::Tensor& clips, torch::Device device);

/// Clips [B,C,T,H,W] -> uint8 RGB [B,T,H,W,3] on the CPU, rounded to the nearest; grey is repeated,
/// values outside [-1,1] are clamped.
torch::Tensor to_rgb(const torch::Tensor& clips);

/// Renders the latents in evaluation mode, without gradients, `clips_at_once` at a time so that
/// memory stays bounded: uint8 RGB [B,T,H,W,3] on the CPU. The latents are moved to the generator's
/// device; its mode is put back.
torch::Tensor render(VideoGenerator generator, const Latents& latents, int64_t clips_at_once = 4);

}  // namespace vidgen::models
