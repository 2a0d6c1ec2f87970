#include "vidgen/metrics/coherence.h"

#include "vidgen/metrics/difference.h"

namespace vidgen::metrics {
namespace {

template <class Measure>
torch::Tensor for_each_clip(const torch::Tensor& clips, int64_t min_frames, Measure measure) {
  TORCH_CHECK(clips.dim() == 5, "expected clips [N,T,H,W,C], found ", clips.sizes());
  TORCH_CHECK(clips.size(0) > 0 && clips.size(1) >= min_frames, "expected clips of at least ",
              min_frames, " frames, found ", clips.sizes());
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> values;
  // One at a time, so that a large set of uint8 clips never exists as float64.
  for (const auto& clip : clips.unbind()) values.push_back(measure(clip.to(torch::kDouble)));
  return torch::stack(values);
}

}  // namespace

torch::Tensor frame_psnr(const torch::Tensor& clips) {
  return for_each_clip(clips, 2, [](const torch::Tensor& clip) {
    const auto changes = clip.diff(1, 0).square().mean({1, 2, 3});
    return (10 * (kPeak * kPeak / changes).log10()).clamp_max(kMaxPsnr);
  });
}

torch::Tensor frame_ssim(const torch::Tensor& clips) {
  return for_each_clip(clips, 2, [](const torch::Tensor& clip) {
    const int64_t pairs = clip.size(0) - 1;
    return ssim_of_frames(clip.narrow(0, 0, pairs), clip.narrow(0, 1, pairs));
  });
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
