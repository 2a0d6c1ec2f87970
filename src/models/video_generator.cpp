#include "vidgen/models/video_generator.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

#include "vidgen/nn/layout.h"

namespace vidgen::models {
namespace {

VideoGeneratorOptions generator_options(const ModelOptions& options, const ClipShape& shape) {
  VideoGeneratorOptions generator;
  generator.temporal = options.temporal;
  static_cast<GeneratorOptions&>(generator.frame) = options.generator;
  generator.frame.widths = resolved_widths(options.generator, shape);
  generator.frame.full_size_stage = has_full_size_stage(options.generator, shape);
  generator.frame.channels = shape.channels;
  generator.condition = options.condition();
  return generator;
}

}  // namespace

nn::TemporalOptions options_of_slot(nn::TemporalOptions options, int64_t slots) {
  options.content_dim /= slots;
  options.motion_dim /= slots;
  return options;
}

torch::Tensor split_slots(const torch::Tensor& clips, int64_t slots) {
  if (slots == 1) return clips;
  auto parts = clips.unflatten(-1, {slots, clips.size(-1) / slots});
  if (clips.dim() == 3) parts = parts.transpose(1, 2);
  return parts.flatten(0, 1);
}

torch::Tensor merge_slots(const torch::Tensor& slots, int64_t count) {
  if (count == 1) return slots;
  auto parts = slots.unflatten(0, {slots.size(0) / count, count});
  if (slots.dim() == 3) parts = parts.transpose(1, 2);
  return parts.flatten(-2);
}

void VideoGeneratorOptions::set_latent_dims() {
  const auto part = options_of_slot(temporal, frame.slots);
  const auto encoder = make_condition_encoder(condition);
  frame.clip_dim = part.content_dim + (encoder ? encoder->dim() : 0);
  frame.latent_dim = frame.slots * (frame.clip_dim + part.motion_dim);
}

VideoGeneratorImpl::VideoGeneratorImpl(VideoGeneratorOptions options)
    : options(std::move(options)) {
  reset();
}

void VideoGeneratorImpl::reset() {
  const auto temporal = options_of_slot(options.temporal, options.frame.slots);
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
  const int64_t slots = options.frame.slots;
  return merge_slots(
      torch::cat({split_slots(latents.content, slots), learned.repeat_interleave(slots, 0)}, 1),
      slots);
}

nn::MotionNoise VideoGeneratorImpl::split_noise(const torch::Tensor& noise,
                                                const torch::Tensor& initial) const {
  const int64_t slots = options.frame.slots;
  return {split_slots(noise, slots), split_slots(initial, slots)};
}

torch::Tensor VideoGeneratorImpl::next_motion(const torch::Tensor& noise,
                                              const torch::Tensor& initial,
                                              nn::MotionState& state) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  return merge_slots(motion_->next_row(split_noise(noise, initial), state), options.frame.slots);
}

torch::Tensor VideoGeneratorImpl::next_path(const torch::Tensor& noise,
                                            const torch::Tensor& initial, int64_t frames,
                                            nn::MotionState& state) {
  // The path is cheap, and rounding would add up along it: no autocast.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  return merge_slots(motion_->next(split_noise(noise, initial), frames, state),
                     options.frame.slots);
}

void VideoGeneratorImpl::drop_frame_generator() {
  unregister_module("frame");
  frame_ = nullptr;
}

torch::Tensor VideoGeneratorImpl::joined(const torch::Tensor& content, const torch::Tensor& path) {
  const int64_t slots = options.frame.slots;
  const auto kept = split_slots(content, slots), moving = split_slots(path, slots);
  const auto rows = kept.unsqueeze(1).expand({-1, moving.size(1), -1});
  return merge_slots(torch::cat({rows, moving}, 2), slots).flatten(0, 1);
}

torch::Tensor VideoGeneratorImpl::frame_latents(const Latents& latents,
                                                const nn::LayerObserver& observer) {
  auto path = motion(latents);
  if (const auto* module = dynamic_cast<const torch::nn::Module*>(motion_.get());
      observer && module)
    observer("temporal", *module, path);
  if (const auto& timestamps = latents.timestamps; timestamps.defined()) {
    path = path.gather(1, timestamps.unsqueeze(2).expand({-1, -1, path.size(2)}));
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

VideoGenerator make_generator(const ModelOptions& options, const ClipShape& shape) {
  return VideoGenerator(generator_options(options, shape));
}

int64_t generator_weights(const ModelOptions& options, const ClipShape& shape) {
  auto generator = generator_options(options, shape);
  const auto temporal = options_of_slot(generator.temporal, generator.frame.slots);
  generator.set_latent_dims();
  const auto encoder = make_condition_encoder(generator.condition);
  return nn::motion_type(temporal).weights(temporal) + frame_generator_weights(generator.frame) +
         (encoder ? encoder->weights() : 0);
}

}  // namespace vidgen::models
