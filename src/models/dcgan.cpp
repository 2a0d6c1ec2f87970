#include "vidgen/models/dcgan.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>

namespace vidgen::models {
namespace {

namespace layers = torch::nn;

bool contains(const std::vector<int64_t>& values, int64_t value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

layers::ConvTranspose2d up(int64_t in, int64_t out, int64_t stride, int64_t padding) {
  return layers::ConvTranspose2d(
      layers::ConvTranspose2dOptions(in, out, 4).stride(stride).padding(padding).bias(false));
}

layers::Conv2d down(int64_t in, int64_t out, int64_t stride, int64_t padding) {
  return layers::Conv2d(
      layers::Conv2dOptions(in, out, 4).stride(stride).padding(padding).bias(false));
}

}  // namespace

torch::Tensor first_pixels(const DcganGeneratorOptions& options, const torch::Tensor& z,
                           int64_t frames) {
  auto rows = z.flatten(1);
  if (options.warp_at > 0) {
    rows = rows.slice(0, 0, c10::nullopt, frames)
               .reshape({-1, options.latent_dim / options.objects})
               .narrow(1, 0, options.clip_dim);
  }
  return rows.unsqueeze(2).unsqueeze(3);
}

nn::WarpOptions warp_options(const DcganGeneratorOptions& options, int64_t channels) {
  nn::WarpOptions warp;
  warp.code_dim = options.latent_dim / options.objects;
  warp.objects = options.objects;
  warp.channels = channels;
  warp.groups = options.warp_groups;
  warp.still = options.warp_still;
  warp.fade = options.warp_fade;
  return warp;
}

DcganGeneratorImpl::DcganGeneratorImpl(DcganGeneratorOptions options)
    : options(std::move(options)) {
  reset();
}

void DcganGeneratorImpl::reset() {
  stages_ = nn::Stages();
  int64_t channels = options.warp_at > 0 ? options.clip_dim : options.latent_dim;
  int64_t resolution = 4;
  for (const int64_t width : options.widths) {
    const bool first = resolution == 4;
    stages_.add(up(channels, width, first ? 1 : 2, first ? 0 : 1));
    stages_.add(layers::BatchNorm2d(width));
    stages_.add(layers::ReLU(layers::ReLUOptions(/*inplace=*/true)));
    if (contains(options.attention, resolution)) {
      stages_.add_attention(resolution, {width, options.attention_axes});
    }
    if (resolution == options.warp_at) stages_.add_warp(resolution, warp_options(options, width));
    channels = width;
    resolution *= 2;
  }
  if (options.full_size_stage) {
    stages_.add(layers::Conv2d(
        layers::Conv2dOptions(channels, options.channels, 3).padding(1).bias(false)));
  } else {
    stages_.add(up(channels, options.channels, 2, 1));
  }
  stages_.add(layers::Tanh());
  stages_.register_in(*this);
}

torch::Tensor DcganGeneratorImpl::forward(const torch::Tensor& z, int64_t frames,
                                          const nn::LayerObserver& observer,
                                          nn::StageOutputs* stages) {
  TORCH_CHECK(z.dim() >= 2 && z.size(1) == options.latent_dim && z.numel() == z.size(0) * z.size(1),
              "expected latents [M,", options.latent_dim, "], found ", z.sizes());
  return stages_.forward(first_pixels(options, z, frames), frames, observer, stages, z.flatten(1));
}

DcganDiscriminatorImpl::DcganDiscriminatorImpl(DcganDiscriminatorOptions options)
    : options(std::move(options)) {
  reset();
}

void DcganDiscriminatorImpl::reset() {
  stages_ = nn::Stages();
  int64_t channels = options.channels;
  int64_t resolution = int64_t{4} << options.widths.size();
  for (size_t i = 0; i < options.widths.size(); ++i) {
    const int64_t width = options.widths[i];
    stages_.add(down(channels, width, 2, 1));
    if (i > 0) stages_.add(layers::BatchNorm2d(width));
    stages_.add(layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2).inplace(true)));
    resolution /= 2;
    if (contains(options.attention, resolution)) {
      stages_.add_attention(resolution, {width, options.attention_axes});
    }
    channels = width;
  }
  stages_.add(down(channels, 1 + options.classes, 1, 0));
  stages_.register_in(*this);
}

torch::Tensor DcganDiscriminatorImpl::forward(const torch::Tensor& x, int64_t frames,
                                              const nn::LayerObserver& observer) {
  const int64_t size = int64_t{4} << options.widths.size();
  TORCH_CHECK(
      x.dim() == 4 && x.size(1) == options.channels && x.size(2) == size && x.size(3) == size,
      "expected pictures [M,", options.channels, ",", size, ",", size, "], found ", x.sizes());
  return stages_.forward(x, frames, observer);
}

}  // namespace vidgen::models
