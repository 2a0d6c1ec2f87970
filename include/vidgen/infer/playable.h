#pragma once

#include <map>
#include <string>

#include "vidgen/infer/int8.h"
#include "vidgen/infer/plan.h"
#include "vidgen/models/video_generator.h"

namespace vidgen::checkpoint {
struct Checkpoint;
}

namespace vidgen::infer {

/// A generator out of a file, in the parts that it is played from.
struct Playable {
  /// In evaluation mode. Of that of a quantised file the temporal module, classes, attention and
  /// warp are the file's; it has no weights of the plan's layers, and so no forward() that means
  /// anything.
  models::VideoGenerator network{nullptr};
  /// Of its frame generator, with those weights.
  Plan plan{};
  /// None but for a quantised file.
  QuantizedLayers int8{};
  /// What a quantised file has in place of the network's weights, in real numbers, by their names
  /// in its graph.
  std::map<std::string, torch::Tensor> weights{};
};

/// From a checkpoint, a weights file or a quantised file. Throws vidgen::Error, naming the file and
/// the tensor, when one is missing, superfluous or of another shape or type than the configuration
/// inside says.
Playable load_playable(const checkpoint::Checkpoint& file);

}  // namespace vidgen::infer
