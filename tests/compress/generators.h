#pragma once

#include <filesystem>

#include "support/random.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/models/video_generator.h"

/// Small generators of every kind of layer, with weights and statistics drawn at random.
namespace vidgen::compress {

inline const models::ClipShape kSmallClip{3, 4, 16, 25};

inline models::ModelOptions small_model(const std::string& type) {
  models::ModelOptions options;
  options.generator.type = type;
  // A stage at 4x4, one at 8x8 and one of full size.
  options.generator.widths = {16, 24, 8};
  options.generator.attention = {4, 8};
  options.temporal.content_dim = 4;
  options.temporal.motion_dim = 2;
  options.discriminators.resize(1);
  return options;
}

inline models::VideoGenerator random_generator(const models::ModelOptions& options,
                                               uint64_t seed = 1) {
  auto generator = models::make_generator(options, kSmallClip);
  const torch::NoGradGuard no_grad;
  auto random = test::random(seed);
  for (auto& parameter : generator->parameters()) parameter.normal_(0, 0.3, random);
  for (auto& item : generator->named_buffers()) {
    if (item.value().is_floating_point()) item.value().uniform_(0.5, 1.5, random);
  }
  generator->eval();
  return generator;
}

/// The parameters and buffers, by name.
inline checkpoint::Tensors tensors_of(const models::VideoGenerator& generator) {
  checkpoint::Tensors tensors;
  for (const auto& item : generator->named_parameters())
    tensors[item.key()] = item.value().detach().clone();
  for (const auto& item : generator->named_buffers()) tensors[item.key()] = item.value().clone();
  return tensors;
}

/// A weights file (not written) with those tensors.
inline checkpoint::Checkpoint weights_file(const models::ModelOptions& options,
                                           const checkpoint::Tensors& tensors) {
  checkpoint::Checkpoint file;
  file.path = "weights.safetensors";
  file.kind = checkpoint::Kind::kWeights;
  file.clip = kSmallClip;
  file.config = {{"model", core::write_fields(options)}};
  for (const auto& [name, tensor] : tensors) file.file.tensors["generator." + name] = tensor;
  return file;
}

inline torch::Tensor clips_of_seed(models::VideoGenerator generator, uint64_t seed = 3) {
  const torch::NoGradGuard no_grad;
  auto latents = models::sample_latents(generator->options.temporal, 2, kSmallClip.frames, seed);
  latents.condition = models::ConditionSampler(generator->options.condition).in_turn(2);
  return generator->forward(latents);
}

}  // namespace vidgen::compress
