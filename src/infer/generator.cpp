#include "vidgen/infer/generator.h"

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/models/pixels.h"

namespace vidgen::infer {

Generator Generator::load(const std::filesystem::path& run_or_file, torch::Device device) {
  const auto checkpoint = checkpoint::read_checkpoint(checkpoint::find_checkpoint(run_or_file));
  auto network = checkpoint::load_generator(checkpoint);
  network->to(device);
  auto shape = checkpoint.clip;
  if (shape.fps <= 0) shape.fps = 25;
  return Generator(std::move(network), shape);
}

torch::Tensor Generator::render(const RenderOptions& options) const {
  const int64_t frames = options.frames > 0 ? options.frames : shape_.frames;
  auto latents =
      models::sample_latents(network_->options.temporal, options.count, frames, options.seed);
  for (auto* part : {&latents.content, &latents.noise, &latents.initial})
    *part = *part * options.truncation;
  return models::render(network_, latents, options.batch);
}

}  // namespace vidgen::infer
