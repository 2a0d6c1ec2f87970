#include "vidgen/models/video_generator.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

#include "vidgen/nn/layout.h"

namespace vidgen::models {

using nn::TemporalType;

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
  switch (temporal.type) {
    case TemporalType::kNone:
      break;
    case TemporalType::kLstm:
    case TemporalType::kGru: {
      const bool lstm = temporal.type == TemporalType::kLstm;
      const auto cell = lstm ? nn::RnnCell::kLstm : nn::RnnCell::kGru;
      rnn_ = register_module(
          "temporal", nn::VideoRnn(nn::VideoRnnOptions{cell, temporal.motion_dim, temporal.hidden,
                                                       temporal.layers}));
      break;
    }
    case TemporalType::kGruCell:
      cell_ = register_module("temporal",
                              nn::GruCellMotion(nn::GruCellMotionOptions{temporal.motion_dim}));
      break;
    case TemporalType::kConvolution:
      convolution_ = register_module(
          "temporal", nn::ConvolutionMotion(nn::ConvolutionMotionOptions{
                          temporal.motion_dim, temporal.hidden, temporal.layers, temporal.kernel}));
      break;
    case TemporalType::kWaves:
      waves_ = register_module(
          "temporal", nn::WaveMotion(nn::WaveMotionOptions{temporal.motion_dim, temporal.hidden}));
      break;
  }
  options.set_latent_dims();
  switch (options.type) {
    case GeneratorType::kDcgan:
      dcgan_ = register_module("frame", DcganGenerator(options.frame));
      break;
    case GeneratorType::kResidual:
      residual_ = register_module("frame", ResidualGenerator(options.frame));
      break;
  }
  condition_ = make_condition_encoder(options.condition);
  if (condition_) condition_->add_layers(*this);
}

torch::Tensor VideoGeneratorImpl::motion(const Latents& latents) {
  // The path is cheap, and rounding would add up along it: no autocast.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const int64_t objects = options.frame.objects;
  const auto noise = of_objects(latents.noise, objects);
  const auto initial = of_objects(latents.initial, objects);
  const auto path = [&]() -> torch::Tensor {
    switch (options.temporal.type) {
      case TemporalType::kNone:
        break;
      case TemporalType::kLstm:
      case TemporalType::kGru:
        return rnn_(noise);
      case TemporalType::kGruCell:
        return cell_(noise, initial);
      case TemporalType::kConvolution:
        return convolution_(noise);
      case TemporalType::kWaves:
        return waves_(initial, noise.size(1));
    }
    return noise;
  };
  return of_clips(path(), objects);
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

torch::Tensor VideoGeneratorImpl::next_motion(const torch::Tensor& noise,
                                              const torch::Tensor& initial, MotionState& state) {
  if (options.temporal.type != TemporalType::kWaves)
    return next_path(noise, initial, /*frames=*/1, state).select(1, 0);
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const int64_t objects = options.frame.objects;
  return of_clips(waves_->at_frame(of_objects(initial, objects), state.frame++), objects);
}

torch::Tensor VideoGeneratorImpl::next_path(const torch::Tensor& noise,
                                            const torch::Tensor& initial, int64_t frames,
                                            MotionState& state) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const int64_t objects = options.frame.objects;
  const auto rows = of_objects(noise, objects), start = of_objects(initial, objects);
  auto& memory = state.memory;
  const auto next = [&]() -> torch::Tensor {
    switch (options.temporal.type) {
      case TemporalType::kNone:
        break;
      case TemporalType::kLstm:
      case TemporalType::kGru:
        return rnn_->next(rows, memory);
      case TemporalType::kGruCell: {
        const auto path = cell_->forward(rows, memory.empty() ? start : memory[0]);
        memory = {path.select(1, frames - 1)};
        return path;
      }
      case TemporalType::kConvolution: {
        const auto window = memory.empty() ? rows : torch::cat({memory[0], rows}, 1);
        memory = {window.narrow(1, frames, window.size(1) - frames).clone()};
        return convolution_->forward(window);
      }
      case TemporalType::kWaves:
        return waves_->forward(start, frames, state.frame);
    }
    return rows;
  };
  const auto path = of_clips(next(), objects);
  state.frame += frames;
  return path;
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
  if (observer && options.temporal.type != TemporalType::kNone)
    observer("temporal", *named_children()["temporal"], path);
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
