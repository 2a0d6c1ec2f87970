#include "vidgen/models/video_generator.h"

#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>

#include "vidgen/core/random.h"
#include "vidgen/nn/layout.h"

namespace vidgen::models {

Latents Latents::to(torch::Device device) const {
  const auto moved = [device](const torch::Tensor& tensor) {
    return tensor.defined() ? tensor.to(device) : tensor;
  };
  return {content.to(device), noise.to(device), initial.to(device), moved(times), moved(labels)};
}

namespace {

torch::Tensor draw_normal(c10::IntArrayRef shape, const at::Generator& generator) {
  return torch::empty(shape, torch::kFloat).normal_(0, 1, generator);
}

at::Generator sample_generator(uint64_t seed) {
  return at::detail::createCPUGenerator(core::derive_seed(seed, "sample"));
}

}  // namespace

nn::TemporalOptions of_object(nn::TemporalOptions options, int64_t objects) {
  options.content_dim /= objects;
  options.motion_dim /= objects;
  return options;
}

torch::Tensor of_objects(const torch::Tensor& clips, int64_t objects) {
  if (objects == 1) return clips;
  auto parts = clips.unflatten(-1, {objects, clips.size(-1) / objects});
  if (clips.dim() == 3) parts = parts.transpose(1, 2);
  return parts.flatten(0, 1);
}

torch::Tensor of_clips(const torch::Tensor& objects, int64_t count) {
  if (count == 1) return objects;
  auto parts = objects.unflatten(0, {objects.size(0) / count, count});
  if (objects.dim() == 3) parts = parts.transpose(1, 2);
  return parts.flatten(-2);
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

at::Generator NormalSequence::to_the_end() {
  constexpr int64_t kAtOnce = 1 << 16;
  while (left_ > 0) next(rest_.size(0) + std::min(left_, kAtOnce));
  return generator_;
}

LatentSequence::LatentSequence(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                               uint64_t seed)
    : LatentSequence(options, clips, frames, sample_generator(seed)) {}

// As draw_latents() draws them, one behind the other.
LatentSequence::LatentSequence(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                               const at::Generator& generator)
    : options_(options),
      content_(generator, clips * options.content_dim),
      initial_(NormalSequence(generator, clips * options.content_dim).to_the_end(),
               clips * options.motion_dim),
      noise_(NormalSequence(NormalSequence(generator, clips * options.content_dim).to_the_end(),
                            clips * options.motion_dim)
                 .to_the_end(),
             clips * nn::noise_frames(options, frames) * options.motion_dim) {}

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

torch::Tensor labels_in_turn(int64_t classes, int64_t clips, int64_t first) {
  if (classes == 0) return {};
  return torch::arange(first, first + clips, torch::kLong).remainder(classes);
}

void VideoGeneratorOptions::set_latent_dims() {
  const auto part = of_object(temporal, frame.objects);
  frame.clip_dim = part.content_dim + (classes > 0 ? class_dim : 0);
  frame.latent_dim = frame.objects * (frame.clip_dim + part.motion_dim);
}

VideoGeneratorImpl::VideoGeneratorImpl(VideoGeneratorOptions options)
    : options(std::move(options)) {
  reset();
}

void VideoGeneratorImpl::reset() {
  const auto temporal = of_object(options.temporal, options.frame.objects);
  motion_ = nn::motion_type(temporal).make(temporal);
  if (auto module = std::dynamic_pointer_cast<torch::nn::Module>(motion_))
    register_module("temporal", std::move(module));
  options.set_latent_dims();
  switch (options.type) {
    case GeneratorType::kDcgan:
      dcgan_ = register_module("frame", DcganGenerator(options.frame));
      break;
    case GeneratorType::kResidual:
      residual_ = register_module("frame", ResidualGenerator(options.frame));
      break;
  }
  if (options.classes > 0) {
    classes_ = register_module("classes", torch::nn::Embedding(options.classes, options.class_dim));
  }
}

torch::Tensor VideoGeneratorImpl::motion(const Latents& latents) {
  nn::MotionState state;
  const int64_t more = nn::noise_frames(options.temporal, 0);
  return next_path(latents.noise, latents.initial, latents.noise.size(1) - more, state);
}

torch::Tensor VideoGeneratorImpl::content(const Latents& latents,
                                          const nn::LayerObserver& observer) {
  if (!classes_) return latents.content;
  const auto& labels = latents.labels;
  TORCH_CHECK(labels.defined() && labels.dim() == 1 && labels.size(0) == latents.content.size(0),
              "a generator of classes needs labels [", latents.content.size(0), "]");
  const auto learned = classes_(labels);
  if (observer) observer("classes", *classes_, learned);
  const int64_t objects = options.frame.objects;
  return of_clips(
      torch::cat({of_objects(latents.content, objects), learned.repeat_interleave(objects, 0)}, 1),
      objects);
}

nn::MotionNoise VideoGeneratorImpl::noise_of_objects(const torch::Tensor& noise,
                                                     const torch::Tensor& initial) const {
  const int64_t objects = options.frame.objects;
  return {of_objects(noise, objects), of_objects(initial, objects)};
}

torch::Tensor VideoGeneratorImpl::next_motion(const torch::Tensor& noise,
                                              const torch::Tensor& initial,
                                              nn::MotionState& state) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  return of_clips(motion_->next_row(noise_of_objects(noise, initial), state),
                  options.frame.objects);
}

torch::Tensor VideoGeneratorImpl::next_path(const torch::Tensor& noise,
                                            const torch::Tensor& initial, int64_t frames,
                                            nn::MotionState& state) {
  // The path is cheap, and rounding would add up along it: no autocast.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  return of_clips(motion_->next(noise_of_objects(noise, initial), frames, state),
                  options.frame.objects);
}

void VideoGeneratorImpl::drop_frame_generator() {
  unregister_module("frame");
  dcgan_ = nullptr;
  residual_ = nullptr;
}

torch::Tensor VideoGeneratorImpl::joined(const torch::Tensor& content, const torch::Tensor& path) {
  const int64_t objects = options.frame.objects;
  const auto kept = of_objects(content, objects), moving = of_objects(path, objects);
  const auto rows = kept.unsqueeze(1).expand({-1, moving.size(1), -1});
  return of_clips(torch::cat({rows, moving}, 2), objects).flatten(0, 1);
}

torch::Tensor VideoGeneratorImpl::frame_latents(const Latents& latents,
                                                const nn::LayerObserver& observer) {
  auto path = motion(latents);
  if (const auto* module = dynamic_cast<const torch::nn::Module*>(motion_.get());
      observer && module)
    observer("temporal", *module, path);
  if (const auto& times = latents.times; times.defined()) {
    path = path.gather(1, times.unsqueeze(2).expand({-1, -1, path.size(2)}));
  }
  return joined(content(latents, observer), path);
}

torch::Tensor VideoGeneratorImpl::forward(const Latents& latents, const nn::LayerObserver& observer,
                                          nn::StageOutputs* stages) {
  const int64_t clips = latents.noise.size(0);
  const auto z = frame_latents(latents, observer);
  const int64_t frames = z.size(0) / clips;
  const auto in_frame = nn::inside("frame", observer);
  const auto pictures = dcgan_ ? dcgan_->forward(z, frames, in_frame, stages)
                               : residual_->forward(z, frames, in_frame, stages);
  return nn::as_clips(pictures, clips);
}

}  // namespace vidgen::models
