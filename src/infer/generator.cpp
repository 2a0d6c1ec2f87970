#include "vidgen/infer/generator.h"

#include <algorithm>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/core/error.h"
#include "vidgen/core/text.h"
#include "vidgen/models/pixels.h"

namespace vidgen::infer {

Generator Generator::load(const std::filesystem::path& run_or_file, torch::Device device) {
  return Generator(checkpoint::read_checkpoint(checkpoint::find_checkpoint(run_or_file)), device);
}

Generator::Generator(const checkpoint::Checkpoint& checkpoint, torch::Device device)
    : network_(checkpoint::load_generator(checkpoint)),
      shape_(checkpoint.clip),
      class_names_(checkpoint::model_options(checkpoint).class_names) {
  network_->to(device);
  if (shape_.fps <= 0) shape_.fps = 25;
}

torch::Tensor Generator::labels(const RenderOptions& options) const {
  const auto turns = models::labels_in_turn(network_->options.classes, options.count);
  if (options.classes.empty()) return turns;
  if (class_names_.empty()) {
    throw Error(core::cat("class ", options.classes.front(),
                          ": this generator was trained without classes"));
  }
  std::vector<int64_t> chosen;
  for (const auto& name : options.classes) {
    const auto found = std::find(class_names_.begin(), class_names_.end(), name);
    if (found == class_names_.end()) {
      throw Error(core::cat("class ", name,
                            ": this generator has none of that name, expected some of ",
                            core::join(class_names_)));
    }
    chosen.push_back(found - class_names_.begin());
  }
  const auto count = static_cast<int64_t>(chosen.size());
  return torch::tensor(chosen, torch::kLong)
      .index_select(0, models::labels_in_turn(count, options.count));
}

torch::Tensor Generator::render(const RenderOptions& options) const {
  const int64_t frames = options.frames > 0 ? options.frames : shape_.frames;
  auto latents =
      models::sample_latents(network_->options.temporal, options.count, frames, options.seed);
  latents.labels = labels(options);
  for (auto* part : {&latents.content, &latents.noise, &latents.initial})
    *part = *part * options.truncation;
  return models::render(network_, latents, options.batch);
}

}  // namespace vidgen::infer
