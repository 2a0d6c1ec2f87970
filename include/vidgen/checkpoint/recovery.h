#pragma once

#include <cstdint>
#include <filesystem>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/run_folder.h"

/// What becomes of a run's files that are damaged, or of later steps than the run goes on from.
/// Nothing is deleted. Everything throws vidgen::Error, naming the file and the system's reason,
/// when it cannot be done.
namespace vidgen::checkpoint {

/// Renames a file to NAME.damaged, or NAME.damaged.2 and so on where there is one from before.
/// Returns the new name.
std::filesystem::path keep_damaged(const std::filesystem::path& file);

/// Before a run goes on from `step`: moves the checkpoints, the weights, the best generator and the
/// samples of later steps into a new folder aside, aside.2, ... of the run, copies the lines of the
/// log there, and says so. Where there are neither such checkpoints nor weights nor a best
/// generator, and none was passed over, nothing is done: what a run logged after its last
/// checkpoint comes again.
void set_aside_later(const RunFolder& run, int64_t step, bool passed_over);

/// What a run's folder stands for where a file is wanted.
enum class Prefer { kWeights, kCheckpoint };

/// Reads what RUN_DIR|FILE stands for: a file itself; of a run's folder the weights or the newest
/// checkpoint, whichever is preferred, but no weights of earlier steps than the checkpoint. One
/// that is damaged is passed over for the next older one, with a warning. Throws vidgen::Error when
/// there is none, and as read_checkpoint() for the last that is tried.
Checkpoint read_trained(const std::filesystem::path& run_or_file, Prefer prefer = Prefer::kWeights);

}  // namespace vidgen::checkpoint
