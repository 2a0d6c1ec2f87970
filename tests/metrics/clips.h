#pragma once

#include <torch/types.h>

#include "support/random.h"

namespace vidgen::test {

/// Clips uint8 [N,T,H,H,3] in which a bright blob of its own colour goes straight over a dark
/// background: smooth in space and in time, and no two alike.
inline torch::Tensor blob_clips(int64_t count, int64_t frames, int64_t size, uint64_t seed) {
  auto generator = random(seed);
  const auto uniform = [&](double low, double high, int64_t values) {
    return torch::rand({count, values}, generator, torch::kDouble) * (high - low) + low;
  };
  const auto side = static_cast<double>(size);
  const auto start = uniform(0.2 * side, 0.8 * side, 2).view({count, 2, 1});
  const auto velocity = uniform(-1, 1, 2).view({count, 2, 1});
  const auto color = uniform(60, 220, 3).view({count, 1, 1, 1, 3});
  const auto at = start + velocity * torch::arange(frames, torch::kDouble);  // [N,2,T]
  const auto line = torch::arange(size, torch::kDouble);
  const auto distance =
      (line.view({1, 1, size, 1}) - at.select(1, 0).view({count, frames, 1, 1})).square() +
      (line.view({1, 1, 1, size}) - at.select(1, 1).view({count, frames, 1, 1})).square();
  const auto blob = (-distance / (0.02 * side * side)).exp().unsqueeze(4);
  return (20 + blob * color).round().to(torch::kU8);
}

/// With independent noise on every value, clamped to 0 ... 255.
inline torch::Tensor with_noise(const torch::Tensor& clips, double sigma, uint64_t seed) {
  auto generator = random(seed);
  const auto noise = torch::randn(clips.sizes(), generator, torch::kDouble) * sigma;
  return (clips.to(torch::kDouble) + noise).round().clamp(0, 255).to(torch::kU8);
}

/// Each pixel the mean of a square of 2 * radius + 1 pixels a side.
inline torch::Tensor with_blur(const torch::Tensor& clips, int64_t radius) {
  const auto images = clips.to(torch::kDouble).permute({0, 1, 4, 2, 3}).flatten(0, 2).unsqueeze(1);
  const auto padded = torch::replication_pad2d(images, {radius, radius, radius, radius});
  const auto blurred = torch::avg_pool2d(padded, 2 * radius + 1, 1);
  return blurred.view({clips.size(0), clips.size(1), clips.size(4), clips.size(2), clips.size(3)})
      .permute({0, 1, 3, 4, 2})
      .round()
      .to(torch::kU8)
      .contiguous();
}

}  // namespace vidgen::test
