#include "training.h"
#include "vidgen/bench/bench.h"
#include "vidgen/core/files.h"

namespace vidgen::bench {
namespace {

using core::cat;

void add_state(checkpoint::Tensors& out, const std::string& prefix, train::GanStep& gan) {
  checkpoint::StateSaver state;
  gan.visit(state);
  for (const auto& [name, tensor] : state.tensors)
    out[prefix + name] = tensor.detach().to(torch::kCPU).contiguous().clone();
}

/// What the step drew: it is a function of the seed and the step, so it can be drawn again.
void add_draws(checkpoint::Tensors& out, const train::RunOptions& options) {
  const int64_t clips = options.train.batch_size;
  const int64_t frames = options.data.frames;
  auto latent = train::random_stream(options.train.seed, "latent", 0);
  const auto latents = models::draw_latents(options.model.temporal, clips, frames, latent);
  out["in.content"] = latents.content;
  out["in.noise"] = latents.noise;
  out["in.initial"] = latents.initial;
  auto stream = train::random_stream(options.train.seed, "frames", 0);
  for (const char* turn : {"real", "fake"}) {
    for (size_t i = 0; i < options.model.discriminators.size(); ++i) {
      const auto& discriminator = options.model.discriminators[i];
      if (discriminator.type != models::DiscriminatorType::kFrame) continue;
      out[cat("in.frames.", turn, ".", i)] =
          models::draw_frame_indices(clips, frames, discriminator.frames, stream);
    }
  }
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
  add_draws(tensors, options);
  training.gan->run(0, [&] { return tensors["in.clips"] = training.loader->next(); });
  add_state(tensors, "after.", *training.gan);
  const auto metrics = training.gan->metrics().to(torch::kCPU);
  for (size_t i = 0; i < training.gan->metric_names().size(); ++i) {
    tensors["metric." + training.gan->metric_names()[i]] = metrics[static_cast<int64_t>(i)].clone();
  }
  checkpoint::write_safetensors(out, tensors, {});
}

}  // namespace vidgen::bench
