#pragma once

#include "vidgen/models/frame_generator.h"

namespace vidgen::models {

/// What stands behind a hidden stage of `width` channels, where it is asked for.
void end_stage(const FrameGeneratorOptions& options, int64_t resolution, int64_t width,
               nn::Stages& stages);

FrameGeneratorType dcgan_frames();
FrameGeneratorType residual_frames();

}  // namespace vidgen::models
