#include "vidgen/models/dcgan.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>

#include "frame_generator_type.h"
#include "vidgen/models/mocogan.h"

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

/// Stages of ConvTranspose2d k4, BatchNorm, ReLU (the first s1 p0, the others s2 p1), then
/// ConvTranspose2d k4 s2 p1, or Conv2d k3 s1 p1 behind a stage of full size, and Tanh; no bias.
void add_dcgan_layers(const FrameGeneratorOptions& options, nn::Stages& stages) {
  int64_t channels = options.first_dim();
  int64_t resolution = 4;
  for (const int64_t width : options.widths) {
    const bool first = resolution == 4;
    stages.add(up(channels, width, first ? 1 : 2, first ? 0 : 1));
    stages.add(layers::BatchNorm2d(width));
    stages.add(layers::ReLU(layers::ReLUOptions(/*inplace=*/true)));
    end_stage(options, resolution, width, stages);
    channels = width;
    resolution *= 2;
  }
  if (options.full_size_stage) {
    stages.add(layers::Conv2d(
        layers::Conv2dOptions(channels, options.channels, 3).padding(1).bias(false)));
  } else {
    stages.add(up(channels, options.channels, 2, 1));
  }
  stages.add(layers::Tanh());
}

/// Each convolution over clips shortens them by three frames.
int64_t least_frames(const DiscriminatorOptions& options, int64_t picture) {
  return options.takes_frames() ? 1 : 3 * doublings_between(4, picture) + 4;
}

void check_dcgan(const DiscriminatorOptions& options, const ClipShape& shape,
                 const std::string& path) {
  const auto fail = [&path](const char* key, const std::string& found) {
    throw core::FieldError(path + key, "found " + found + ", which needs network: residual");
  };
  if (options.frame_stack != 1) fail(".frame_stack", std::to_string(options.frame_stack));
  if (options.norm != DiscriminatorNorm::kNone)
    fail(".norm", options.norm == DiscriminatorNorm::kBatch ? "batch" : "spectral");
  if (options.timestamps) fail(".timestamps", "true");
  if (options.minibatch_stddev) fail(".minibatch_stddev", "true");
  const int64_t picture = shape.size / options.pool, needed = least_frames(options, picture);
  if (shape.frames >= needed) return;
  throw core::FieldError(path + ".type",
                         core::cat("a clip discriminator of pictures of ", picture, "x", picture,
                                   " needs ", needed, " frames, found data.frames ", shape.frames,
                                   " (a larger pool needs fewer; network: residual takes any)"));
}

std::shared_ptr<DiscriminatorNet> make_dcgan(const DiscriminatorOptions& options,
                                             const ClipShape& shape, int64_t classes) {
  const auto widths = resolved_widths(options, shape);
  if (options.takes_frames()) {
    return std::make_shared<DcganDiscriminatorImpl>(DcganDiscriminatorOptions{
        shape.channels, widths, options.attention, options.attention_axes, classes});
  }
  return std::make_shared<MocoganDiscriminatorImpl>(MocoganDiscriminatorOptions{
      shape.channels, widths, options.attention, options.attention_axes, classes});
}

}  // namespace

FrameGeneratorType dcgan_frames() {
  return {"dcgan", /*always_full_size=*/false, /*kept_copies=*/1.5,
          [](int64_t in, int64_t out) { return in * out * 4 * 4; }, add_dcgan_layers};
}

DiscriminatorNetwork dcgan_network() {
  return {"dcgan", /*kept_copies=*/2.5, least_frames, check_dcgan, make_dcgan};
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
