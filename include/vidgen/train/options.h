#pragma once

#include <string>

#include "vidgen/core/fields.h"
#include "vidgen/data/options.h"
#include "vidgen/losses/options.h"
#include "vidgen/models/options.h"
#include "vidgen/nn/ema.h"
#include "vidgen/train/adam.h"
#include "vidgen/train/augment.h"
#include "vidgen/train/distill.h"
#include "vidgen/train/grad_scaler.h"
#include "vidgen/train/precision.h"

namespace vidgen::train {

/// How learning rates fall after the warm-up.
enum class Decay { kNone, kLinear, kCosine };

struct OptimOptions {
  AdamOptions generator;
  /// One optimiser for all discriminators together.
  AdamOptions discriminator;
  /// The learning rates grow linearly from 0 over this many steps.
  int64_t warmup_steps = 0;
  /// From the warm-up to the end of the run (TrainOptions::steps, minutes) the learning rates fall
  /// to `final_lr_factor` times what they were. A run that decays has its length for good: it
  /// cannot be resumed with another.
  Decay decay = Decay::kNone;
  double final_lr_factor = 0;
  /// Largest norm of all gradients of one optimiser together; longer ones are shortened to it. 0
  /// does not limit.
  double clip_grad_norm = 0;
};

/// How a run measures its averaged generator, and keeps the best one.
struct EvaluateOptions {
  /// Steps between two evaluations; 0 makes none.
  int64_t every = 0;
  /// Generated clips, and real ones where there are as many that share no frame.
  int64_t clips = 128;
  /// What the best generator is chosen by: one of metrics::score_names().
  std::string metric = "swd_video";
  /// A warning is given when the metric `diversity` is below this: the clips are nearly all the
  /// same. 0 gives none.
  double min_diversity = 0.1;
  /// The same within each class, where clips have classes: those of one class may be all the same
  /// while the classes differ. Higher, as a class whose clips differ by so little has collapsed
  /// whatever the others do. 0 gives none.
  double min_class_diversity = 0.25;
};

/// What a run does when a loss or a weight is no longer finite.
enum class OnDivergence {
  kStop,
  /// Goes on from all that the best generator's checkpoint holds, with the steps that come next:
  /// other clips and latents, else it would diverge in the same way. Stops when it happens again
  /// before the next evaluation.
  kRestoreBest
};

enum class DeviceChoice { kAuto, kCpu, kCuda };

struct TrainOptions {
  /// Generator updates in all; with `minutes`, at most.
  int64_t steps = 10000;
  /// The run is made as long as fits into so many minutes on this machine (RunLength), so that what
  /// falls with the steps (OptimOptions::decay) falls in time everywhere. Not counted is what comes
  /// before the first step. Two such runs have other lengths: one to be repeated exactly has
  /// `steps` alone. 0 does not limit.
  double minutes = 0;
  /// Clips a batch. Memory and the time of a step grow with it.
  int64_t batch_size = 8;
  /// Frames of each clip that a step looks at, at equal distances drawn anew (models::draw_times);
  /// 0 looks at all. A step costs as many times less, so that more clips fit into it: few frames
  /// each of many clips teach more than many of few (Skorokhodov et al., "StyleGAN-V", 2022).
  int64_t frames = 0;
  /// Batches whose gradients are averaged before each update: the effect of a larger batch in the
  /// memory of a small one.
  int64_t accumulate = 1;
  Precision precision = Precision::kAuto;
  GradScalerOptions scaler;
  nn::EmaOptions ema;
  int64_t seed = 0;
  DeviceChoice device = DeviceChoice::kAuto;
  /// CPU threads to compute with; 0 is one for each core that this process may use
  /// (nn::set_up_threads). Another count gives other roundings.
  int64_t threads = 0;
  /// CUDA only: float32 products may be computed in TF32 (10 bits of mantissa, range of float32),
  /// several times as fast from Ampere on and closer than bfloat16. Off, float32 is float32.
  bool tf32 = true;
  /// CPU only, in float32 and bfloat16: convolutions by the Winograd algorithm, or in another form,
  /// where nn::fast_convolution() knows it to be faster. Rounds differently from LibTorch's own, by
  /// about 1e-5 in float32.
  bool winograd = true;
  /// Keep only what comes into each stage and compute the rest again for the backward pass: less
  /// memory, about a third more work, the same bits.
  bool recompute = false;
  /// CUDA only: cuDNN times its algorithms for each new shape and keeps the fastest. The choice,
  /// and so the roundings, may be another one when a run is resumed.
  bool cudnn_benchmark = false;
  /// CUDA only: records the step once and replays it, which saves the launches one by one. For
  /// networks so small that the host is what limits. Needs accumulate 1.
  bool cuda_graph = false;
  /// Steps between two lines of the log, which hold the means since the line before.
  int64_t log_every = 50;
  /// Steps between two sheets of samples; there is one more before the first step and one where the
  /// run ends or is stopped. 0 makes none at all.
  int64_t sample_every = 500;
  /// A sheet is also made when the last one is so many minutes old: a short run, or one of slow
  /// steps, shows something before it comes to sample_every. 0 goes by steps alone.
  double sample_minutes = 2;
  /// Clips on a sheet of samples.
  int64_t sample_clips = 8;
  /// Steps between two checkpoints; a crash costs at most this many.
  int64_t checkpoint_every = 500;
  /// Checkpoints that are kept: the last so many.
  int64_t keep_checkpoints = 3;
  EvaluateOptions evaluate;
  OnDivergence on_divergence = OnDivergence::kStop;
  /// A warning is given when a discriminator's loss, over all steps between two lines of the log,
  /// is below this share of losses::undecided_loss(): it tells real from generated for sure, and
  /// there is next to nothing to learn from it. 0 gives none; neither does a loss without a bound.
  double saturation = 0.01;
  /// Write what the log and the samples hold as event files for TensorBoard, too.
  bool tensorboard = true;
  /// Keep a page about the run, report.html, that is written anew with samples and checkpoints.
  bool report = true;
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
  /// Where the run's results go.
  std::string run_dir = "runs/default";

  /// Whether discriminators take part: not where a teacher alone teaches.
  bool is_adversarial() const { return !distill.enabled() || distill.adversarial > 0; }
  /// Whether the run needs clips: for discriminators, or to evaluate.
  bool reads_clips() const { return is_adversarial() || train.evaluate.every > 0; }
};

void fields(core::FieldVisitor& visitor, OptimOptions& options);
void fields(core::FieldVisitor& visitor, EvaluateOptions& options);
void fields(core::FieldVisitor& visitor, TrainOptions& options);
void fields(core::FieldVisitor& visitor, RunOptions& options);

/// Throws core::FieldError, naming the key, when the options do not fit together.
void validate(const RunOptions& options);

/// The options with the classes that data.classes finds as model.class_names; as they are without
/// it, or where no clips are read. Throws vidgen::Error as data::list_videos(), and
/// core::FieldError when other names stand there already.
RunOptions with_class_names(RunOptions options);

/// The factor of the learning rates in step number `step` (from 0) of `steps`: (step + 1) /
/// warmup_steps in the warm-up; then, with p the share of the other steps that are done, 1 less
/// (1 - final_lr_factor) times p (linear) or times (1 - cos(pi p)) / 2 (cosine; Loshchilov and
/// Hutter, "SGDR", 2017).
double lr_factor(const OptimOptions& options, int64_t step, int64_t steps);

/// The clips that the data section asks for; fps is 0 when it is the source's.
models::ClipShape clip_shape(const data::DataOptions& options);

/// The clips that the discriminators see: train.frames of them, if that is set.
models::ClipShape seen_shape(const RunOptions& options);

/// Throws vidgen::Error when CUDA is asked for and not there.
torch::Device resolve_device(DeviceChoice choice);

/// Throws core::FieldError when train.cuda_graph is set and cannot work.
void check_cuda_graph(const RunOptions& options, torch::Device device);

/// Sets what LibTorch has one of in a process: threads, TF32, cuDNN's choice of algorithms.
void set_up_libtorch(const TrainOptions& options);

}  // namespace vidgen::train
