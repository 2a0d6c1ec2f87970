#include "vidgen/train/step_inputs.h"

#include <ATen/CPUGeneratorImpl.h>

#include <utility>

#include "vidgen/core/random.h"
#include "vidgen/models/discriminator.h"

namespace vidgen::train {

at::Generator random_stream(int64_t seed, const std::string& purpose, int64_t step) {
  const uint64_t base = core::derive_seed(static_cast<uint64_t>(seed), purpose);
  return at::detail::createCPUGenerator(
      core::CounterRandom(base, static_cast<uint64_t>(step)).next());
}

std::vector<torch::Tensor*> StepInputs::tensors() {
  std::vector<torch::Tensor*> all{&real.clips,        &real.mirror,   &real_timestamps,
                                  &latents.content,   &latents.noise, &latents.initial,
                                  &latents.timestamps};
  for (auto* condition : {&real.condition, &latents.condition}) {
    condition->for_each([&all](const char*, torch::Tensor& part) { all.push_back(&part); });
  }
  for (auto* list : {&real_frames, &fake_frames, &mix}) {
    for (auto& tensor : *list) all.push_back(&tensor);
  }
  for (auto* draws : {&real_augment, &fake_augment}) {
    all.insert(all.end(), {&draws->color, &draws->translation, &draws->cutout, &draws->chance});
  }
  std::vector<torch::Tensor*> defined;
  for (auto* tensor : all) {
    if (tensor->defined()) defined.push_back(tensor);
  }
  return defined;
}

StepInputs StepInputs::to(torch::Device device) const {
  StepInputs moved = *this;
  for (auto* tensor : moved.tensors()) {
    // From pageable memory a copy to the GPU would wait until all work before it is done.
    const bool lock = device.is_cuda() && tensor->is_cpu() && !tensor->is_pinned();
    *tensor = (lock ? tensor->pin_memory() : *tensor).to(device, /*non_blocking=*/true);
  }
  return moved;
}

void StepInputs::copy_(const StepInputs& other) {
  StepInputs source = other;
  const auto from = source.tensors(), into = tensors();
  TORCH_CHECK(from.size() == into.size(), "expected ", into.size(), " inputs, found ", from.size());
  for (size_t i = 0; i < into.size(); ++i) {
    TORCH_CHECK(from[i]->sizes() == into[i]->sizes(), "expected an input ", into[i]->sizes(),
                ", found ", from[i]->sizes());
    into[i]->copy_(*from[i], /*non_blocking=*/true);
  }
}

StepDraws::StepDraws(const RunOptions& options, int64_t step)
    : options_(options),
      latents_(random_stream(options.train.seed, "latent", step)),
      frames_(random_stream(options.train.seed, "frames", step)),
      timestamps_(random_stream(options.train.seed, "times", step)),
      condition_(random_stream(options.train.seed, "labels", step)),
      mix_(random_stream(options.train.seed, "mix", step)),
      augment_(random_stream(options.train.seed, "augment", step)) {}

std::vector<torch::Tensor> StepDraws::draw_frames() {
  std::vector<torch::Tensor> indices;
  for (const auto& discriminator : options_.model.discriminators) {
    indices.push_back(discriminator.takes_frames()
                          ? models::draw_frame_indices(options_.train.batch_size,
                                                       seen_shape(options_).frames,
                                                       discriminator.frames, frames_)
                          : torch::Tensor());
  }
  return indices;
}

torch::Tensor StepDraws::draw_timestamps() {
  if (options_.train.frames == 0) return {};
  return models::draw_timestamps(options_.train.batch_size, options_.data.frames,
                                 options_.train.frames, timestamps_);
}

std::vector<torch::Tensor> StepDraws::draw_mix(const std::vector<torch::Tensor>& frames) {
  std::vector<torch::Tensor> mix;
  if (options_.loss.gradient_penalty == 0) return mix;
  for (const auto& indices : frames) {
    const int64_t samples = indices.defined() ? indices.numel() : options_.train.batch_size;
    mix.push_back(torch::rand({samples}, mix_));
  }
  return mix;
}

StepInputs StepDraws::next(data::Batch real) {
  StepInputs inputs;
  inputs.real = std::move(real);
  inputs.real_timestamps = draw_timestamps();
  inputs.real_frames = draw_frames();
  inputs.latents = models::draw_latents(options_.model.temporal, options_.train.batch_size,
                                        options_.data.frames, latents_);
  inputs.latents.timestamps = draw_timestamps();
  inputs.latents.condition = options_.is_adversarial()
                                 ? inputs.real.condition
                                 : models::ConditionSampler(options_.model.condition())
                                       .at_random(options_.train.batch_size, condition_);
  inputs.fake_frames = draw_frames();
  inputs.mix = draw_mix(inputs.real_frames);
  if (options_.augment.enabled()) {
    inputs.real_augment = draw_augment(options_.train.batch_size, augment_);
    inputs.fake_augment = draw_augment(options_.train.batch_size, augment_);
  }
  return inputs;
}

}  // namespace vidgen::train
