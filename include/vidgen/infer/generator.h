#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "vidgen/models/shape.h"
#include "vidgen/models/video_generator.h"

namespace vidgen::checkpoint {
struct Checkpoint;
}

namespace vidgen::infer {

struct RenderOptions {
  /// Clips to make.
  int64_t count = 1;
  /// Frames of each; 0 is as many as the model was trained on. Longer ones need a temporal module
  /// that goes on, which all of them do; only those of type convolution and none cannot drift.
  int64_t frames = 0;
  /// The same seed gives the same clips.
  uint64_t seed = 0;
  /// Scales the latents: below 1 gives more typical, less varied clips. 0 to 2.
  double truncation = 1;
  /// Clips that are computed at once; memory grows with it.
  int64_t batch = 4;
  /// Names of classes that the clips are of, in turn; empty takes all that there are. The seed's
  /// latents do not depend on it.
  std::vector<std::string> classes{};
};

/// A trained generator, ready to play. Needs nothing but the file.
class Generator {
 public:
  /// From a weights file, a checkpoint or a run's folder. Throws vidgen::Error naming the file and
  /// what is wrong with it.
  static Generator load(const std::filesystem::path& run_or_file,
                        torch::Device device = torch::kCPU);
  /// From a file that was read already; throws as load() does.
  explicit Generator(const checkpoint::Checkpoint& checkpoint, torch::Device device = torch::kCPU);

  /// uint8 RGB [count, frames, size, size, 3] on the CPU. Throws vidgen::Error for a class that it
  /// was not trained on.
  torch::Tensor render(const RenderOptions& options) const;

  /// What it was trained on; fps is 25 when that is not known.
  const models::ClipShape& shape() const { return shape_; }
  /// The classes that it was trained on; none where clips had none.
  const std::vector<std::string>& class_names() const { return class_names_; }

 private:
  /// Of each clip; undefined without classes.
  torch::Tensor labels(const RenderOptions& options) const;

  models::VideoGenerator network_;
  models::ClipShape shape_;
  std::vector<std::string> class_names_;
};

}  // namespace vidgen::infer
