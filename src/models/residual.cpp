#include "vidgen/models/residual.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>

#include "frame_generator_type.h"
#include "vidgen/nn/minibatch_stddev.h"
#include "vidgen/nn/residual.h"
#include "vidgen/nn/spectral_norm.h"

namespace vidgen::models {
namespace {

namespace layers = torch::nn;

/// ConvTranspose2d k4 s1 p0, BatchNorm, LeakyReLU 0.2 to 4x4 pixels, a residual block with batch
/// normalisation for each doubling, then Conv2d k3 s1 p1 and Tanh. The last width is that of the
/// picture's own size.
void add_residual_layers(const FrameGeneratorOptions& options, nn::Stages& stages) {
  int64_t channels = options.widths.front();
  int64_t resolution = 4;
  stages.add(layers::ConvTranspose2d(
      layers::ConvTranspose2dOptions(options.first_dim(), channels, resolution).bias(false)));
  stages.add(layers::BatchNorm2d(channels));
  stages.add(layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2).inplace(true)));
  end_stage(options, resolution, channels, stages);
  for (size_t i = 1; i < options.widths.size(); ++i) {
    nn::ResidualBlockOptions block{channels, options.widths[i], nn::Resample::kUpsample2x};
    block.batch_norm = true;
    stages.add(nn::ResidualBlock(block));
    resolution *= 2;
    channels = block.out;
    end_stage(options, resolution, channels, stages);
  }
  stages.add(layers::Conv2d(layers::Conv2dOptions(channels, options.channels, 3).padding(1)));
  stages.add(layers::Tanh());
}

void check_residual(const DiscriminatorOptions& options, const ClipShape& shape,
                    const std::string& path) {
  if (options.takes_frames() || shape.frames % options.frame_stack == 0) return;
  throw core::FieldError(path + ".frame_stack",
                         core::cat("found ", options.frame_stack, ", expected a divisor of ",
                                   shape.frames, ", the frames of a clip"));
}

std::shared_ptr<DiscriminatorNet> make_residual(const DiscriminatorOptions& options,
                                                const ClipShape& shape, int64_t classes) {
  ResidualDiscriminatorOptions net;
  net.channels = shape.channels + (options.timestamps ? 1 : 0);
  net.widths = resolved_widths(options, shape);
  net.attention = options.attention;
  net.attention_axes = options.attention_axes;
  net.classes = classes;
  net.norm = options.norm;
  net.over_time = !options.takes_frames();
  net.frame_stack = options.frame_stack;
  net.frame_stack_resolution = options.frame_stack_resolution;
  net.minibatch_stddev = options.minibatch_stddev;
  return std::make_shared<ResidualDiscriminatorImpl>(net);
}

}  // namespace

FrameGeneratorType residual_frames() {
  return {"residual", /*always_full_size=*/true, /*kept_copies=*/3.7,
          [](int64_t in, int64_t out) { return in * out * (4 * 4 + 1) + out * out * 3 * 3; },
          add_residual_layers};
}

DiscriminatorNetwork residual_network() {
  return {"residual", /*kept_copies=*/6,
          [](const DiscriminatorOptions&, int64_t) { return int64_t{1}; }, check_residual,
          make_residual};
}

ResidualDiscriminatorImpl::ResidualDiscriminatorImpl(ResidualDiscriminatorOptions options)
    : options(std::move(options)) {
  const auto& net = this->options;
  int64_t channels = net.channels;
  int64_t resolution = int64_t{4} << net.widths.size();
  const int64_t frame_stack_resolution =
      net.frame_stack_resolution == 0 ? resolution : net.frame_stack_resolution;
  const auto fold_here = [&] {
    if (resolution != frame_stack_resolution) return;
    stages_.add_frame_stack(net.frame_stack);
    channels *= net.frame_stack;
  };
  for (const int64_t width : net.widths) {
    fold_here();
    nn::ResidualBlockOptions block{channels, width, nn::Resample::kDownsample2x};
    block.batch_norm = net.norm == DiscriminatorNorm::kBatch;
    block.over_time = net.over_time && resolution <= frame_stack_resolution;
    stages_.add(nn::ResidualBlock(block));
    resolution /= 2;
    channels = width;
    const auto& wanted = net.attention;
    if (std::find(wanted.begin(), wanted.end(), resolution) != wanted.end())
      stages_.add_attention(resolution, {channels, net.attention_axes});
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
  TORCH_CHECK(frames > 0 && frames % options.frame_stack == 0 && x.size(0) % frames == 0,
              "expected clips of ", frames, " frames, a multiple of ", options.frame_stack,
              ", found ", x.sizes());
  const nn::SpectralWeights normalised(*this);
  return stages_.forward(x, frames, observer);
}

}  // namespace vidgen::models
