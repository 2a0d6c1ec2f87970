#pragma once

#include <torch/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vidgen/infer/rendering.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/video/sink.h"

namespace vidgen::checkpoint {
struct Checkpoint;
}

namespace vidgen::infer {

struct RenderOptions {
  /// Clips to make.
  int64_t count = 1;
  /// Frames of each; 0 is as many as the model was trained on. Longer ones need a temporal module
  /// that goes on, which all of them do; only those of type convolution, sinusoidal and none cannot
  /// drift.
  int64_t frames = 0;
  /// The same seed gives the same clips.
  uint64_t seed = 0;
  /// Scales the latents: below 1 gives more typical, less varied clips. 0 to 2.
  double truncation = 1;
  /// Clips of the trained length whose frames are computed at once; memory grows with it.
  int64_t batch = 4;
  /// Names of classes that the clips are of, in turn; empty takes all that there are. The seed's
  /// latents do not depend on it.
  std::vector<std::string> classes{};
};

/// What a frame generator computes in. The motion is computed in float32 always.
enum class Precision {
  /// What the file holds: int8 where it is quantised, else float32, as training does.
  kAuto,
  kFloat32,
  /// Half the memory. Faster than float32 where there are instructions for it (AVX512-BF16, AMX,
  /// a GPU), slower where there are none.
  kBfloat16,
  /// Of quantised files, on the CPU; layers that are not in eight bits run in bfloat16, or in
  /// float32 where the processor has no instructions for that.
  kInt8
};

/// "auto", "float32", "bfloat16", "int8".
std::string precision_name(Precision precision);
/// The precision of this name. Throws vidgen::Error when there is none.
Precision parse_precision(const std::string& name);
/// Whether a generator of float32 weights can be run in it on this machine.
bool can_compute(Precision precision, torch::Device device);

struct CompileOptions {
  Precision precision = Precision::kAuto;
  torch::Device device = torch::kCPU;
  /// CUDA only: the layers are recorded as a CUDA graph when a count of frames comes the second
  /// time, and replayed from then on, one launch instead of one for each layer. At most four
  /// counts are, each of which keeps its memory, with LibTorch's settings (TF32) of that moment.
  /// While one is recorded no other thread may wait for the whole device.
  bool cuda_graph = true;
};

class Executor;
struct Playable;

/// A trained generator, ready to play. Needs nothing but the file. What training needs is gone:
/// batch normalisation is part of the weights, which lie as the kernels want them. The pictures are
/// those of the network up to rounding. Copies share the weights; several threads may use one.
class CompiledGenerator {
 public:
  /// From a weights file, a checkpoint or a run's folder. Throws vidgen::Error naming the file and
  /// what is wrong with it, and for a precision that the file or the machine does not have.
  static CompiledGenerator load(const std::filesystem::path& run_or_file,
                                const CompileOptions& options = {});
  /// From a file that was read already; throws as load() does.
  explicit CompiledGenerator(const checkpoint::Checkpoint& checkpoint,
                             const CompileOptions& options = {});
  /// From a network, as it is in evaluation mode; it is copied.
  CompiledGenerator(const models::VideoGenerator& network, const models::ClipShape& shape,
                    std::vector<std::string> class_names = {}, const CompileOptions& options = {});

  /// uint8 RGB [count, frames, size, size, 3] on the CPU. Throws vidgen::Error for a class that it
  /// was not trained on.
  torch::Tensor render(const RenderOptions& options) const;
  /// The same clips into a sink, whose finish() is left to the caller: more may follow. Memory as
  /// that of Rendering. Throws as render(), and as the sink does.
  void render(const RenderOptions& options, video::VideoSink& sink) const;
  /// The same clips a part at a time. Throws as render().
  Rendering rendering(const RenderOptions& options) const;

  /// Latents [M,latent_dim], of which each `frames_of_a_clip` rows are one clip (counts for
  /// attention over time only) -> pictures float32 [M,C,S,S] in [-1,1] on the device: an inference
  /// tensor (c10::InferenceMode).
  torch::Tensor frames(const torch::Tensor& z, int64_t frames_of_a_clip = 1) const;

  /// One clip without end, frame by frame. Throws vidgen::Error for a class that it was not trained
  /// on, and where frames look at the others of their clip (attention_axes: space_time).
  Stream stream(const StreamOptions& options = {}) const;
  /// Whether stream() has an answer.
  bool can_stream() const;

  /// What it was trained on; fps is 25 when that is not known.
  const models::ClipShape& shape() const { return shape_; }
  /// The classes that it was trained on; none where clips had none.
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// Never kAuto.
  Precision precision() const { return precision_; }
  /// Numbers in the network's parameters.
  int64_t parameters() const { return parameters_; }

 private:
  CompiledGenerator(const Playable& parts, const models::ClipShape& shape,
                    std::vector<std::string> class_names, const CompileOptions& options);

  /// The place of a class among the names.
  int64_t class_index(const std::string& name) const;
  /// What clips are asked to be: of these classes in turn, or of all that there are.
  models::ConditionSampler conditions(const std::vector<std::string>& classes) const;

  /// Without the frame generator, which the executor is.
  models::VideoGenerator latents_;
  std::shared_ptr<const Executor> executor_;
  models::ClipShape shape_;
  std::vector<std::string> class_names_;
  Precision precision_ = Precision::kFloat32;
  int64_t parameters_ = 0;
};

}  // namespace vidgen::infer
