#include "vidgen/models/pixels.h"

#include <algorithm>

#ifdef VIDGEN_CUDA
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "pixels_kernel.h"
#endif

namespace vidgen::models {

#ifdef VIDGEN_CUDA
namespace {

torch::Tensor to_float_by_kernel(const torch::Tensor& clips, const torch::Tensor& mirror) {
  const c10::cuda::CUDAGuard guard(clips.device());
  auto out = torch::empty(clips.sizes(), clips.options().dtype(torch::kFloat));
  if (out.numel() > 0) {
    const auto flags = mirror.defined() ? mirror.contiguous() : mirror;
    const PixelLayout layout{clips.size(0), clips.numel() / clips.size(0),
                             clips.size(3) * clips.size(4), clips.size(4)};
    C10_CUDA_CHECK(launch_to_float(clips.const_data_ptr<uint8_t>(),
                                   flags.defined() ? flags.const_data_ptr<uint8_t>() : nullptr,
                                   out.mutable_data_ptr<float>(), layout,
                                   c10::cuda::getCurrentCUDAStream()));
  }
  return out.permute({0, 4, 1, 2, 3});
}

}  // namespace
#endif

torch::Tensor mirror_clips(const torch::Tensor& clips, const torch::Tensor& mirror) {
  if (!mirror.defined()) return clips;
  return torch::where(mirror.to(torch::kBool).view({-1, 1, 1, 1, 1}), clips.flip(3), clips);
}

torch::Tensor to_float(const torch::Tensor& clips, const torch::Tensor& mirror) {
  TORCH_CHECK(clips.dim() == 5 && clips.scalar_type() == torch::kU8,
              "expected clips uint8 [B,T,H,W,C], found ", clips.scalar_type(), " ", clips.sizes());
  TORCH_CHECK(
      !mirror.defined() || (mirror.scalar_type() == torch::kU8 && mirror.dim() == 1 &&
                            mirror.size(0) == clips.size(0) && mirror.device() == clips.device()),
      "expected mirror uint8 [", clips.size(0), "] on ", clips.device());
#ifdef VIDGEN_CUDA
  if (clips.is_cuda()) return to_float_by_kernel(clips.contiguous(), mirror);
#endif
  return mirror_clips(clips, mirror).permute({0, 4, 1, 2, 3}).to(torch::kFloat).div_(127.5).sub_(1);
}

torch::Tensor to_rgb(const torch::Tensor& clips) {
  torch::NoGradGuard no_grad;
  auto pixels = clips.to(torch::kFloat).clamp(-1, 1).add_(1).mul_(127.5).round_().to(torch::kU8);
  pixels = pixels.permute({0, 2, 3, 4, 1});
  if (pixels.size(4) == 1) pixels = pixels.expand({-1, -1, -1, -1, 3});
  return pixels.to(torch::kCPU).contiguous();
}

torch::Tensor render(VideoGenerator generator, const Latents& latents, int64_t clips_at_once) {
  torch::NoGradGuard no_grad;
  const bool training = generator->is_training();
  generator->eval();
  const auto device = generator->parameters().front().device();
  torch::Tensor all;
  const int64_t clips = latents.noise.size(0);
  for (int64_t first = 0; first < clips; first += clips_at_once) {
    const int64_t count = std::min(clips_at_once, clips - first);
    const auto rendered = to_rgb(generator->forward(latents.narrow(first, count).to(device)));
    if (!all.defined()) {
      auto sizes = rendered.sizes().vec();
      sizes[0] = clips;
      all = torch::empty(sizes, rendered.options());
    }
    all.narrow(0, first, count).copy_(rendered);
  }
  generator->train(training);
  return all;
}

}  // namespace vidgen::models
