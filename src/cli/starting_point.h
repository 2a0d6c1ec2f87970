#pragma once

#include <functional>
#include <string>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/run_folder.h"

namespace vidgen::cli {

/// Makes a trainer ready to go on from a checkpoint, or to begin where there is none.
using Begin = std::function<void(const checkpoint::Checkpoint* start)>;

/// Calls `begin` with what --resume CHOICE stands for in a run's folder: with "auto" the newest
/// checkpoint that is whole, with nullptr where the run begins. Those that are damaged (`begin` too
/// can find that) are passed over and kept aside with a warning, as is all that is of later steps
/// than the run goes on from. Where none is whole, where a run is there that CHOICE does not belong
/// to, and for everything but damage it throws vidgen::Error, and nothing is changed.
void begin_run(const checkpoint::RunFolder& run, const std::string& choice, const Begin& begin);

/// As begin_run(), but changes nothing; the checkpoint comes without its tensors.
void begin_dry_run(const checkpoint::RunFolder& run, const std::string& choice, const Begin& begin);

}  // namespace vidgen::cli
