#include "vidgen/export/export.h"

#include <algorithm>

#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/version.h"
#include "vidgen/graph/rewrite.h"
#include "vidgen/nn/motion.h"
#include "writers.h"

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

/// [B,T,C,S,S].
torch::Tensor clips_of(const infer::Playable& generator, const models::Latents& latents,
                       int64_t frames) {
  auto network = generator.network;
  if (generator.int8.empty()) return network->forward(latents).transpose(1, 2).contiguous();
  const auto z = network->frame_latents(latents);
  return infer::run_plan_int8(generator.plan, generator.int8, z, frames)
      .contiguous()
      .unflatten(0, {latents.content.size(0), frames});
}

bool attends_over_time(const infer::Plan& plan) {
  return std::any_of(plan.begin(), plan.end(), [](const infer::Layer& layer) {
    return layer.kind == infer::Layer::Kind::kAttention &&
           layer.attention->options.axes == nn::AttentionAxes::kSpaceTime;
  });
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

Exporter::Exporter(const checkpoint::Checkpoint& checkpoint)
    : source_{infer::load_playable(checkpoint), checkpoint.clip},
      path_(checkpoint.path),
      class_names_(checkpoint::model_options(checkpoint).class_names) {}

void Exporter::check(const ExportOptions& options) const {
  if (options.step && attends_over_time(source_.generator.plan)) {
    throw Error(
        core::cat(path_.string(),
                  ": its frames look at each other (model.generator.attention_axes: "
                  "space_time), so that none can be made by itself; export without --step"));
  }
  if (!options.step && source_.generator.network->options.temporal.motion_dim == 0) {
    throw Error(core::cat(path_.string(),
                          ": nothing moves in its clips (model.temporal.motion_dim: 0), all frames "
                          "are the same; export with --step"));
  }
}

void Exporter::write(const ExportOptions& options, const std::filesystem::path& out) const {
  check(options);
  const torch::NoGradGuard no_grad;
  const auto graph = options.step ? step_graph(source_) : clip_graph(source_);
  const core::Json description{{"version", core::version()},
                               {"model", options.step ? "step" : "clips"},
                               {"frames", source_.shape.frames},
                               {"fps", source_.shape.fps},
                               {"class_names", class_names_}};
  core::AtomicFile file(out);
  file.write(options.format == ExportFormat::kTorchScript ? to_torchscript(graph, description)
                                                          : to_onnx(graph, description));
  file.commit();
}

checkpoint::Tensors Exporter::example(const ExportOptions& options,
                                      const ExportExampleOptions& example) const {
  check(options);
  const torch::NoGradGuard no_grad;
  auto network = source_.generator.network;
  const auto& temporal = network->options.temporal;
  const int64_t frames = example.frames > 0 ? example.frames : source_.shape.frames;
  auto latents = models::sample_latents(temporal, example.clips, frames, example.seed);
  latents.condition = models::ConditionSampler(network->options.condition).in_turn(example.clips);

  // All that a generator may read, of which it is given what it reads.
  std::map<std::string, torch::Tensor> known{{"content", latents.content},
                                             {"noise", latents.noise},
                                             {"initial", latents.initial},
                                             {"times", torch::arange(frames, torch::kFloat)}};
  latents.condition.for_each(
      [&known](const char* name, const torch::Tensor& part) { known[name] = part; });
  if (options.step) {
    known["state"] = first_state(network->options, latents);
    // What the state holds of it is not given again.
    known["noise"] = latents.noise.narrow(1, latents.noise.size(1) - frames, frames).contiguous();
  }
  checkpoint::Tensors tensors;
  const auto graph = options.step ? step_graph(source_) : clip_graph(source_);
  for (const auto& input : graph.inputs()) tensors["input." + input.name] = known.at(input.name);
  tensors["output.clips"] = clips_of(source_.generator, latents, frames);
  return tensors;
}

}  // namespace vidgen::exporting
