#pragma once

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/core/json.h"
#include "vidgen/train/gan_step.h"

namespace vidgen::train {

/// The entry in Checkpoint::passes of a run that began with a file.
constexpr const char* kInitPass = "init-from";

/// Gives a GAN the tensors of a file that fit by name and shape: the averaged generator's, for the
/// trained and the averaged one, and of a checkpoint the discriminators'. Says what was taken and
/// what was not. Masks of weights that were taken stay. Returns the file's passes and this one.
/// Throws vidgen::Error when the file is quantised, or nothing of its generator fits.
core::Json take_what_fits(GanStep& gan, checkpoint::Checkpoint start);

/// For the log; null unless the last of the passes is such a one.
core::Json init_event(const core::Json& passes);

}  // namespace vidgen::train
