#include "vidgen/models/factory.h"

#include <algorithm>

#include "vidgen/core/error.h"

namespace vidgen::models {
namespace {

VideoGeneratorOptions generator_options(const ModelOptions& options, const ClipShape& shape) {
  VideoGeneratorOptions generator;
  generator.temporal = options.temporal;
  generator.type = options.generator.type;
  generator.frame.widths = resolved_widths(options.generator, shape);
  generator.frame.full_size_stage = has_full_size_stage(options.generator, shape);
  generator.frame.channels = shape.channels;
  generator.frame.attention = options.generator.attention;
  generator.frame.attention_axes = options.generator.attention_axes;
  generator.frame.warp_at = options.generator.warp_at;
  generator.frame.warp_groups = options.generator.warp_groups;
  generator.frame.warp_still = options.generator.warp_still;
  generator.frame.warp_fade = options.generator.warp_fade;
  generator.frame.objects = options.generator.objects;
  generator.condition = options.condition();
  return generator;
}

/// Of what stands behind a stage.
int64_t block_weights(const DcganGeneratorOptions& options, int64_t resolution, int64_t width) {
  int64_t count = 0;
  const auto& attention = options.attention;
  if (std::find(attention.begin(), attention.end(), resolution) != attention.end()) {
    const nn::SelfAttentionOptions block{width, options.attention_axes};
    count += width * (2 * block.query_channels() + width);
  }
  if (resolution == options.warp_at) {
    const auto warp = warp_options(options, width);
    count += warp.hidden * (warp.code_dim + (warp.fade ? 7 : 6) * warp.moving());
  }
  return count;
}

/// Of the frame generator, whose latents have their lengths.
int64_t frame_weights(const DcganGeneratorOptions& options, GeneratorType type) {
  constexpr int64_t kUp = 4 * 4, kSame = 3 * 3;
  const bool residual = type == GeneratorType::kResidual;
  int64_t count = 0, resolution = 4;
  int64_t in = options.warp_at > 0 ? options.clip_dim : options.latent_dim;
  for (const int64_t out : options.widths) {
    count += in * out * kUp;
    if (residual && resolution > 4) count += out * out * kSame + in * out;
    count += block_weights(options, resolution, out);
    in = out;
    resolution *= 2;
  }
  return count + in * options.channels * (residual || options.full_size_stage ? kSame : kUp);
}

}  // namespace

VideoGenerator make_generator(const ModelOptions& options, const ClipShape& shape) {
  return VideoGenerator(generator_options(options, shape));
}

int64_t generator_weights(const ModelOptions& options, const ClipShape& shape) {
  auto generator = generator_options(options, shape);
  const auto temporal = of_object(generator.temporal, generator.frame.objects);
  generator.set_latent_dims();
  const auto encoder = make_condition_encoder(generator.condition);
  return nn::motion_type(temporal).weights(temporal) +
         frame_weights(generator.frame, generator.type) + (encoder ? encoder->weights() : 0);
}

std::shared_ptr<DiscriminatorImpl> make_discriminator(const DiscriminatorOptions& options,
                                                      const ClipShape& shape,
                                                      const ConditionOptions& condition) {
  switch (options.type) {
    case DiscriminatorType::kFrame:
      return std::make_shared<FrameDiscriminatorImpl>(options, shape, condition);
    case DiscriminatorType::kClip:
      return std::make_shared<ClipDiscriminatorImpl>(options, shape, condition);
  }
  TORCH_CHECK(false, "unknown type of discriminator");
}

}  // namespace vidgen::models
