#include "vidgen/infer/generator.h"

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/models/pixels.h"

namespace vidgen::infer {

Generator Generator::load(const std::filesystem::path& run_or_file, torch::Device device) {
  return Generator(checkpoint::read_checkpoint(checkpoint::find_checkpoint(run_or_file)), device);
}

Generator::Generator(const checkpoint::Checkpoint& checkpoint, torch::Device device)
    : network_(checkpoint::load_generator(checkpoint)), shape_(checkpoint.clip) {
  network_->to(device);
  if (shape_.fps <= 0) shape_.fps = 25;
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
