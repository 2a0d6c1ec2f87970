#include "vidgen/models/factory.h"

#include "vidgen/core/error.h"

namespace vidgen::models {

VideoGenerator make_generator(const ModelOptions& options, const ClipShape& shape) {
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
  generator.classes = options.classes();
  generator.class_dim = options.class_dim;
  return VideoGenerator(generator);
}

std::shared_ptr<DiscriminatorImpl> make_discriminator(const DiscriminatorOptions& options,
                                                      const ClipShape& shape, int64_t classes) {
  switch (options.type) {
    case DiscriminatorType::kFrame:
      return std::make_shared<FrameDiscriminatorImpl>(options, shape, classes);
    case DiscriminatorType::kClip:
      return std::make_shared<ClipDiscriminatorImpl>(options, shape, classes);
  }
  TORCH_CHECK(false, "unknown type of discriminator");
}

}  // namespace vidgen::models
