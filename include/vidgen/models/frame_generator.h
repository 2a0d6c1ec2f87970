#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <string>
#include <vector>

#include "vidgen/graph/graph.h"
#include "vidgen/models/options.h"
#include "vidgen/nn/stages.h"

namespace vidgen::models {

/// The options of the model with what follows from the rest of it.
struct FrameGeneratorOptions : GeneratorOptions {
  /// Two stages of hidden channels.
  FrameGeneratorOptions() { widths = {128, 64}; }

  /// D, the length of a latent.
  int64_t latent_dim = 100;
  /// With warp_resolution: what a clip keeps of its latents, or of a slot's part of them, the
  /// first numbers. The stages up to there are computed once a clip, from these.
  int64_t clip_dim = 0;
  /// Whether the last hidden stage has the size of the picture already. Otherwise it has half the
  /// size, and the last layer doubles it.
  bool full_size_stage = false;
  /// Channels of the picture.
  int64_t channels = 3;

  /// What the first layer reads of a latent, or of a slot's part of it.
  int64_t first_dim() const { return warp_resolution > 0 ? clip_dim : latent_dim; }
};

/// What is known of a type of frame generator without its weights.
struct FrameGeneratorType {
  std::string name;
  /// Whether the last hidden stage has the size of the picture in any case.
  bool always_full_size;
  /// How often a training step keeps what its layers put out, measured on the recipes in configs/
  /// by the peak of a step in float32.
  double kept_copies;
  /// Numbers that a stage learns which doubles pictures, without biases, norms and what stands
  /// behind it.
  int64_t (*doubling_weights)(int64_t in, int64_t out);
  void (*add_layers)(const FrameGeneratorOptions& options, nn::Stages& stages);
};

/// What stands behind a hidden stage of `width` channels, where it is asked for.
void end_stage(const FrameGeneratorOptions& options, int64_t resolution, int64_t width,
               nn::Stages& stages);

FrameGeneratorType dcgan_frames();
FrameGeneratorType residual_frames();
/// All of them, in the order they are shown.
const std::vector<FrameGeneratorType>& frame_generator_types();
/// The one of this name, which must be there.
const FrameGeneratorType& frame_generator_type(const std::string& name);

/// Numbers that one learns, without biases and norms.
int64_t frame_generator_weights(const FrameGeneratorOptions& options);

/// From a latent to a picture in [-1,1], for any power-of-two size from 16 and any widths, with
/// self-attention where asked. Parameters: main.<i>.*, attention_<resolution>.*,
/// warp_<resolution>.*.
class FrameGeneratorImpl : public torch::nn::Cloneable<FrameGeneratorImpl> {
 public:
  explicit FrameGeneratorImpl(FrameGeneratorOptions options);

  /// z [M,D] or [M,D,1,1] -> [M,C,S,S]. Each `frames` rows are one clip, for attention over time
  /// and for warp_resolution. `stages`, if given, is filled with the hidden stages, 4x4 first.
  torch::Tensor forward(const torch::Tensor& z, int64_t frames = 1,
                        const nn::LayerObserver& observer = {}, nn::StageOutputs* stages = nullptr);
  /// The same of latents [M,D], on weights called after `name`.
  graph::Value describe(graph::Graph& graph, graph::Value z, const std::string& name) const;
  void reset() override;

  FrameGeneratorOptions options;

 private:
  nn::Stages stages_;
};
TORCH_MODULE(FrameGenerator);

}  // namespace vidgen::models
