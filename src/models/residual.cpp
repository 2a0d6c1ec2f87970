#include "vidgen/models/residual.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>

#include "vidgen/nn/minibatch_stddev.h"
#include "vidgen/nn/residual.h"
#include "vidgen/nn/spectral_norm.h"

namespace vidgen::models {
namespace {

namespace layers = torch::nn;

template <class Options>
void add_attention(nn::Stages& stages, const Options& options, int64_t resolution, int64_t width) {
  const auto& wanted = options.attention;
  if (std::find(wanted.begin(), wanted.end(), resolution) != wanted.end()) {
    stages.add_attention(resolution, {width, options.attention_axes});
  }
}

}  // namespace

ResidualGeneratorImpl::ResidualGeneratorImpl(DcganGeneratorOptions options)
    : options(std::move(options)) {
  reset();
}

void ResidualGeneratorImpl::reset() {
  stages_ = nn::Stages();
  int64_t channels = options.widths.front();
  int64_t resolution = 4;
  const int64_t latent_dim = options.warp_at > 0 ? options.clip_dim : options.latent_dim;
  const auto end_stage = [&] {
    add_attention(stages_, options, resolution, channels);
    if (resolution == options.warp_at)
      stages_.add_warp(resolution, warp_options(options, channels));
  };
  stages_.add(layers::ConvTranspose2d(
      layers::ConvTranspose2dOptions(latent_dim, channels, resolution).bias(false)));
  stages_.add(layers::BatchNorm2d(channels));
  stages_.add(layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2).inplace(true)));
  end_stage();
  for (size_t i = 1; i < options.widths.size(); ++i) {
    nn::ResidualBlockOptions block{channels, options.widths[i], nn::Resample::kDouble};
    block.batch_norm = true;
    stages_.add(nn::ResidualBlock(block));
    resolution *= 2;
    channels = block.out;
    end_stage();
  }
  stages_.add(layers::Conv2d(layers::Conv2dOptions(channels, options.channels, 3).padding(1)));
  stages_.add(layers::Tanh());
  stages_.register_in(*this);
}

torch::Tensor ResidualGeneratorImpl::forward(const torch::Tensor& z, int64_t frames,
                                             const nn::LayerObserver& observer,
                                             nn::StageOutputs* stages) {
  TORCH_CHECK(z.dim() == 2 && z.size(1) == options.latent_dim, "expected latents [M,",
              options.latent_dim, "], found ", z.sizes());
  return stages_.forward(first_pixels(options, z, frames), frames, observer, stages, z.flatten(1));
}

ResidualDiscriminatorImpl::ResidualDiscriminatorImpl(ResidualDiscriminatorOptions options)
    : options(std::move(options)) {
  const auto& net = this->options;
  int64_t channels = net.channels;
  int64_t resolution = int64_t{4} << net.widths.size();
  const int64_t fold_at = net.fold_at == 0 ? resolution : net.fold_at;
  const auto fold_here = [&] {
    if (resolution != fold_at) return;
    stages_.add_fold(net.fold);
    channels *= net.fold;
  };
  for (const int64_t width : net.widths) {
    fold_here();
    nn::ResidualBlockOptions block{channels, width, nn::Resample::kHalve};
    block.batch_norm = net.norm == DiscriminatorNorm::kBatch;
    block.over_time = net.over_time && resolution <= fold_at;
    stages_.add(nn::ResidualBlock(block));
    resolution /= 2;
    channels = width;
    add_attention(stages_, net, resolution, channels);
  }
  fold_here();
  if (net.minibatch_stddev) {
    stages_.add(nn::MinibatchStddev());
    ++channels;
  }
  stages_.add(layers::Conv2d(layers::Conv2dOptions(channels, 1 + net.classes, 4)));
  stages_.register_in(*this);
  if (net.norm == DiscriminatorNorm::kSpectral) nn::add_spectral_norm(*this);
}

torch::Tensor ResidualDiscriminatorImpl::forward(const torch::Tensor& x, int64_t frames,
                                                 const nn::LayerObserver& observer) {
  const int64_t size = int64_t{4} << options.widths.size();
  TORCH_CHECK(
      x.dim() == 4 && x.size(1) == options.channels && x.size(2) == size && x.size(3) == size,
      "expected pictures [M,", options.channels, ",", size, ",", size, "], found ", x.sizes());
  TORCH_CHECK(frames > 0 && frames % options.fold == 0 && x.size(0) % frames == 0,
              "expected clips of ", frames, " frames, a multiple of ", options.fold, ", found ",
              x.sizes());
  const nn::SpectralWeights normalised(*this);
  return stages_.forward(x, frames, observer);
}

}  // namespace vidgen::models
