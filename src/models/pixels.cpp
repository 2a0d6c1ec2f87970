#include "vidgen/models/pixels.h"

#include <algorithm>

namespace vidgen::models {

torch::Tensor to_float(const torch::Tensor& clips, torch::Device device) {
  return clips.to(device, /*non_blocking=*/true)
      .permute({0, 4, 1, 2, 3})
      .to(torch::kFloat)
      .div_(127.5)
      .sub_(1);
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
  std::vector<torch::Tensor> parts;
  const int64_t clips = latents.noise.size(0);
  for (int64_t first = 0; first < clips; first += clips_at_once) {
    const int64_t count = std::min(clips_at_once, clips - first);
    const Latents part{latents.content.narrow(0, first, count),
                       latents.noise.narrow(0, first, count),
                       latents.initial.narrow(0, first, count)};
    parts.push_back(to_rgb(generator->forward(part.to(device))));
  }
  generator->train(training);
  return torch::cat(parts);
}

}  // namespace vidgen::models
