#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include "vidgen/models/discriminator.h"
#include "vidgen/models/frame_generator.h"
#include "vidgen/nn/layout.h"

/// The networks of DCGAN (Radford et al., "Unsupervised Representation Learning with Deep
/// Convolutional Generative Adversarial Networks", 2016) and of MoCoGAN's clips, for any
/// power-of-two size from 16 and any widths, with self-attention where asked.
namespace vidgen::models {
namespace {

namespace layers = torch::nn;

layers::ConvTranspose2d up(int64_t in, int64_t out, int64_t stride, int64_t padding) {
  return layers::ConvTranspose2d(
      layers::ConvTranspose2dOptions(in, out, 4).stride(stride).padding(padding).bias(false));
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

/// Strided convolutions from a picture to a logit: stages of Conv2d k4 s2 p1, BatchNorm (from the
/// second on), LeakyReLU 0.2, then Conv2d k4 s1 p0; no bias. Of clips, that of MoCoGAN (Tulyakov et
/// al., "MoCoGAN: Decomposing Motion and Content for Video Generation", 2018): Conv3d k4 s(1,2,2)
/// p(0,1,1) and k4 s1 p0, with a logit more for each frame more. Parameters: main.<i>.*,
/// attention_<resolution>.*.
class DcganNet : public torch::nn::Module, public DiscriminatorNet {
 public:
  DcganNet(const DiscriminatorOptions& options, const ClipShape& shape, int64_t classes)
      : over_time_(!options.takes_frames()), picture_(picture_of(options, shape)) {
    int64_t channels = shape.channels, resolution = picture_.size;
    for (const int64_t width : resolved_widths(options, shape)) {
      const bool first = resolution == picture_.size;
      add_convolution(channels, width, 2, 1);
      if (!first)
        over_time_ ? stages_.add(layers::BatchNorm3d(width))
                   : stages_.add(layers::BatchNorm2d(width));
      stages_.add(layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2).inplace(true)));
      resolution /= 2;
      stages_.add_attention(options.attention, resolution, {width, options.attention_axes});
      channels = width;
    }
    add_convolution(channels, 1 + classes, 1, 0);
    stages_.register_in(*this);
  }

  torch::Tensor logits(const torch::Tensor& pictures, nn::Rows rows,
                       const nn::LayerObserver& observer) override {
    expect_pictures(pictures, rows.frames, picture_);
    if (!over_time_) return stages_.forward(pictures, rows, observer);
    return stages_.forward(nn::as_clips(pictures, pictures.size(0) / rows.frames), 1, observer);
  }

 private:
  void add_convolution(int64_t in, int64_t out, int64_t stride, int64_t padding) {
    if (over_time_) {
      stages_.add(layers::Conv3d(layers::Conv3dOptions(in, out, 4)
                                     .stride({1, stride, stride})
                                     .padding({0, padding, padding})
                                     .bias(false)));
    } else {
      stages_.add(layers::Conv2d(
          layers::Conv2dOptions(in, out, 4).stride(stride).padding(padding).bias(false)));
    }
  }

  const bool over_time_;
  const ClipShape picture_;
  nn::Stages stages_;
};

std::shared_ptr<DiscriminatorNet> make_dcgan(const DiscriminatorOptions& options,
                                             const ClipShape& shape, int64_t classes) {
  return std::make_shared<DcganNet>(options, shape, classes);
}

}  // namespace

FrameGeneratorType dcgan_frames() {
  return {"dcgan", /*always_full_size=*/false, /*kept_copies=*/1.5,
          [](int64_t in, int64_t out) { return in * out * 4 * 4; }, add_dcgan_layers};
}

DiscriminatorNetwork dcgan_network() {
  const auto never = [](const DiscriminatorOptions&) { return false; };  // batch normalisation
  return {"dcgan", never, /*kept_copies=*/2.5, least_frames, check_dcgan, make_dcgan};
}

}  // namespace vidgen::models
