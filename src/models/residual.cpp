#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include "vidgen/models/discriminator.h"
#include "vidgen/models/frame_generator.h"
#include "vidgen/nn/layers.h"
#include "vidgen/nn/spectral_norm.h"

/// Networks of residual blocks (nn::ResidualBlock), for any power-of-two size from 16 and any
/// widths, with self-attention where asked.
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

/// From pictures or clips to logits: a residual block for each halving down to 4x4 pixels, then
/// Conv2d k4 s1 p0; of clips a (2+1)D network. `frame_stack` frames are laid one over the other, as
/// channels of one picture, at a resolution or before all else. The work behind it is divided by
/// it. Early, what moves between the frames is seen by the first layer already; late, what is shown
/// (StyleGAN-V, Skorokhodov et al., 2022, does it at 16x16). Parameters: main.<i>.*,
/// attention_<resolution>.*. It cannot be cloned, because layers with spectral normalisation
/// cannot.
class ResidualNet : public torch::nn::Module, public DiscriminatorNet {
 public:
  ResidualNet(const DiscriminatorOptions& options, const ClipShape& shape, int64_t classes)
      : frame_stack_(options.frame_stack), picture_(picture_of(options, shape)) {
    int64_t channels = picture_.channels, resolution = picture_.size;
    const int64_t stack_at =
        options.frame_stack_resolution == 0 ? resolution : options.frame_stack_resolution;
    const auto stack_here = [&] {
      if (resolution != stack_at) return;
      stages_.add_frame_stack(frame_stack_);
      channels *= frame_stack_;
    };
    for (const int64_t width : resolved_widths(options, shape)) {
      stack_here();
      nn::ResidualBlockOptions block{channels, width, nn::Resample::kDownsample2x};
      block.batch_norm = options.norm == DiscriminatorNorm::kBatch;
      // Those behind the stack look at neighbouring frames too.
      block.over_time = !options.takes_frames() && resolution <= stack_at;
      stages_.add(nn::ResidualBlock(block));
      resolution /= 2;
      channels = width;
      stages_.add_attention(options.attention, resolution, {channels, options.attention_axes});
    }
    stack_here();
    if (options.minibatch_stddev) {
      stages_.add(nn::MinibatchStddev());
      ++channels;
    }
    stages_.add(layers::Conv2d(layers::Conv2dOptions(channels, 1 + classes, 4)));
    stages_.register_in(*this);
    if (options.norm == DiscriminatorNorm::kSpectral) nn::add_spectral_norm(*this);
  }

  torch::Tensor logits(const torch::Tensor& pictures, nn::Rows rows,
                       const nn::LayerObserver& observer) override {
    expect_pictures(pictures, rows.frames, picture_);
    TORCH_CHECK(rows.frames % frame_stack_ == 0, "expected clips of a multiple of ", frame_stack_,
                " frames, found ", rows.frames);
    const nn::SpectralWeights normalised(*this);
    return stages_.forward(pictures, rows, observer);
  }

 private:
  const int64_t frame_stack_;
  const ClipShape picture_;
  nn::Stages stages_;
};

std::shared_ptr<DiscriminatorNet> make_residual(const DiscriminatorOptions& options,
                                                const ClipShape& shape, int64_t classes) {
  return std::make_shared<ResidualNet>(options, shape, classes);
}

}  // namespace

FrameGeneratorType residual_frames() {
  return {"residual", /*always_full_size=*/true, /*kept_copies=*/3.7,
          [](int64_t in, int64_t out) { return in * out * (4 * 4 + 1) + out * out * 3 * 3; },
          add_residual_layers};
}

DiscriminatorNetwork residual_network() {
  const auto independent = [](const DiscriminatorOptions& options) {
    return options.norm == DiscriminatorNorm::kNone;
  };
  return {"residual",        independent,
          /*kept_copies=*/6, [](const DiscriminatorOptions&, int64_t) { return int64_t{1}; },
          check_residual,    make_residual};
}

}  // namespace vidgen::models
