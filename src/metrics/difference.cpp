#include "vidgen/metrics/difference.h"

#include <cmath>
#include <limits>

namespace vidgen::metrics {
namespace {

constexpr int64_t kWindow = 11;
constexpr double kWindowSigma = 1.5;

/// The weighted mean around each pixel of images [M,1,H,W], where the window fits.
torch::Tensor window_mean(const torch::Tensor& images) {
  const auto x = torch::arange(kWindow, torch::kDouble) - (kWindow - 1) / 2;
  auto weights = (-x.square() / (2 * kWindowSigma * kWindowSigma)).exp();
  weights = weights / weights.sum();
  return torch::conv2d(torch::conv2d(images, weights.view({1, 1, kWindow, 1})),
                       weights.view({1, 1, 1, kWindow}));
}

/// Every channel of every frame of a clip [T,H,W,C] as an image of its own: [T*C,1,H,W].
torch::Tensor channel_images(const torch::Tensor& clip) {
  return clip.to(torch::kDouble).permute({0, 3, 1, 2}).flatten(0, 1).unsqueeze(1);
}

void check_pair(const torch::Tensor& clips, const torch::Tensor& others) {
  TORCH_CHECK(clips.dim() == 5 && clips.numel() > 0 && clips.sizes() == others.sizes(),
              "expected two sets of clips [N,T,H,W,C], found ", clips.sizes(), " and ",
              others.sizes());
}

double squared_difference(const torch::Tensor& clip, const torch::Tensor& other) {
  const torch::NoGradGuard no_grad;
  return (clip.to(torch::kDouble) - other.to(torch::kDouble)).square().sum().item<double>();
}

double psnr_of(double squares, int64_t values) {
  if (squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(kPeak * kPeak * static_cast<double>(values) / squares);
}

}  // namespace

torch::Tensor ssim_of_frames(const torch::Tensor& clip, const torch::Tensor& other) {
  TORCH_CHECK(clip.dim() == 4 && clip.sizes() == other.sizes() && clip.size(1) >= kWindow &&
                  clip.size(2) >= kWindow,
              "expected two clips [T,H,W,C] of at least ", kWindow, "x", kWindow, " pixels, found ",
              clip.sizes(), " and ", other.sizes());
  torch::NoGradGuard no_grad;
  const double c1 = std::pow(0.01 * kPeak, 2), c2 = std::pow(0.03 * kPeak, 2);
  const auto a = channel_images(clip), b = channel_images(other);
  const auto mean_a = window_mean(a), mean_b = window_mean(b);
  const auto var_a = window_mean(a * a) - mean_a.square();
  const auto var_b = window_mean(b * b) - mean_b.square();
  const auto covariance = window_mean(a * b) - mean_a * mean_b;
  const auto map = (2 * mean_a * mean_b + c1) * (2 * covariance + c2) /
                   ((mean_a.square() + mean_b.square() + c1) * (var_a + var_b + c2));
  return map.reshape({clip.size(0), -1}).mean(1);
}

void Differences::add(const torch::Tensor& clips, const torch::Tensor& others) {
  check_pair(clips, others);
  // One clip at a time, so that a large set of uint8 clips never exists as float64.
  for (int64_t i = 0; i < clips.size(0); ++i) {
    squares_ += squared_difference(clips[i], others[i]);
    similarities_ += ssim_of_frames(clips[i], others[i]).mean().item<double>();
  }
  clips_ += clips.size(0);
  values_ += clips.numel();
}

double Differences::psnr() const { return psnr_of(squares_, values_); }

double Differences::ssim() const { return similarities_ / static_cast<double>(clips_); }

double psnr_between(const torch::Tensor& clips, const torch::Tensor& others) {
  check_pair(clips, others);
  double squares = 0;
  for (int64_t i = 0; i < clips.size(0); ++i) squares += squared_difference(clips[i], others[i]);
  return psnr_of(squares, clips.numel());
}

double ssim_between(const torch::Tensor& clips, const torch::Tensor& others) {
  Differences differences;
  differences.add(clips, others);
  return differences.ssim();
}

}  // namespace vidgen::metrics
