#include "vidgen/infer/export.h"

#include "graph.h"
#include "onnx_writer.h"
#include "torchscript_writer.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/version.h"

namespace vidgen::infer {
namespace {

std::unique_ptr<GraphWriter> make_graph_writer(ExportFormat format) {
  if (format == ExportFormat::kTorchScript) return std::make_unique<TorchScriptWriter>();
  return std::make_unique<OnnxWriter>();
}

/// [B,T,C,S,S].
torch::Tensor clips_of(const Playable& generator, const models::Latents& latents, int64_t frames) {
  auto network = generator.network;
  if (generator.int8.empty()) return network->forward(latents).transpose(1, 2).contiguous();
  const auto z = network->frame_latents(latents);
  return run_plan_int8(generator.plan, generator.int8, z, frames)
      .contiguous()
      .unflatten(0, {latents.content.size(0), frames});
}

bool attends_over_time(const Plan& plan) {
  for (const auto& layer : plan) {
    if (layer.kind == Layer::Kind::kAttention &&
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
  source_->generator = load_playable(checkpoint);
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
  const auto writer = make_graph_writer(options.format);
  if (options.step) {
    write_step_graph(*source_, *writer);
  } else {
    write_clip_graph(*source_, *writer);
  }
  core::AtomicFile file(out);
  file.write(writer->finish({{"version", core::version()},
                             {"model", options.step ? "step" : "clips"},
                             {"frames", source_->shape.frames},
                             {"fps", source_->shape.fps},
                             {"class_names", class_names_}}));
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

  checkpoint::Tensors tensors;
  if (temporal.content_dim > 0) tensors["input.content"] = latents.content;
  latents.condition.for_each([&tensors](const char* name, const torch::Tensor& part) {
    tensors[core::cat("input.", name)] = part;
  });
  if (reads_noise(temporal)) tensors["input.noise"] = latents.noise;
  if (options.step) {
    const int64_t objects = network->options.frame.objects;
    auto each = latents;
    each.noise = models::of_objects(latents.noise, objects);
    each.initial = models::of_objects(latents.initial, objects);
    const auto state = first_state(models::of_object(temporal, objects), each);
    if (state.defined()) tensors["input.state"] = state.reshape({example.clips, -1});
    // What the state holds of it is not given again.
    if (reads_noise(temporal)) {
      tensors["input.noise"] =
          latents.noise.narrow(1, latents.noise.size(1) - frames, frames).contiguous();
    }
  } else {
    if (reads_initial(temporal)) tensors["input.initial"] = latents.initial;
    if (temporal.type == nn::TemporalType::kWaves) {
      tensors["input.times"] = torch::arange(frames, torch::kFloat);
    }
  }
  tensors["output.clips"] = clips_of(source_->generator, latents, frames);
  return tensors;
}

}  // namespace vidgen::infer
