#pragma once

#include <torch/types.h>

#include <memory>
#include <string>
#include <vector>

#include "vidgen/core/fields.h"
#include "vidgen/graph/graph.h"

namespace vidgen::nn {

/// "model.temporal"; fields() describes each.
struct TemporalOptions {
  /// One of motion_types().
  std::string type = "gru_cell";
  int64_t content_dim = 50;
  /// Also of the noise that motion is made from.
  int64_t motion_dim = 10;
  int64_t hidden = 64;
  int64_t layers = 1;
  int64_t kernel = 11;
};

void fields(core::FieldVisitor& visitor, TemporalOptions& options);

/// Throws core::FieldError, naming keys under `path`, when the fields do not fit together.
void validate(const TemporalOptions& options, const std::string& path);

/// Frames of noise that a path of `frames` frames is made from: as many, and for some types those
/// more that it looks at.
int64_t noise_frames(const TemporalOptions& options, int64_t frames);

/// What the paths of B clips are made from.
struct MotionNoise {
  /// [B,noise_frames(T),D], a row for each frame.
  torch::Tensor noise;
  /// [B,D], of the clip.
  torch::Tensor initial;
};

/// Where a path stands that is made piece by piece; a new one stands before frame 0.
struct MotionState {
  /// Frames that were made.
  int64_t frame = 0;
  /// What the motion remembers of them; its size does not grow with them.
  std::vector<torch::Tensor> memory{};
};

/// The values of a graph that a path is made from; those that a type does not read are empty.
struct MotionInputs {
  /// [B,T,D].
  graph::Value noise;
  /// [B,D].
  graph::Value initial;
  /// [B,N], as MotionType::first_state() says. Empty: a whole clip from its first frame on.
  /// Otherwise T is 1.
  graph::Value state;
};

struct MotionOutputs {
  /// [B,T,D].
  graph::Value path;
  /// What `state` is for the next frame, where there was one.
  graph::Value state{};
};

/// How noise becomes a motion path, one code of length D a frame. A type that has weights is a
/// torch::nn::Module too.
class Motion {
 public:
  virtual ~Motion() = default;

  /// The next `frames` rows of the path, [B,frames,D], which a new state begins. `noise` has the
  /// rows that no frame before needed: noise_frames() for the first, and as many as there are
  /// frames for those that follow.
  virtual torch::Tensor next(const MotionNoise& noise, int64_t frames, MotionState& state) = 0;
  /// The next row alone, [B,D], however far the path went.
  virtual torch::Tensor next_row(const MotionNoise& noise, MotionState& state) {
    return next(noise, 1, state).select(1, 0);
  }
  /// The same as operations. Weights are called after the modules in "temporal".
  virtual MotionOutputs describe(graph::Graph& graph, const MotionInputs& inputs) const = 0;
};

/// What is known of a type of motion without its weights.
struct MotionType {
  std::string name;
  bool reads_noise = true;
  bool reads_initial = false;
  /// What D is a multiple of.
  int64_t unit = 1;
  /// Throws core::FieldError, naming keys under `path`.
  void (*validate)(const TemporalOptions& options, const std::string& path);
  /// Frames of noise that are read beyond those of the path.
  int64_t (*more_noise)(const TemporalOptions& options);
  /// Numbers that are learned, without biases.
  int64_t (*weights)(const TemporalOptions& options);
  /// What `state` is for the first frame of clips, [B,N]; undefined for a type without one.
  torch::Tensor (*first_state)(const TemporalOptions& options, const MotionNoise& noise);
  std::shared_ptr<Motion> (*make)(const TemporalOptions& options);
};

/// All of them, in the order they are shown.
const std::vector<MotionType>& motion_types();
/// The one that the options name, which must be there.
const MotionType& motion_type(const TemporalOptions& options);

}  // namespace vidgen::nn
