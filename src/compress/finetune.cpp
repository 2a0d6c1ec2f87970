#include "vidgen/compress/finetune.h"

#include <algorithm>

#include "vidgen/checkpoint/recovery.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/train/schedule.h"
#include "vidgen/train/trainer.h"

namespace vidgen::compress {
namespace {

namespace fs = std::filesystem;

/// Share of the full learning rates that is the least to fine-tune with.
constexpr double kLeastLrFactor = 0.1;

/// Weight of where hidden stages are active, beside 1 for the clips: a hint, not the aim, since
/// with fewer channels they cannot all be the same.
constexpr double kFeatureWeight = 0.1;

constexpr const char* kPassName = "finetune";
constexpr const char* kPrunedName = "pruned.safetensors";

core::Json pass_options(const FinetuneOptions& options) {
  const bool distills = options.method == FinetuneMethod::kDistill;
  return {{"how", distills ? "distill" : "adversarial"}, {"steps", options.steps}};
}

/// Whether the checkpoint is of a fine-tuning with these options.
bool is_of(const fs::path& checkpoint, const core::Json& options) {
  const auto passes = checkpoint::read_description(checkpoint).passes;
  return !passes.empty() && passes.back().at("pass") == kPassName &&
         passes.back().at("options") == options;
}

/// Whether there is nothing but what is written before the first checkpoint.
bool holds_only_beginnings(const fs::path& run_dir) {
  std::error_code error;
  if (!fs::is_directory(run_dir, error)) return false;
  const checkpoint::RunFolder folder(run_dir);
  for (const auto& entry : fs::directory_iterator(run_dir, error)) {
    const auto& path = entry.path();
    const bool ours = path == folder.config() || path.filename() == kPrunedName ||
                      path.filename().string().front() == '.' || core::is_temporary_name(path) ||
                      (entry.is_directory(error) && fs::is_empty(path, error));
    if (!ours) return false;
  }
  return !error;
}

[[noreturn]] void refuse_run(const fs::path& run_dir, const fs::path& newest) {
  throw Error(core::cat(run_dir.string(), ": already holds a run (", newest.filename().string(),
                        "), expected an empty folder or none"));
}

/// Throws unless the checkpoint is of the fine-tuning of this generator, and not beyond its end.
void refuse_another(const checkpoint::Checkpoint& newest, const checkpoint::Checkpoint& pruned,
                    const train::RunOptions& run) {
  auto passes = newest.passes;
  if (!passes.empty()) passes.erase(passes.size() - 1);
  if (newest.step > run.train.steps) refuse_run(run.run_dir, newest.path);
  if (passes == pruned.passes) return;
  throw Error(core::cat(newest.path.string(),
                        ": is of the fine-tuning of another generator, or of one that was pruned "
                        "otherwise; expected an empty folder or none"));
}

void go_on(train::RunOptions& options, const checkpoint::Checkpoint& checkpoint, int64_t steps) {
  auto& optim = options.optim;
  if (optim.decay != train::Decay::kNone) {
    const int64_t length = train::length_of_run(checkpoint, options).steps();
    const double factor =
        std::max(kLeastLrFactor, train::lr_factor(optim, checkpoint.step, length));
    optim.generator.lr *= factor;
    optim.discriminator.lr *= factor;
    optim.decay = train::Decay::kNone;
  }
  options.train.steps = checkpoint.step + steps;
  options.train.minutes = 0;
}

void learn_from(const fs::path& teacher, train::RunOptions& options, int64_t steps) {
  options.distill = {};
  options.distill.teacher = teacher.string();
  options.distill.feature = kFeatureWeight;
  options.train.steps = steps;
  options.train.minutes = 0;
  // Evaluations need real clips.
  options.train.evaluate.every = 0;
  options.train.on_divergence = train::OnDivergence::kStop;
}

/// The file with the generator of a run's checkpoint.
checkpoint::Checkpoint with_generator(checkpoint::Checkpoint file,
                                      const checkpoint::Checkpoint& trained) {
  const auto take = [&](const std::string& from, const std::string& to) {
    for (const auto& [name, tensor] : trained.tensors_under(from)) {
      file.file.tensors[to + name] = tensor;
    }
  };
  if (file.kind == checkpoint::Kind::kCheckpoint) take("generator.", "generator.");
  take(trained.generator_prefix(), file.generator_prefix());
  return file;
}

}  // namespace

train::RunOptions finetune_options(const checkpoint::Checkpoint& checkpoint,
                                   const FinetuneOptions& options) {
  const bool distills = options.method == FinetuneMethod::kDistill;
  if (!distills && checkpoint.kind != checkpoint::Kind::kCheckpoint) {
    throw Error(core::cat(checkpoint.path.string(),
                          ": holds weights only; to fine-tune, give a checkpoint, which has the "
                          "discriminators and the optimisers too, or use --finetune distill"));
  }
  train::RunOptions run;
  checkpoint.read_options(checkpoint.config, run);
  run.run_dir = options.run_dir.string();
  if (distills) {
    learn_from(checkpoint.path, run, options.steps);
  } else {
    go_on(run, checkpoint, options.steps);
  }
  return run;
}

void check_is_free(const FinetuneOptions& options) {
  const auto& run_dir = options.run_dir;
  std::error_code error;
  if (!fs::exists(run_dir, error)) return;
  const auto newest = checkpoint::RunFolder(run_dir).newest_checkpoint();
  if (newest && !is_of(*newest, pass_options(options))) refuse_run(run_dir, *newest);
  if (newest || holds_only_beginnings(run_dir)) return;
  throw Error(core::cat(run_dir.string(), ": already exists, expected an empty folder or none"));
}

std::optional<checkpoint::Checkpoint> finetune(
    checkpoint::Checkpoint checkpoint, const FinetuneOptions& options,
    const std::function<void(const train::RunOptions&)>& begin) {
  check_is_free(options);
  const checkpoint::RunFolder folder(options.run_dir);
  const bool distills = options.method == FinetuneMethod::kDistill;
  train::Trainer trainer(finetune_options(checkpoint, options));
  std::optional<checkpoint::Checkpoint> interrupted;
  if (folder.newest_checkpoint()) {
    interrupted = checkpoint::read_trained(folder.path(), checkpoint::Prefer::kCheckpoint);
    refuse_another(*interrupted, checkpoint, trainer.options());
  }
  if (begin) begin(trainer.options());
  folder.create();
  checkpoint.path = folder.path() / kPrunedName;
  checkpoint::write_checkpoint(checkpoint);
  checkpoint::add_pass(checkpoint, kPassName, pass_options(options));
  if (interrupted) {
    trainer.resume(*interrupted);
  } else if (distills) {
    trainer.begin_with(checkpoint);
  } else {
    checkpoint.config = core::write_fields(trainer.options());
    checkpoint.path = folder.checkpoint(checkpoint.step);
    checkpoint::write_checkpoint(checkpoint);
    trainer.resume(checkpoint);
  }
  if (trainer.run() == train::Trainer::End::kInterrupted) return std::nullopt;
  auto trained = checkpoint::read_checkpoint(folder.newest_checkpoint().value());
  if (!distills) return trained;
  return with_generator(std::move(checkpoint), trained);
}

}  // namespace vidgen::compress
