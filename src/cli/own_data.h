#pragma once

#include "vidgen/checkpoint/checkpoint.h"

/// What a trained generator's file names: videos, a cache folder, a teacher. A file may come from
/// anybody, so that none of it is read or written on the file's word alone.
namespace vidgen::cli {

/// Whether the run that the file is in names the same: the config.yaml of its folder, in which
/// weights.safetensors and checkpoints/ lie, has the same data.sources, data.cache_dir and
/// distill.teacher.
bool is_of_own_run(const checkpoint::Checkpoint& checkpoint);

/// What is asked of the user where it is not.
constexpr const char* kNotOfOwnRun =
    "names the data it was trained on, which is read only for a file inside a run's folder whose "
    "config.yaml names the same";

}  // namespace vidgen::cli
