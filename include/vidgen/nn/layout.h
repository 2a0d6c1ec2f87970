#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

/// Two views of the same pixels: clips [B,C,T,H,W] and frames [B*T,C,H,W], whose row b*T+t is frame
/// t of clip b. Frames that are channels_last in memory are exactly channels_last_3d as clips, so
/// in that layout neither direction copies.
namespace vidgen::nn {

/// Clips [B,C,T,H,W] as frames [B*T,C,H,W]; copies when the clips are not channels_last_3d.
torch::Tensor as_frames(const torch::Tensor& clips);

/// Frames [B*T,C,H,W] as `clips` = B clips [B,C,T,H,W]; always a view.
torch::Tensor as_clips(const torch::Tensor& frames, int64_t clips);

/// Puts the weights of 2-D and 3-D convolutions into channels_last order, which the layers then
/// produce as well. Names, shapes and values stay. Do this before an optimiser sees the parameters.
void to_channels_last(torch::nn::Module& module);

}  // namespace vidgen::nn
