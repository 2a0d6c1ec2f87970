#pragma once

#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/compress/prune.h"

namespace vidgen::compress {

/// Prunes the generator of a checkpoint or weights file in place, by the magnitudes of the averaged
/// weights, and adds the masks, so that further training keeps them. What an earlier pass removed
/// stays removed. Throws vidgen::Error as prune() does.
std::vector<PruneRow> prune_checkpoint(checkpoint::Checkpoint& checkpoint,
                                       const PruneOptions& options);

}  // namespace vidgen::compress
