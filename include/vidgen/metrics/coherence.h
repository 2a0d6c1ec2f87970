#pragma once

#include <torch/types.h>

/// How a clip changes from frame to frame. Clips are [N,T,H,W,C] with values from 0 to 255, of any
/// type; everything is computed in float64.
namespace vidgen::metrics {

/// What two equal frames get instead of infinity, in decibels.
constexpr double kMaxPsnr = 100;

/// Peak signal-to-noise ratio of each frame with the next, in decibels: [N,T-1]. At least 2 frames.
torch::Tensor frame_psnr(const torch::Tensor& clips);

/// Structural similarity of each frame with the next (ssim_of_frames() of difference.h), at most 1:
/// [N,T-1]. At least 2 frames of 11x11 pixels.
torch::Tensor frame_ssim(const torch::Tensor& clips);

/// Mean absolute difference of each frame from the next, in grey levels: [N]. At least 2 frames.
torch::Tensor motion_energy(const torch::Tensor& clips);

/// Mean square of the second difference in time over that of the first: [N]. Slow and smooth motion
/// gives values near 0, noise that is new in each frame 3, a pixel that alternates 4; a clip that
/// stands still 0. At least 3 frames.
torch::Tensor flicker(const torch::Tensor& clips);

}  // namespace vidgen::metrics
