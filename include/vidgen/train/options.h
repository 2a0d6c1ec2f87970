#pragma once

#include <string>

#include "vidgen/core/fields.h"
#include "vidgen/data/options.h"
#include "vidgen/losses/distillation.h"
#include "vidgen/losses/options.h"
#include "vidgen/models/options.h"
#include "vidgen/nn/ema.h"
#include "vidgen/train/augment.h"
#include "vidgen/train/device.h"
#include "vidgen/train/optimizer.h"

namespace vidgen::train {

enum class Decay { kNone, kLinear, kCosine };

/// "optim"; fields() describes each.
struct OptimOptions {
  AdamOptions generator;
  AdamOptions discriminator;
  int64_t warmup_steps = 0;
  Decay decay = Decay::kNone;
  double final_lr_factor = 0;
  double clip_grad_norm = 0;
};

/// "train.evaluate"; fields() describes each.
struct EvaluateOptions {
  int64_t every = 0;
  int64_t clips = 128;
  /// One of metrics::score_names().
  std::string metric = "swd_video";
  double min_diversity = 0.1;
  /// Higher than min_diversity: a class whose clips differ by so little has collapsed whatever the
  /// others do.
  double min_class_diversity = 0.25;
};

enum class OnDivergence { kStop, kRestoreBest };

/// "train"; fields() describes each.
struct TrainOptions {
  int64_t steps = 10000;
  /// See RunLength.
  double minutes = 0;
  int64_t batch_size = 8;
  /// See models::draw_timestamps(). Few frames each of many clips teach more than many of few
  /// (Skorokhodov et al., "StyleGAN-V", 2022).
  int64_t frames = 0;
  int64_t accumulate = 1;
  Precision precision = Precision::kAuto;
  GradScalerOptions scaler;
  nn::EmaOptions ema;
  int64_t seed = 0;
  DeviceChoice device = DeviceChoice::kAuto;
  int64_t threads = 0;
  bool tf32 = true;
  /// Where nn::fast_convolution() knows another form than LibTorch's to be faster.
  bool winograd = true;
  bool recompute = false;
  bool cudnn_benchmark = false;
  bool cuda_graph = false;
  int64_t log_every = 50;
  int64_t sample_every = 500;
  double sample_minutes = 2;
  int64_t sample_clips = 8;
  int64_t checkpoint_every = 500;
  int64_t keep_checkpoints = 3;
  EvaluateOptions evaluate;
  OnDivergence on_divergence = OnDivergence::kStop;
  /// A share of losses::undecided_loss(); without effect for a loss that has no bound.
  double saturation = 0.01;
  bool tensorboard = true;
  bool report = true;
};

/// "distill", terms that a teacher adds to the generator's loss; fields() describes each.
struct DistillOptions {
  std::string teacher;
  /// with_teacher() sets it.
  std::string teacher_sha1;
  losses::OutputLoss output_loss = losses::OutputLoss::kL1;
  double output = 1;
  /// Weight of losses::feature_loss() of losses::spatial_attention().
  double feature = 0;
  double adversarial = 0;

  bool enabled() const { return !teacher.empty(); }
};

/// Everything that a training run is made of: the whole YAML file.
struct RunOptions {
  data::DataOptions data;
  models::ModelOptions model;
  losses::LossOptions loss;
  AugmentOptions augment;
  OptimOptions optim;
  TrainOptions train;
  DistillOptions distill;
  std::string run_dir = "runs/default";

  /// Whether discriminators take part: not where a teacher alone teaches.
  bool is_adversarial() const { return !distill.enabled() || distill.adversarial > 0; }
  /// Whether the run needs clips: for discriminators, or to evaluate.
  bool reads_clips() const { return is_adversarial() || train.evaluate.every > 0; }
};

void fields(core::FieldVisitor& visitor, OptimOptions& options);
void fields(core::FieldVisitor& visitor, EvaluateOptions& options);
void fields(core::FieldVisitor& visitor, TrainOptions& options);
void fields(core::FieldVisitor& visitor, DistillOptions& options);
void fields(core::FieldVisitor& visitor, RunOptions& options);

/// Throw core::FieldError, naming the key, when the options do not fit together: there is a teacher
/// that would teach nothing, and all else.
void validate(const DistillOptions& options);
void validate(const RunOptions& options);

/// The options with what a run takes from its data and its teacher: the names of the classes where
/// clips have some, and with_teacher(). Reads both. Throws as validate() and with_teacher(), and
/// core::FieldError where model.class_names are others than the folders of the data.
RunOptions completed(RunOptions options);

/// The clips that the data section asks for; fps is 0 when it is the source's.
models::ClipShape clip_shape(const data::DataOptions& options);

/// The clips that the discriminators see: train.frames of them, if that is set.
models::ClipShape seen_shape(const RunOptions& options);

}  // namespace vidgen::train
