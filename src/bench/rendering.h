#pragma once

#include "vidgen/bench/samples.h"
#include "vidgen/core/json.h"
#include "vidgen/infer/generator.h"

namespace vidgen::bench {

/// Rendering `clips` clips at once and, where it can, a stream of single frames: "batch_seconds",
/// "clips_per_second", "frames_per_second", "frame_seconds".
core::Json time_rendering(const infer::CompiledGenerator& generator, int64_t clips,
                          const Repeats& repeats, torch::Device device);

}  // namespace vidgen::bench
