#pragma once

#include <memory>

#include "vidgen/models/discriminator.h"
#include "vidgen/models/options.h"
#include "vidgen/models/video_generator.h"

namespace vidgen::models {

/// The generator that valid options describe, with PyTorch's default weights (see nn::initialize).
VideoGenerator make_generator(const ModelOptions& options, const ClipShape& shape);

/// How many weights make_generator() would allocate: the numbers in its filters and matrices, which
/// all files of it hold; biases and batch normalisation, which not all hold, are not counted.
int64_t generator_weights(const ModelOptions& options, const ClipShape& shape);

/// One discriminator that valid options describe, of clips that can be asked to be so, with
/// PyTorch's default weights.
std::shared_ptr<DiscriminatorImpl> make_discriminator(const DiscriminatorOptions& options,
                                                      const ClipShape& shape,
                                                      const ConditionOptions& condition = {});

}  // namespace vidgen::models
