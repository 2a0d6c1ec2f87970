#pragma once

#include <ATen/core/Generator.h>
#include <torch/types.h>

#include <string>
#include <vector>

#include "vidgen/data/loader.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/train/options.h"

namespace vidgen::train {

/// What one batch of a step computes on; the rest is a function of it and of the weights.
struct StepInputs {
  /// Empty where there are no discriminators.
  data::Batch real;
  /// The frames of the real clips that are looked at: int64 [B,k]; undefined: all of them. Those of
  /// the generated ones are latents.timestamps.
  torch::Tensor real_timestamps;
  /// With the condition of the real clips: generated ones are asked to be the same. Without real
  /// clips each class is as likely.
  models::Latents latents;
  /// Of each discriminator, the frames that it sees of real and of generated clips: int64 [B,k];
  /// undefined for one that sees whole clips.
  std::vector<torch::Tensor> real_frames;
  std::vector<torch::Tensor> fake_frames;
  /// Of each discriminator, where between a real and a generated sample loss.gradient_penalty is
  /// taken: float32 in [0,1), one for each frame or clip that it scores; empty without that
  /// penalty.
  std::vector<torch::Tensor> mix;
  /// How the clips are augmented; undefined without augmentation.
  AugmentDraws real_augment, fake_augment;

  /// On the device. Does not wait for it: what is on the CPU goes through page-locked memory.
  StepInputs to(torch::Device device) const;
  /// Copies the values of inputs of the same shapes into these tensors.
  void copy_(const StepInputs& other);

 private:
  /// Those that are defined, always in the same order.
  std::vector<torch::Tensor*> tensors();
};

/// Draws what is random in a step: a function of the run's seed and the step's number.
class StepDraws {
 public:
  /// Refers to the options.
  StepDraws(const RunOptions& options, int64_t step);
  /// The inputs of the step's next batch, drawn on the CPU.
  StepInputs next(data::Batch real);

 private:
  std::vector<torch::Tensor> draw_frames();
  torch::Tensor draw_timestamps();
  std::vector<torch::Tensor> draw_mix(const std::vector<torch::Tensor>& frames);

  const RunOptions& options_;
  at::Generator latents_;
  at::Generator frames_;
  at::Generator timestamps_;
  at::Generator condition_;
  at::Generator mix_;
  at::Generator augment_;
};

/// A CPU generator for what is random under one name in one step.
at::Generator random_stream(int64_t seed, const std::string& purpose, int64_t step);

}  // namespace vidgen::train
