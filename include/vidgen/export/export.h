#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/graph/graph.h"
#include "vidgen/infer/playable.h"
#include "vidgen/models/options.h"

/// A trained generator as a file that other programs run. doc/export.md shows how.
namespace vidgen::exporting {

/// What is described as a graph.
struct GraphSource {
  infer::Playable generator;
  models::ClipShape shape;
};

/// Latents -> clips [B,T,C,S,S] named `clips`, for any B and T. Inputs, of which those that the
/// generator does not read are left out: `content` [B,content_dim], `labels` [B] int64, `noise`
/// [B,noise_frames(T),motion_dim], `initial` [B,motion_dim] and what the motion adds, as sinusoidal
/// does `times` [T], the number of each frame. The generator must have a latent part that moves.
/// Layers in eight bits are floating point between steps to integers and back, which runtimes
/// replace by integer arithmetic where they have it.
graph::Graph clip_graph(const GraphSource& source);

/// The same a frame at a time: `content`, `labels`, `noise` [B,motion_dim] of the frame and `state`
/// [B,N] -> `frame` [B,C,S,S] and `next_state` [B,N]. The first state is first_state(). Frames of
/// the generator must not look at each other.
graph::Graph step_graph(const GraphSource& source);

/// What `state` is for the first frame of clips of these latents, [B,N]: for each of their slots
/// what its motion says, one behind the other. Undefined for a generator without one.
torch::Tensor first_state(const models::VideoGeneratorOptions& options,
                          const models::Latents& latents);

enum class ExportFormat {
  /// ONNX of operator set 17, for ONNX Runtime, OpenVINO, TensorRT and others.
  kOnnx,
  /// An archive that torch::jit::load and torch.jit.load read.
  kTorchScript
};

struct ExportOptions {
  ExportFormat format = ExportFormat::kOnnx;
  /// false: latents -> clips. true: the latents of one frame and the state of the motion -> the
  /// frame and the next state, for clips without an end.
  bool step = false;
};

struct ExportExampleOptions {
  int64_t clips = 2;
  /// Of each; 0: as many as the generator was trained on.
  int64_t frames = 0;
  uint64_t seed = 0;
};

/// Writes one generator in other formats. Inputs and outputs are the same in all of them, float32
/// but for labels (int64); B clips of T frames, C channels and S pixels a side:
///
/// clips: `content` [B,content_dim], `labels` [B], `noise` [B,noise_frames(T),motion_dim],
/// `initial` [B,motion_dim], `times` [T] -> `clips` [B,T,C,S,S] in [-1,1]. step: `content`,
/// `labels`, `noise` [B,motion_dim], `state` [B,N] -> `frame` [B,C,S,S], `next_state` [B,N].
///
/// What a generator does not read is no input of its file: `content` and `noise` of no length,
/// `labels` without classes, `initial` of other temporal modules than gru_cell and sinusoidal,
/// `times` (0, 1, 2, ...: the number of each frame) of all but sinusoidal, `noise` of it, `state`
/// of none.
class Exporter {
 public:
  /// Throws vidgen::Error as infer::load_playable() does.
  explicit Exporter(const checkpoint::Checkpoint& checkpoint);

  /// The file replaces `out` whole or not at all. Throws vidgen::Error, naming the checkpoint and
  /// why, for a generator that cannot be exported so: clips when nothing moves in them (motion_dim
  /// 0), or steps when its frames look at each other (attention over time).
  void write(const ExportOptions& options, const std::filesystem::path& out) const;

  /// What the file of these options must compute: a tensor `input.NAME` for each input and
  /// `output.clips` [B,T,C,S,S], computed by the network itself in float32, or by oneDNN's int8
  /// kernels for a quantised generator. For a step,
  /// `input.noise` holds the noise of all T steps, [B,T,motion_dim], `input.state` the first state,
  /// and `output.clips` all frames.
  checkpoint::Tensors example(const ExportOptions& options,
                              const ExportExampleOptions& example) const;

 private:
  void check(const ExportOptions& options) const;

  GraphSource source_;
  std::filesystem::path path_;
  std::vector<std::string> class_names_;
};

}  // namespace vidgen::exporting
