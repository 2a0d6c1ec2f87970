#include "vidgen/models/factory.h"

#include "vidgen/core/error.h"

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

std::shared_ptr<DiscriminatorImpl> make_discriminator(const DiscriminatorOptions& options,
                                                      const ClipShape& shape,
                                                      const ConditionOptions& condition) {
  return discriminator_type(options.type).make(options, shape, condition);
}

}  // namespace vidgen::models
