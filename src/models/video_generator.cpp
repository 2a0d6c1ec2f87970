#include "vidgen/models/video_generator.h"

#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include "vidgen/core/random.h"
#include "vidgen/nn/layout.h"

namespace vidgen::models {

using nn::TemporalType;

Latents Latents::to(torch::Device device) const {
  const auto moved = [device](const torch::Tensor& tensor) {
    return tensor.defined() ? tensor.to(device) : tensor;
  };
  return {content.to(device), noise.to(device), initial.to(device), moved(times), moved(labels)};
}

Latents draw_latents(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                     at::Generator generator) {
  const auto draw = [&generator](std::initializer_list<int64_t> shape) {
    return torch::empty(shape, torch::kFloat).normal_(0, 1, generator);
  };
  Latents latents;
  latents.content = draw({clips, options.content_dim});
  latents.initial = draw({clips, options.motion_dim});
  latents.noise = draw({clips, nn::noise_frames(options, frames), options.motion_dim});
  return latents;
}

Latents sample_latents(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                       uint64_t seed) {
  return draw_latents(options, clips, frames,
                      at::detail::createCPUGenerator(core::derive_seed(seed, "sample")));
}

torch::Tensor labels_in_turn(int64_t classes, int64_t clips, int64_t first) {
  if (classes == 0) return {};
  return torch::arange(first, first + clips, torch::kLong).remainder(classes);
}

VideoGeneratorImpl::VideoGeneratorImpl(VideoGeneratorOptions options)
    : options(std::move(options)) {
  reset();
}

void VideoGeneratorImpl::reset() {
  const auto& temporal = options.temporal;
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
  const bool with_classes = options.classes > 0;
  options.frame.latent_dim =
      temporal.content_dim + (with_classes ? options.class_dim : 0) + temporal.motion_dim;
  switch (options.type) {
    case GeneratorType::kDcgan:
      dcgan_ = register_module("frame", DcganGenerator(options.frame));
      break;
    case GeneratorType::kResidual:
      residual_ = register_module("frame", ResidualGenerator(options.frame));
      break;
  }
  if (with_classes) {
    classes_ = register_module("classes", torch::nn::Embedding(options.classes, options.class_dim));
  }
}

torch::Tensor VideoGeneratorImpl::motion(const Latents& latents) {
  // The path is cheap, and rounding would add up along it: no autocast.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  switch (options.temporal.type) {
    case TemporalType::kNone:
      break;
    case TemporalType::kLstm:
    case TemporalType::kGru:
      return rnn_(latents.noise);
    case TemporalType::kGruCell:
      return cell_(latents.noise, latents.initial);
    case TemporalType::kConvolution:
      return convolution_(latents.noise);
    case TemporalType::kWaves:
      return waves_(latents.initial, latents.noise.size(1));
  }
  return latents.noise;
}

torch::Tensor VideoGeneratorImpl::content(const Latents& latents,
                                          const nn::LayerObserver& observer) {
  if (!classes_) return latents.content;
  const auto& labels = latents.labels;
  TORCH_CHECK(labels.defined() && labels.dim() == 1 && labels.size(0) == latents.content.size(0),
              "a generator of classes needs labels [", latents.content.size(0), "]");
  const auto learned = classes_(labels);
  if (observer) observer("classes", *classes_, learned);
  return torch::cat({latents.content, learned}, 1);
}

torch::Tensor VideoGeneratorImpl::forward(const Latents& latents, const nn::LayerObserver& observer,
                                          nn::StageOutputs* stages) {
  const int64_t clips = latents.noise.size(0);
  auto path = motion(latents);
  if (observer && options.temporal.type != TemporalType::kNone)
    observer("temporal", *named_children()["temporal"], path);
  if (const auto& times = latents.times; times.defined()) {
    path = path.gather(1, times.unsqueeze(2).expand({-1, -1, path.size(2)}));
  }
  const int64_t frames = path.size(1);
  const auto in_frame = nn::inside("frame", observer);
  const auto kept = content(latents, observer).unsqueeze(1).expand({clips, frames, -1});
  const auto z = torch::cat({kept, path}, 2).flatten(0, 1);
  const auto pictures = dcgan_ ? dcgan_->forward(z, frames, in_frame, stages)
                               : residual_->forward(z, frames, in_frame, stages);
  return nn::as_clips(pictures, clips);
}

}  // namespace vidgen::models
