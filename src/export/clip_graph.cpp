#include "vidgen/export/clip_graph.h"

#include "vidgen/graph/rewrite.h"
#include "vidgen/nn/motion.h"

namespace vidgen::exporting {
namespace {

using graph::each_clip;
using graph::each_frame;
using graph::Graph;
using graph::Value;

/// All is computed as if each object of a clip were a clip.
class GeneratorDescription {
 public:
  explicit GeneratorDescription(const GraphSource& source)
      : source_(source),
        options_(source.generator.network->options),
        slots_(options_.frame.slots),
        temporal_(models::options_of_slot(options_.temporal, slots_)),
        type_(nn::motion_type(temporal_)) {}

  Graph clips();
  Graph step();

 private:
  /// [M,latent_dim] -> [M,C,S,S].
  Value frames(Value z) {
    return source_.generator.network->frame_generator().describe(graph_, z, "frame");
  }
  /// The graph in operations that all know, with the weights of the file.
  Graph finished() const;
  /// An input [B,slots*dim] of clips, as [B*slots,dim].
  Value input(const std::string& name, int64_t dim);
  /// An input [B,T,slots*dim] of clips, as [B*slots,T,dim].
  Value frames_input(const std::string& name, const graph::Extent& frames, int64_t dim);
  /// `content` and the numbers of the condition, [B,D] each; inputs are asked for.
  std::vector<Value> kept();
  nn::MotionOutputs describe_motion(const nn::MotionInputs& inputs) {
    return source_.generator.network->motion_module().describe(graph_, inputs);
  }
  bool reads_noise() const { return type_.reads_noise && temporal_.motion_dim > 0; }
  int64_t state_size() const;

  const GraphSource& source_;
  const models::VideoGeneratorOptions& options_;
  const int64_t slots_;
  /// Of an object.
  const nn::TemporalOptions temporal_;
  const nn::MotionType& type_;
  Graph graph_;
};

Value GeneratorDescription::input(const std::string& name, int64_t dim) {
  const Value clips = graph_.input(name, torch::kFloat, {each_clip(), slots_ * dim});
  return slots_ == 1 ? clips : graph_.reshape(clips, {each_clip(slots_), dim});
}

Value GeneratorDescription::frames_input(const std::string& name, const graph::Extent& frames,
                                         int64_t dim) {
  const Value clips = graph_.input(name, torch::kFloat, {each_clip(), frames, slots_ * dim});
  if (slots_ == 1) return clips;
  const Value parts = graph_.reshape(clips, {each_clip(), frames, slots_, dim});
  return graph_.reshape(graph_.transpose(parts, {0, 2, 1, 3}), {each_clip(slots_), frames, dim});
}

std::vector<Value> GeneratorDescription::kept() {
  std::vector<Value> parts;
  if (temporal_.content_dim > 0) parts.push_back(input("content", temporal_.content_dim));
  if (const auto* encoder = source_.generator.network->condition_encoder()) {
    // A clip's slots are all asked to be the same.
    const std::vector<Value> each(static_cast<size_t>(slots_), encoder->describe(graph_));
    parts.push_back(
        graph_.reshape(graph_.concatenate(each, 1), {each_clip(slots_), encoder->dim()}));
  }
  return parts;
}

int64_t GeneratorDescription::state_size() const {
  const nn::MotionNoise one{torch::empty({1, nn::noise_frames(temporal_, 1), temporal_.motion_dim}),
                            torch::empty({1, temporal_.motion_dim})};
  const auto state = type_.first_state(temporal_, one);
  return state.defined() ? state.size(1) : 0;
}

Graph GeneratorDescription::clips() {
  auto parts = kept();
  nn::MotionInputs inputs;
  if (reads_noise()) {
    inputs.noise =
        frames_input("noise", each_frame(nn::noise_frames(temporal_, 0)), temporal_.motion_dim);
  }
  if (type_.reads_initial) inputs.initial = input("initial", temporal_.motion_dim);
  const Value path = describe_motion(inputs).path;
  if (!parts.empty()) {
    const Value still = graph_.reshape(graph_.concatenate(parts, 1),
                                       {each_clip(slots_), 1, options_.frame.clip_dim});
    parts = {graph_.repeat_frames(still)};
  }
  parts.push_back(path);
  Value z = graph_.concatenate(parts, 2);
  const int64_t latent_dim = options_.frame.latent_dim;
  if (slots_ > 1) {
    const auto by_object =
        graph_.reshape(z, {each_clip(), slots_, each_frame(), latent_dim / slots_});
    z = graph_.transpose(by_object, {0, 2, 1, 3});
  }
  const auto& shape = source_.shape;
  const Value pictures = frames(graph_.reshape(z, {-1, latent_dim}));
  graph_.output("clips", graph_.reshape(pictures, {each_clip(), each_frame(), shape.channels,
                                                   shape.size, shape.size}));
  return finished();
}

Graph GeneratorDescription::step() {
  auto parts = kept();
  const int64_t dim = temporal_.motion_dim, size = state_size();
  nn::MotionInputs inputs;
  if (reads_noise())
    inputs.noise = graph_.reshape(input("noise", dim), {each_clip(slots_), 1, dim});
  if (size > 0) inputs.state = input("state", size);
  nn::MotionOutputs motion;
  if (dim > 0) {
    motion = describe_motion(inputs);
    parts.push_back(graph_.reshape(motion.path, {each_clip(slots_), dim}));
  }
  const Value z =
      graph_.reshape(graph_.concatenate(parts, 1), {each_clip(), options_.frame.latent_dim});
  graph_.output("frame", frames(z));
  if (size > 0)
    graph_.output("next_state", graph_.reshape(motion.state, {each_clip(), slots_ * size}));
  return finished();
}

Graph GeneratorDescription::finished() const {
  const auto& [network, plan, int8, weights] = source_.generator;
  return graph::expanded(
      infer::with_int8(graph::with_constants(graph::fold_batch_norm(graph_), weights), int8));
}

}  // namespace

graph::Graph clip_graph(const GraphSource& source) { return GeneratorDescription(source).clips(); }

graph::Graph step_graph(const GraphSource& source) { return GeneratorDescription(source).step(); }

torch::Tensor first_state(const models::VideoGeneratorOptions& options,
                          const models::Latents& latents) {
  const int64_t slots = options.frame.slots;
  const auto temporal = models::options_of_slot(options.temporal, slots);
  const auto state = nn::motion_type(temporal).first_state(
      temporal,
      {models::split_slots(latents.noise, slots), models::split_slots(latents.initial, slots)});
  if (!state.defined()) return {};
  return state.reshape({latents.initial.size(0), slots * state.size(1)});
}

}  // namespace vidgen::exporting
