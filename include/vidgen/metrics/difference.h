#pragma once

#include <torch/types.h>

/// How clips differ from other clips, frame by frame at the same place. Values are from 0 to 255,
/// of any type; everything is computed in float64.
namespace vidgen::metrics {

/// The largest value of a pixel.
constexpr double kPeak = 255;

/// Structural similarity of each frame of a clip [T,H,W,C] with that of another at the same place,
/// at most 1: [T]. Wang, Bovik, Sheikh, Simoncelli: "Image quality assessment", 2004: Gaussian
/// window of 11x11 pixels with sigma 1.5, K1 0.01, K2 0.03, per channel, where the whole window
/// fits. Frames of at least 11x11 pixels.
torch::Tensor ssim_of_frames(const torch::Tensor& clip, const torch::Tensor& other);

/// psnr_between() and ssim_between() of clips that come a part at a time.
class Differences {
 public:
  /// Clips [N,T,H,W,C] and the others at the same places.
  void add(const torch::Tensor& clips, const torch::Tensor& others);
  double psnr() const;
  double ssim() const;

 private:
  int64_t clips_ = 0, values_ = 0;
  double squares_ = 0, similarities_ = 0;
};

/// Peak signal-to-noise ratio of all pixels of clips [N,T,H,W,C] together, in decibels: that of
/// their mean squared difference from the others. Infinite when they are equal.
double psnr_between(const torch::Tensor& clips, const torch::Tensor& others);

/// The mean of ssim_of_frames() over clips [N,T,H,W,C] and frames.
double ssim_between(const torch::Tensor& clips, const torch::Tensor& others);

}  // namespace vidgen::metrics
