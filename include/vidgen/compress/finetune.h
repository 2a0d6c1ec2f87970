#pragma once

#include <filesystem>
#include <functional>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/train/options.h"

namespace vidgen::compress {

/// The options of the run that made a checkpoint, to train on for `steps` steps more in the folder
/// `run_dir`: the same data, networks and losses. The learning rates stay what a run that decays
/// has come down to, but not below a tenth of the full ones, with which nothing would be learned;
/// they do not decay further. Throws vidgen::Error for a weights file, which has neither
/// discriminators nor optimisers, and for a configuration that this program does not know.
train::RunOptions finetune_options(const checkpoint::Checkpoint& checkpoint, int64_t steps,
                                   const std::filesystem::path& run_dir);

/// Throws vidgen::Error when the folder holds a run already.
void check_holds_no_run(const std::filesystem::path& run_dir);

/// Trains a pruned checkpoint on, adversarially, with those options. Calls `begin` with the options
/// as the run has them before anything is written, writes the checkpoint as it is into the run's
/// folder as pruned.safetensors, trains from there to options.train.steps, and returns the run's
/// last checkpoint, which has a pass "finetune" more. Where a stop was asked for before
/// (core::interrupted()), that is the checkpoint to go on from. Throws as check_holds_no_run() and
/// train::Trainer.
checkpoint::Checkpoint finetune(checkpoint::Checkpoint checkpoint, const train::RunOptions& options,
                                const std::function<void(const train::RunOptions&)>& begin = {});

}  // namespace vidgen::compress
