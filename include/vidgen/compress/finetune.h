#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/train/options.h"

namespace vidgen::compress {

/// What a pruned generator learns from when it is trained on.
enum class FinetuneMethod {
  /// What its run learned from: the same data, networks and losses go on.
  kAdversarial,
  /// The generator before it was pruned, which is its teacher (train::Distillation): neither data
  /// nor discriminators take part.
  kDistill
};

struct FinetuneOptions {
  FinetuneMethod method = FinetuneMethod::kAdversarial;
  /// Updates of the generator, at least 1.
  int64_t steps = 1;
  /// Folder of the run that it is.
  std::filesystem::path run_dir;
};

/// The options of a run that trains a checkpoint on, which is the one that was read or what pruning
/// made of it: its path is still that of the file.
///
/// kAdversarial goes on with the run that made it. The learning rates stay what a run that decays
/// has come down to, but not below a tenth of the full ones, with which nothing would be learned;
/// they do not decay further. Throws vidgen::Error for a weights file, which has neither
/// discriminators nor optimisers.
///
/// kDistill is a run of its own, of options.steps steps with the learning rates and their course
/// that the configuration names. The file teaches, by its clips and by where its hidden stages are
/// active.
///
/// Both throw vidgen::Error for a configuration that this program does not know.
train::RunOptions finetune_options(const checkpoint::Checkpoint& checkpoint,
                                   const FinetuneOptions& options);

/// Throws vidgen::Error unless a run can be made in this folder without touching anything: it is
/// empty, or there is none yet, or finetune() made it with the same options and was interrupted.
void check_is_free(const FinetuneOptions& options);

/// Trains a pruned checkpoint on with finetune_options(). Calls `begin` with the options as the run
/// has them before anything is written, writes the checkpoint as it is into the run's folder as
/// pruned.safetensors, trains, and returns the result, which has a pass "finetune" more: for
/// kAdversarial the run's last checkpoint, for kDistill what was given with the generator of that
/// one (the averaged one, in a checkpoint also the other), its batch normalisation measured anew.
/// Returns nothing where a stop was asked for before the end (core::interrupted()). Where one of
/// the same pruned generator was interrupted, by whatever, it goes on from its newest checkpoint.
/// Throws as check_is_free() and train::Trainer.
std::optional<checkpoint::Checkpoint> finetune(
    checkpoint::Checkpoint checkpoint, const FinetuneOptions& options,
    const std::function<void(const train::RunOptions&)>& begin = {});

}  // namespace vidgen::compress
