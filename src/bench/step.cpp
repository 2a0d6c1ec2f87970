#include "training.h"
#include "vidgen/bench/bench.h"
#include "vidgen/core/files.h"
#include "vidgen/models/pixels.h"

namespace vidgen::bench {
namespace {

using core::cat;

void add_state(checkpoint::Tensors& out, const std::string& prefix, train::GanStep& gan) {
  checkpoint::StateSaver state;
  gan.visit(state);
  for (const auto& [name, tensor] : state.tensors)
    out[prefix + name] = tensor.detach().to(torch::kCPU).contiguous().clone();
}

/// What the step computed on: all but the clips is a function of the seed and the step, so it can
/// be drawn again.
void add_inputs(checkpoint::Tensors& out, const train::StepInputs& inputs) {
  if (inputs.real.clips.defined()) {
    out["in.clips"] = models::mirror_clips(inputs.real.clips, inputs.real.mirror);
  }
  out["in.content"] = inputs.latents.content;
  out["in.noise"] = inputs.latents.noise;
  out["in.initial"] = inputs.latents.initial;
  if (inputs.real_timestamps.defined()) {
    out["in.times.real"] = inputs.real_timestamps;
    out["in.times.fake"] = inputs.latents.timestamps;
  }
  inputs.latents.condition.for_each(
      [&out](const char* name, const torch::Tensor& part) { out[cat("in.", name)] = part; });
  const auto add_frames = [&out](const char* turn, const std::vector<torch::Tensor>& frames) {
    for (size_t i = 0; i < frames.size(); ++i) {
      if (frames[i].defined()) out[cat("in.frames.", turn, ".", i)] = frames[i];
    }
  };
  add_frames("real", inputs.real_frames);
  add_frames("fake", inputs.fake_frames);
  for (size_t i = 0; i < inputs.mix.size(); ++i) out[cat("in.mix.", i)] = inputs.mix[i];
  const auto add_augment = [&out](const char* turn, const train::AugmentDraws& draws) {
    if (!draws.chance.defined()) return;
    out[cat("in.augment.", turn, ".color")] = draws.color;
    out[cat("in.augment.", turn, ".translation")] = draws.translation;
    out[cat("in.augment.", turn, ".cutout")] = draws.cutout;
    out[cat("in.augment.", turn, ".chance")] = draws.chance;
  };
  add_augment("real", inputs.real_augment);
  add_augment("fake", inputs.fake_augment);
}

}  // namespace

void write_step(const train::RunOptions& options, const std::filesystem::path& out) {
  if (options.train.accumulate != 1) {
    throw Error(
        cat("train.accumulate: found ", options.train.accumulate, ", expected 1 to write a step"));
  }
  core::check_can_create(out);
  Training training(options);
  checkpoint::Tensors tensors;
  add_state(tensors, "before.", *training.gan);
  auto clips = training.loader ? training.loader->next() : data::Batch();
  add_inputs(tensors, train::StepDraws(options, 0).next(clips));
  training.gan->run(0, [&] { return clips; });
  training.gan->calibrate();  // as before a checkpoint
  add_state(tensors, "after.", *training.gan);
  const auto metrics = training.gan->metrics().to(torch::kCPU);
  for (size_t i = 0; i < training.gan->metric_names().size(); ++i) {
    tensors["metric." + training.gan->metric_names()[i]] = metrics[static_cast<int64_t>(i)].clone();
  }
  checkpoint::write_safetensors(out, tensors, {});
}

}  // namespace vidgen::bench
