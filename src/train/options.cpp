#include "vidgen/train/options.h"

#include "vidgen/core/text.h"
#include "vidgen/data/manifest.h"
#include "vidgen/metrics/scores.h"
#include "vidgen/train/distill.h"

namespace vidgen::train {

void fields(core::FieldVisitor& v, OptimOptions& o) {
  v.section("generator", o.generator, "Optimiser of the generator.");
  v.section("discriminator", o.discriminator, "Optimiser of all discriminators together.");
  v.field("warmup_steps", o.warmup_steps, {0, 1000000000},
          "Steps over which the learning rates grow linearly from 0.");
  v.choice("decay", o.decay,
           {{"none", Decay::kNone}, {"linear", Decay::kLinear}, {"cosine", Decay::kCosine}},
           "How the learning rates fall from the warm-up to the end of the run (train.steps, "
           "train.minutes); where that is moved they follow from then on.");
  v.field("final_lr_factor", o.final_lr_factor, {0, 1},
          "What they are multiplied by at the end, with decay.");
  v.field(
      "clip_grad_norm", o.clip_grad_norm, {0, 1e12},
      "Largest norm of all gradients of an optimiser together; longer ones are shortened to it. "
      "0 does not limit.");
}

void fields(core::FieldVisitor& v, EvaluateOptions& o) {
  v.field("every", o.every, {0, 1000000000},
          "Steps between two evaluations of the averaged generator; 0 makes none. The best one is "
          "kept in best.safetensors.");
  v.field("clips", o.clips, {2, 100000},
          "Generated clips, and as many real ones, if there are so many that share no frame.");
  core::Choices<std::string> known;
  for (const auto& name : metrics::score_names()) known.emplace_back(name, name);
  v.choice("metric", o.metric, known, "What the best generator is chosen by, as in vidgen eval.");
  v.field("min_diversity", o.min_diversity, {0, 1},
          "Warn when generated clips differ from each other by less than this share of what real "
          "ones do (the metric diversity); 0 never does.");
  v.field("min_class_diversity", o.min_class_diversity, {0, 1},
          "The same within each class, where clips have classes: those of one class may be all the "
          "same while the classes differ.");
}

void fields(core::FieldVisitor& v, TrainOptions& o) {
  v.field("steps", o.steps, {1, 1000000000}, "Generator updates in all; with minutes, at most.");
  v.field(
      "minutes", o.minutes, {0, 1e6},
      "Make the run as long as fits into so many minutes on this machine, which is measured all "
      "along; what falls with the steps falls in time. Two such runs have other lengths: one that "
      "is to be repeated exactly has steps alone. 0 does not limit.");
  v.field("batch_size", o.batch_size, {1, 65536},
          "Clips a batch; memory and time of a step grow with it.");
  v.field(
      "frames", o.frames, {0, 100000},
      "Frames of each clip that a step looks at, at equal distances drawn anew; 0 looks at all. "
      "Fewer frames leave time for more clips.");
  v.field(
      "accumulate", o.accumulate, {1, 65536},
      "Batches whose gradients are averaged before each update: the effect of a larger batch in "
      "the memory of a small one.");
  v.choice("precision", o.precision,
           {{"auto", Precision::kAuto},
            {"float32", Precision::kFloat32},
            {"bfloat16", Precision::kBfloat16},
            {"float16", Precision::kFloat16}},
           "What the networks compute in; auto is the fastest that is safe on the device.");
  v.section("scaler", o.scaler, "Loss scaling, one scaler for each optimiser.");
  v.section("ema", o.ema, "Average of the generator's weights: what is sampled and exported.");
  // Another seed is meant to make another run.
  v.at_resume(core::AtResume::kNever);
  v.field("seed", o.seed, {0, INT64_MAX}, "Everything random is derived from it.");
  v.at_resume(core::AtResume::kFree);
  v.choice(
      "device", o.device,
      {{"auto", DeviceChoice::kAuto}, {"cpu", DeviceChoice::kCpu}, {"cuda", DeviceChoice::kCuda}},
      "Where to compute; auto is CUDA when there is a device.");
  v.field(
      "threads", o.threads, {0, 4096},
      "CPU threads to compute with; 0 is one for each core that it may use. Another number gives "
      "other roundings.");
  v.field("tf32", o.tf32,
          "CUDA only: float32 products may be rounded to TF32 (10 bits of mantissa), several times "
          "as fast from Ampere on.");
  v.field("winograd", o.winograd,
          "CPU only, in float32 and bfloat16: convolutions by the Winograd algorithm where it is "
          "faster; rounds differently, by about 1e-5 in float32.");
  v.field("recompute", o.recompute,
          "Keep fewer activations and compute them again for the gradients: less memory, a third "
          "more work, the same bits.");
  v.field(
      "cudnn_benchmark", o.cudnn_benchmark,
      "CUDA only: cuDNN times its algorithms in the first step; the choice, and so the roundings, "
      "may differ between two starts.");
  v.field("cuda_graph", o.cuda_graph,
          "CUDA only: records the step once and replays it; for networks that are limited by the "
          "host. Needs accumulate 1.");
  v.field(
      "log_every", o.log_every, {1, 1000000000},
      "Steps between two lines of log.jsonl, each of which holds the means since the one before.");
  v.field("sample_every", o.sample_every, {0, 1000000000},
          "Steps between two sheets of samples, besides those at the start and where the run ends "
          "or is stopped; 0 makes none at all.");
  v.field("sample_minutes", o.sample_minutes, {0, 1e6},
          "Make one also when the last is so many minutes old; 0 goes by steps alone.");
  v.field("sample_clips", o.sample_clips, {1, 256}, "Clips on a sheet of samples.");
  v.field("checkpoint_every", o.checkpoint_every, {1, 1000000000},
          "Steps between two checkpoints; a crash costs at most this many.");
  v.field("keep_checkpoints", o.keep_checkpoints, {1, 1000000},
          "The last so many checkpoints are kept.");
  v.section("evaluate", o.evaluate, "Measuring the generator while it is trained.");
  v.choice("on_divergence", o.on_divergence,
           {{"stop", OnDivergence::kStop}, {"restore_best", OnDivergence::kRestoreBest}},
           "When a loss or a weight is no longer finite: stop, or go on from best.safetensors with "
           "other clips, which needs train.evaluate.every; where it happens again before the next "
           "evaluation the run stops.");
  v.field("saturation", o.saturation, {0, 1},
          "Warn when a discriminator's loss, between two lines of the log, is below this share of "
          "that of one that cannot tell real from generated: the generator learns next to nothing "
          "from it. 0 never does.");
  v.field("tensorboard", o.tensorboard,
          "Write event files for TensorBoard into the run's folder, with each line of the log.");
  v.field("report", o.report,
          "Keep a page about the run, report.html, in its folder, up to date with each sheet of "
          "samples and each checkpoint.");
}

void fields(core::FieldVisitor& v, DistillOptions& o) {
  v.path("teacher", o.teacher,
         "a run's folder, a checkpoint or a weights file; empty: there is no teacher");
  v.at_resume(core::AtResume::kInitFrom);
  v.field("teacher_sha1", o.teacher_sha1,
          "SHA-1 of its file, by which a run that goes on knows it; filled in, or must be what is "
          "found");
  v.at_resume(core::AtResume::kFree);
  v.choice("output_loss", o.output_loss,
           {{"l1", losses::OutputLoss::kL1}, {"mse", losses::OutputLoss::kMse}},
           "how the clips of both are compared: mean absolute or mean squared difference");
  v.field("output", o.output, {0, 1e6}, "weight of that difference in the generator's loss");
  v.field("feature", o.feature, {0, 1e6},
          "weight of how much the places differ where their hidden stages of one resolution are "
          "active (attention transfer), which can be compared whatever the widths");
  v.field("adversarial", o.adversarial, {0, 1e6},
          "weight of the discriminators' term; at 0 there are none, and no clips are read "
          "to train on: the teacher is all that the student learns from");
}

void fields(core::FieldVisitor& v, RunOptions& o) {
  // Data and networks say more of their own keys.
  v.at_resume(core::AtResume::kFree);
  v.section("data", o.data, "Where clips come from.");
  v.section("model", o.model, "The networks.");
  v.section("loss", o.loss, "What the networks are trained on.");
  v.section("augment", o.augment,
            "What is done to clips, real and generated, before discriminators see them.");
  v.section("optim", o.optim, "How weights are updated.");
  v.section("train", o.train, "The run: length, batch, precision, what is written and when.");
  v.section("distill", o.distill, "Learning from a trained generator, as vidgen distill does.");
  v.path("run_dir", o.run_dir, "Folder for the log, samples, checkpoints and weights of the run.");
}

namespace {

void check_timestamps(const RunOptions& options) {
  const int64_t seen = options.train.frames, frames = options.data.frames;
  if (seen > frames) {
    throw core::FieldError("train.frames", core::cat("found ", seen, ", expected at most ", frames,
                                                     ", the frames of a clip"));
  }
  if (seen == 0 || seen == frames || !options.is_adversarial()) return;
  for (const auto& discriminator : options.model.discriminators) {
    if (discriminator.takes_frames() || discriminator.timestamps) continue;
    throw core::FieldError(
        "train.frames",
        core::cat("found ", seen, " of ", frames,
                  " with a clip discriminator that is not told when its frames "
                  "are; expected 0, or network: residual and timestamps: true there"));
  }
}

void check_recompute(const RunOptions& options) {
  if (!options.train.recompute || !options.is_adversarial()) return;
  if (options.loss.has_penalties()) {
    throw core::FieldError("train.recompute",
                           "found true with loss.r1, loss.r2 or loss.gradient_penalty, expected "
                           "false: they take gradients of gradients, which need what it drops");
  }
  for (const auto& discriminator : options.model.discriminators) {
    if (discriminator.norm != models::DiscriminatorNorm::kSpectral) continue;
    throw core::FieldError("train.recompute",
                           "found true with a discriminator of norm: spectral, expected false: its "
                           "weights of one pass are gone when it is computed again");
  }
}

/// What is not cannot be stored in a checkpoint.
void check_utf8(const std::string& key, const std::string& text) {
  try {
    core::Json(text).dump();
  } catch (const core::Json::exception&) {
    throw core::FieldError(key, "found text that is not UTF-8");
  }
}

}  // namespace

void validate(const DistillOptions& options) {
  if (!options.enabled() || options.output > 0 || options.feature > 0) return;
  throw core::FieldError("distill.output",
                         "found 0 with distill.feature 0, expected more than 0 for one of them: "
                         "the teacher would teach nothing");
}

void validate(const RunOptions& options) {
  validate(options.distill);
  if (options.reads_clips()) data::validate(options.data);
  check_cuda_graph(options,
                   options.train.device == DeviceChoice::kCpu ? torch::kCPU : torch::kCUDA);
  check_timestamps(options);
  models::validate(options.model,
                   options.is_adversarial() ? seen_shape(options) : clip_shape(options.data));
  losses::validate(options.loss);
  validate(options.augment, options.loss.type);
  check_recompute(options);
  if (options.is_adversarial() && !options.data.classes && options.model.classes() > 0) {
    throw core::FieldError(
        "model.class_names",
        core::cat("found ", options.model.classes(),
                  " names with data.classes false, expected none, or data.classes true"));
  }
  if (options.train.on_divergence == OnDivergence::kRestoreBest &&
      options.train.evaluate.every == 0) {
    throw core::FieldError("train.on_divergence",
                           "found restore_best with train.evaluate.every 0, which finds no best; "
                           "expected a number of steps there, or stop");
  }
  check_utf8("run_dir", options.run_dir);
  check_utf8("data.cache_dir", options.data.cache_dir);
  for (size_t i = 0; i < options.data.sources.size(); ++i)
    check_utf8(core::cat("data.sources[", i, "].path"), options.data.sources[i].path);
  check_utf8("distill.teacher", options.distill.teacher);
  if (options.run_dir.empty())
    throw core::FieldError("run_dir", "found nothing, expected the name of a folder");
}

namespace {

RunOptions with_class_names(RunOptions options) {
  if (!options.data.classes || !options.reads_clips()) return options;
  const auto found = data::class_names(data::list_videos(options.data));
  auto& names = options.model.class_names;
  if (!names.empty() && names != found) {
    throw core::FieldError(
        "model.class_names",
        core::cat("found ", core::join_list(names), ", expected the folders of data.sources, ",
                  core::join_list(found)));
  }
  names = found;
  return options;
}

}  // namespace

RunOptions completed(RunOptions options) {
  options = with_teacher(with_class_names(std::move(options)));
  validate(options);
  return options;
}

models::ClipShape clip_shape(const data::DataOptions& options) {
  models::ClipShape shape;
  shape.channels = options.color == data::Color::kGray ? 1 : 3;
  shape.frames = options.frames;
  shape.size = options.size;
  shape.fps = options.fps / static_cast<double>(options.frame_stride);
  return shape;
}

models::ClipShape seen_shape(const RunOptions& options) {
  auto shape = clip_shape(options.data);
  if (options.train.frames > 0) shape.frames = options.train.frames;
  return shape;
}

}  // namespace vidgen::train
