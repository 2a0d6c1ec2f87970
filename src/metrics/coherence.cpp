#include "vidgen/metrics/coherence.h"

namespace vidgen::metrics {
namespace {

constexpr double kPeak = 255;
constexpr int64_t kWindow = 11;
constexpr double kWindowSigma = 1.5;

/// A clip in float64; one at a time, so that a large set of uint8 clips never exists as float64.
torch::Tensor clip_of(const torch::Tensor& clips, int64_t index) {
  return clips[index].to(torch::kDouble);
}

template <class Measure>
torch::Tensor for_each_clip(const torch::Tensor& clips, int64_t min_frames, Measure measure) {
  TORCH_CHECK(clips.dim() == 5, "expected clips [N,T,H,W,C], found ", clips.sizes());
  TORCH_CHECK(clips.size(0) > 0 && clips.size(1) >= min_frames, "expected clips of at least ",
              min_frames, " frames, found ", clips.sizes());
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> values;
  for (int64_t i = 0; i < clips.size(0); ++i) values.push_back(measure(clip_of(clips, i)));
  return torch::stack(values);
}

/// The mean square over pixels and channels of what changes from each frame to the next, [T-1].
torch::Tensor frame_differences(const torch::Tensor& clip) {
  return clip.diff(1, 0).square().mean({1, 2, 3});
}

/// The weighted mean around each pixel of images [M,1,H,W], where the window fits.
torch::Tensor window_mean(const torch::Tensor& images) {
  const auto x = torch::arange(kWindow, torch::kDouble) - (kWindow - 1) / 2;
  auto weights = (-x.square() / (2 * kWindowSigma * kWindowSigma)).exp();
  weights = weights / weights.sum();
  return torch::conv2d(torch::conv2d(images, weights.view({1, 1, kWindow, 1})),
                       weights.view({1, 1, 1, kWindow}));
}

torch::Tensor ssim_of_clip(const torch::Tensor& clip) {
  const double c1 = std::pow(0.01 * kPeak, 2), c2 = std::pow(0.03 * kPeak, 2);
  const int64_t frames = clip.size(0), channels = clip.size(3);
  const auto images = clip.permute({0, 3, 1, 2}).flatten(0, 1).unsqueeze(1);
  const auto a = images.narrow(0, 0, (frames - 1) * channels);
  const auto b = images.narrow(0, channels, (frames - 1) * channels);
  const auto mean_a = window_mean(a), mean_b = window_mean(b);
  const auto var_a = window_mean(a * a) - mean_a.square();
  const auto var_b = window_mean(b * b) - mean_b.square();
  const auto covariance = window_mean(a * b) - mean_a * mean_b;
  const auto map = (2 * mean_a * mean_b + c1) * (2 * covariance + c2) /
                   ((mean_a.square() + mean_b.square() + c1) * (var_a + var_b + c2));
  return map.view({frames - 1, -1}).mean(1);
}

}  // namespace

torch::Tensor frame_psnr(const torch::Tensor& clips) {
  return for_each_clip(clips, 2, [](const torch::Tensor& clip) {
    return (10 * (kPeak * kPeak / frame_differences(clip)).log10()).clamp_max(kMaxPsnr);
  });
}

torch::Tensor frame_ssim(const torch::Tensor& clips) {
  TORCH_CHECK(clips.dim() == 5 && clips.size(2) >= kWindow && clips.size(3) >= kWindow,
              "expected frames of at least ", kWindow, "x", kWindow, " pixels, found ",
              clips.sizes());
  return for_each_clip(clips, 2, ssim_of_clip);
}

torch::Tensor motion_energy(const torch::Tensor& clips) {
  return for_each_clip(clips, 2,
                       [](const torch::Tensor& clip) { return clip.diff(1, 0).abs().mean(); });
}

torch::Tensor flicker(const torch::Tensor& clips) {
  return for_each_clip(clips, 3, [](const torch::Tensor& clip) {
    const auto first = clip.diff(1, 0).square().mean();
    return torch::where(first > 0, clip.diff(2, 0).square().mean() / first, first);
  });
}

}  // namespace vidgen::metrics
