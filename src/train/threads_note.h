#pragma once

#include <torch/types.h>

#include <filesystem>

#include "vidgen/checkpoint/checkpoint.h"

namespace vidgen::train {

/// Adds to a checkpoint's metadata how many threads of the CPU it was computed with.
void note_threads(std::map<std::string, std::string>& metadata, torch::Device device);

/// Says so when the run goes on with another number of threads than is noted in the checkpoint: its
/// results are other ones then, by their roundings.
void warn_of_other_threads(const checkpoint::Checkpoint& checkpoint, torch::Device device);

}  // namespace vidgen::train
