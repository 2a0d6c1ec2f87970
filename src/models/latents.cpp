#include "vidgen/models/latents.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <vector>

#include "vidgen/core/random.h"

namespace vidgen::models {
namespace {

/// With change(part) in place of each part that is defined.
template <class Change>
Latents changed(const Latents& latents, const Change& change) {
  const auto part = [&change](const torch::Tensor& tensor) {
    return tensor.defined() ? change(tensor) : tensor;
  };
  return {part(latents.content), part(latents.noise), part(latents.initial),
          part(latents.timestamps), latents.condition.map(change)};
}

torch::Tensor draw_normal(c10::IntArrayRef shape, const at::Generator& generator) {
  return torch::empty(shape, torch::kFloat).normal_(0, 1, generator);
}

at::Generator sample_generator(uint64_t seed) {
  return at::detail::createCPUGenerator(core::derive_seed(seed, "sample"));
}

}  // namespace

Latents Latents::to(torch::Device device) const {
  return changed(*this, [device](const torch::Tensor& part) { return part.to(device); });
}

Latents Latents::narrow(int64_t first, int64_t count) const {
  return changed(*this, [&](const torch::Tensor& part) { return part.narrow(0, first, count); });
}

Latents draw_latents(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                     at::Generator generator) {
  Latents latents;
  latents.content = draw_normal({clips, options.content_dim}, generator);
  latents.initial = draw_normal({clips, options.motion_dim}, generator);
  latents.noise =
      draw_normal({clips, nn::noise_frames(options, frames), options.motion_dim}, generator);
  return latents;
}

NormalSequence::NormalSequence(at::Generator generator, int64_t count)
    : generator_(generator.clone()), left_(count), rest_(torch::empty({0})) {}

torch::Tensor NormalSequence::next(int64_t count) {
  // LibTorch draws sixteen at a time, but fewer than sixteen one by one, and of a count that is no
  // multiple of sixteen the last sixteen anew: what is left at the end is drawn as one.
  constexpr int64_t kGroup = 16;
  TORCH_CHECK(count <= left_ + rest_.size(0), "there are no ", count, " numbers left");
  std::vector<torch::Tensor> parts{rest_};
  for (int64_t missing = count - rest_.size(0); missing > 0;) {
    const int64_t groups = (missing + kGroup - 1) / kGroup * kGroup;
    const int64_t part = left_ - groups < kGroup ? left_ : groups;
    parts.push_back(draw_normal({part}, generator_));
    left_ -= part;
    missing -= part;
  }
  const auto numbers = parts.size() == 1 ? rest_ : torch::cat(parts);
  // A copy: a view would keep all that was given.
  rest_ = numbers.narrow(0, count, numbers.size(0) - count).clone();
  return numbers.narrow(0, 0, count);
}

at::Generator NormalSequence::behind() const {
  constexpr int64_t kAtOnce = 1 << 16;
  NormalSequence rest(generator_, left_);
  while (rest.left_ > 0) rest.next(rest.rest_.size(0) + std::min(rest.left_, kAtOnce));
  return rest.generator_;
}

// As draw_latents() draws them, one behind the other.
LatentSequence::LatentSequence(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                               uint64_t seed)
    : options_(options),
      content_(sample_generator(seed), clips * options.content_dim),
      initial_(content_.behind(), clips * options.motion_dim),
      noise_(initial_.behind(), clips * nn::noise_frames(options, frames) * options.motion_dim) {}

Latents LatentSequence::next(int64_t clips) {
  Latents latents;
  latents.content = content_.next(clips * options_.content_dim).view({clips, options_.content_dim});
  latents.initial = initial_.next(clips * options_.motion_dim).view({clips, options_.motion_dim});
  return latents;
}

torch::Tensor LatentSequence::next_noise(int64_t rows) {
  return noise_.next(rows * options_.motion_dim).view({rows, options_.motion_dim});
}

EndlessLatents::EndlessLatents(const nn::TemporalOptions& options, uint64_t seed)
    : generator_(sample_generator(seed)),
      content_(draw_normal({1, options.content_dim}, generator_)),
      initial_(draw_normal({1, options.motion_dim}, generator_)),
      rest_(torch::empty({1, 0, options.motion_dim})) {}

torch::Tensor EndlessLatents::next_noise(int64_t count) {
  constexpr int64_t kRows = 16;
  std::vector<torch::Tensor> parts{rest_};
  for (int64_t rows = rest_.size(1); rows < count; rows += kRows)
    parts.push_back(draw_normal({1, kRows, rest_.size(2)}, generator_));
  const auto noise = parts.size() == 1 ? rest_ : torch::cat(parts, 1);
  rest_ = noise.narrow(1, count, noise.size(1) - count);
  return noise.narrow(1, 0, count);
}

Latents sample_latents(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                       uint64_t seed) {
  return draw_latents(options, clips, frames, sample_generator(seed));
}

}  // namespace vidgen::models
