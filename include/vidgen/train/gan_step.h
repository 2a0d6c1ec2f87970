#pragma once

#include <torch/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vidgen/checkpoint/state.h"
#include "vidgen/models/discriminator.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/ema.h"
#include "vidgen/train/distill.h"
#include "vidgen/train/optimizer.h"
#include "vidgen/train/options.h"
#include "vidgen/train/step_inputs.h"

namespace vidgen::nn {
class CudaGraph;
}

namespace vidgen::train {

/// The parts of a step, in the order in which they first begin.
enum class Phase {
  kData,
  kGeneratorForward,
  kDiscriminatorForward,
  kDiscriminatorBackward,
  kOptimizer,
  kGeneratorBackward,
  kEma
};

/// One update of the discriminators, then one of the generator, and all that they need: networks,
/// optimisers, scalers, the averaged generator. What is random in step k is a function of the seed
/// and k. A teacher (distill.teacher) adds its terms to the generator's loss; without an
/// adversarial one (distill.adversarial 0) there are no discriminators, and no clips are asked for.
class GanStep {
 public:
  /// With train.cuda_graph so many steps run one by one, and the next is recorded; as many as
  /// PyTorch's documentation advises.
  static constexpr int64_t kGraphWarmUps = 3;

  /// The options are those of completed(). Throws core::FieldError when train.cuda_graph is set and
  /// the device is the CPU.
  GanStep(const RunOptions& options, torch::Device device);
  ~GanStep();

  /// Returns a batch of real clips, on the CPU or on the device.
  using NextClips = std::function<data::Batch()>;
  /// Calls `observer` whenever a phase begins, from now on. With train.cuda_graph none does: the
  /// device gets the whole step at once.
  void observe_phases(std::function<void(Phase)> observer) { phase_begins_ = std::move(observer); }
  /// The run is to have so many steps, not train.steps.
  void set_run_length(int64_t steps) { options_.train.steps = steps; }
  /// Runs step number `step` (from 0). Never waits for the device.
  void run(int64_t step, const NextClips& next_clips);

  /// What metrics() holds: losses, scores, gradient norms, penalties, the probability of an
  /// augmentation that adapts (after the step), and the state of the scalers.
  /// loss_g is the sum of what teaches the generator, loss_output and loss_feature those terms of a
  /// teacher without their weights. loss_d is without the penalties. A penalty is what was added to
  /// it: 0 in the steps without, so that the mean of penalty_every steps is the penalty.
  const std::vector<std::string>& metric_names() const { return metric_names_; }
  /// Of the last step: float32 [K] on the device.
  const torch::Tensor& metrics() const { return metrics_; }
  /// What the metrics call each discriminator: "frame", "clip", "clip2".
  const std::vector<std::string>& discriminator_names() const { return discriminator_names_; }
  /// The loss of each in the last step, of which loss_d is the sum: float32 [D] on the device.
  const torch::Tensor& discriminator_losses() const { return discriminator_losses_; }

  models::VideoGenerator generator() const { return generator_; }
  /// Empty without distill.teacher.
  models::VideoGenerator teacher() const {
    return distillation_ ? distillation_->teacher() : models::VideoGenerator(nullptr);
  }
  const std::vector<std::shared_ptr<models::DiscriminatorImpl>>& discriminators() const {
    return discriminators_;
  }
  /// The averaged generator, in evaluation mode. Its batch normalisation is right after
  /// calibrate().
  models::VideoGenerator ema_generator() const { return ema_->as<models::VideoGenerator>(); }
  /// Gives the averaged generator's batch normalisation the statistics of its own activations, over
  /// the same latents whenever it is called. Training does not depend on it.
  void calibrate();
  Precision precision() const { return precision_; }

  /// Keeps pruned weights at zero from now on: uint8 masks (1 = kept) by the names of the
  /// generator's parameters. Throws vidgen::Error for a name or a shape that the generator does not
  /// have.
  void set_masks(checkpoint::Tensors masks);

  void visit(checkpoint::StateVisitor& visitor);

 private:
  /// What one batch leaves for the generator's pass; `real` and `fake` are augmented.
  struct MicroBatch {
    StepInputs inputs;
    torch::Tensor real;
    torch::Tensor fake;
    /// What a teacher compares; empty without.
    Rendition rendition;

    /// What a discriminator is shown of the real clips, and of `clips`, which are generated.
    models::ClipBatch real_batch(size_t discriminator) const;
    models::ClipBatch fake_batch(size_t discriminator, const torch::Tensor& clips) const;
  };
  /// Sums of scores over batches, on the device.
  struct Scores {
    std::vector<torch::Tensor> losses, real, fake, penalties;
    torch::Tensor generator_loss;
    /// Of the gradients.
    torch::Tensor generator_norm, discriminator_norm;
    /// Of the mean sign of the logits of real clips, over discriminators too; undefined unless the
    /// augmentation adapts.
    torch::Tensor real_sign;
    /// Of the terms of a teacher.
    std::vector<torch::Tensor> taught;
  };

  using NextInputs = std::function<StepInputs()>;
  /// The step from its inputs on the device to new weights: what a CUDA graph records, so nothing
  /// in it depends on a number of the host that changes from step to step, but for whether the
  /// penalties are due.
  void compute(const NextInputs& next_inputs, bool penalise);
  Scores no_scores() const;
  /// From real clips to the gradients of the discriminators.
  void discriminator_pass(MicroBatch& micro_batch, bool penalise, Scores& scores);
  void discriminate(const MicroBatch& micro_batch, bool penalise, Scores& scores);
  torch::Tensor generator_pass(MicroBatch& micro_batch, Scores& scores);
  /// What the discriminators say to the generator; undefined without any.
  torch::Tensor adversarial_loss(const MicroBatch& micro_batch);
  /// The loss with the terms of the teacher.
  torch::Tensor with_teaching(torch::Tensor loss, const MicroBatch& micro_batch,
                              Scores& scores) const;
  /// Generates the batch's clips.
  void generate(MicroBatch& micro_batch);
  /// Clips, unscales and applies the gradients; returns their norm before clipping.
  torch::Tensor update(Adam& optimizer, GradScaler& scaler);
  void set_learning_rates(int64_t step);
  void adapt_augmentation(const Scores& scores);
  void set_metrics(const Scores& scores);
  void apply_masks();
  void begin(Phase phase) const {
    if (phase_begins_ && !graph_) phase_begins_(phase);
  }
  void name_discriminators();

  RunOptions options_;
  const models::ClipShape shape_;
  const torch::Device device_;
  const Precision precision_;
  models::VideoGenerator generator_{nullptr};
  std::vector<std::shared_ptr<models::DiscriminatorImpl>> discriminators_;
  std::unique_ptr<nn::Ema> ema_;
  bool calibrated_ = false;
  Augmentation augmentation_;
  /// With distill.teacher.
  std::unique_ptr<const Distillation> distillation_;
  std::unique_ptr<Adam> generator_optimizer_;
  std::unique_ptr<Adam> discriminator_optimizer_;
  std::unique_ptr<GradScaler> generator_scaler_;
  std::unique_ptr<GradScaler> discriminator_scaler_;
  checkpoint::Tensors masks_;
  std::function<void(Phase)> phase_begins_;
  std::vector<std::string> metric_names_, discriminator_names_;
  torch::Tensor metrics_, discriminator_losses_;
  /// With train.cuda_graph, and what it reads.
  std::unique_ptr<nn::CudaGraph> graph_;
  std::optional<StepInputs> graph_inputs_;
};

}  // namespace vidgen::train
