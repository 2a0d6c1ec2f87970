#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/train/options.h"

/// Distillation: a generator, the student, learns from one that is trained, its teacher (Hinton et
/// al., "Distilling the knowledge in a neural network", 2015; for generators Aguinaldo et al.,
/// "Compressing GANs using knowledge distillation", 2019). Both make clips from the same latents.
namespace vidgen::train {

/// What was done to the teacher, and this distillation: checkpoint::Checkpoint::passes of the
/// student.
core::Json student_passes(checkpoint::Checkpoint teacher, const DistillOptions& options);

/// The options with the teacher's file where a run's folder stood, distill.teacher_sha1 and, where
/// there are no discriminators and no other names, the teacher's classes; as they are without a
/// teacher. Throws core::FieldError when the file has another hash than stands there, or the
/// student would read latents in another way: its clips have to have the size and colours, its
/// temporal module and its classes all options of the teacher's.
RunOptions with_teacher(RunOptions options);

/// What a generator made of latents, as far as it is compared.
struct Rendition {
  /// [B,C,T,H,W].
  torch::Tensor clips;
  nn::StageOutputs stages;
};

/// The teacher in training.
class Distillation {
 public:
  /// Loads the teacher; the options are those of with_teacher(). The teacher computes in the
  /// precision of the run.
  Distillation(const DistillOptions& options, torch::Device device, Precision precision);

  /// "loss_output", "loss_feature": the terms whose weight is not 0.
  const std::vector<std::string>& names() const { return names_; }
  /// Their weights.
  const std::vector<double>& weights() const { return weights_; }
  /// Their values, float32 scalars without the weights, for what the student made of the latents.
  /// Gradients flow into the student only.
  std::vector<torch::Tensor> terms(const models::Latents& latents, const Rendition& student) const;
  /// Whether terms() reads the student's stages.
  bool compares_stages() const { return options_.feature > 0; }

  /// Gives the student the teacher's temporal module and codes of the classes, frozen: so a latent
  /// means the same frame to both, and what is left to learn is how to paint it.
  void take_over(models::VideoGeneratorImpl& student) const;

  models::VideoGenerator teacher() const { return teacher_; }

 private:
  const DistillOptions options_;
  const torch::Device device_;
  const Precision precision_;
  models::VideoGenerator teacher_{nullptr};
  std::vector<std::string> names_;
  std::vector<double> weights_;
};

}  // namespace vidgen::train
