#include "vidgen/models/video_generator.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

#include "vidgen/nn/layout.h"

namespace vidgen::models {

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

void VideoGeneratorOptions::set_latent_dims() {
  const auto part = of_object(temporal, frame.objects);
  const auto encoder = make_condition_encoder(condition);
  frame.clip_dim = part.content_dim + (encoder ? encoder->dim() : 0);
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
  frame_ = register_module("frame", FrameGenerator(options.frame));
  condition_ = make_condition_encoder(options.condition);
  if (condition_) condition_->add_layers(*this);
}

torch::Tensor VideoGeneratorImpl::motion(const Latents& latents) {
  nn::MotionState state;
  const int64_t more = nn::noise_frames(options.temporal, 0);
  return next_path(latents.noise, latents.initial, latents.noise.size(1) - more, state);
}

torch::Tensor VideoGeneratorImpl::content(const Latents& latents,
                                          const nn::LayerObserver& observer) {
  if (!condition_) return latents.content;
  const auto learned = condition_->encode(latents.condition, observer);
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
  frame_ = nullptr;
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
  return nn::as_clips(frame_->forward(z, frames, in_frame, stages), clips);
}

}  // namespace vidgen::models
