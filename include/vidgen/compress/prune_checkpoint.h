#pragma once

#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/compress/prune.h"

namespace vidgen::compress {

/// Prunes the generator of a checkpoint or weights file in place, by the magnitudes of the averaged
/// weights, and adds the masks, so that further training keeps them. What an earlier pass removed
/// stays removed. Dense kernels compute with zeros as with any number: only a file of weights gets
/// smaller. Fills options.transposed in. Throws vidgen::Error as prune() does.
std::vector<PruneRow> prune_checkpoint(checkpoint::Checkpoint& checkpoint, PruneOptions options);

}  // namespace vidgen::compress
