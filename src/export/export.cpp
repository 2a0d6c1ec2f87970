#include "vidgen/export/export.h"

#include "onnx_writer.h"
#include "torchscript_writer.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/version.h"
#include "vidgen/export/clip_graph.h"

namespace vidgen::exporting {
namespace {

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
  for (const auto& layer : plan) {
    if (layer.kind == infer::Layer::Kind::kAttention &&
        layer.attention->options.axes == nn::AttentionAxes::kSpaceTime) {
      return true;
    }
  }
  return false;
}

}  // namespace

Exporter::Exporter(const checkpoint::Checkpoint& checkpoint)
    : source_(std::make_unique<GraphSource>()),
      path_(checkpoint.path),
      class_names_(checkpoint::model_options(checkpoint).class_names) {
  source_->generator = infer::load_playable(checkpoint);
  source_->shape = checkpoint.clip;
}

Exporter::~Exporter() = default;

void Exporter::check(const ExportOptions& options) const {
  if (options.step && attends_over_time(source_->generator.plan)) {
    throw Error(
        core::cat(path_.string(),
                  ": its frames look at each other (model.generator.attention_axes: "
                  "space_time), so that none can be made by itself; export without --step"));
  }
  if (!options.step && source_->generator.network->options.temporal.motion_dim == 0) {
    throw Error(core::cat(path_.string(),
                          ": nothing moves in its clips (model.temporal.motion_dim: 0), all frames "
                          "are the same; export with --step"));
  }
}

void Exporter::write(const ExportOptions& options, const std::filesystem::path& out) const {
  check(options);
  const torch::NoGradGuard no_grad;
  const auto graph = options.step ? step_graph(*source_) : clip_graph(*source_);
  const core::Json description{{"version", core::version()},
                               {"model", options.step ? "step" : "clips"},
                               {"frames", source_->shape.frames},
                               {"fps", source_->shape.fps},
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
  auto network = source_->generator.network;
  const auto& temporal = network->options.temporal;
  const int64_t frames = example.frames > 0 ? example.frames : source_->shape.frames;
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
  const auto graph = options.step ? step_graph(*source_) : clip_graph(*source_);
  for (const auto& input : graph.inputs()) tensors["input." + input.name] = known.at(input.name);
  tensors["output.clips"] = clips_of(source_->generator, latents, frames);
  return tensors;
}

}  // namespace vidgen::exporting
