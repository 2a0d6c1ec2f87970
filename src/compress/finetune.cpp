#include "vidgen/compress/finetune.h"

#include <algorithm>

#include "vidgen/checkpoint/passes.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/core/error.h"
#include "vidgen/train/trainer.h"

namespace vidgen::compress {
namespace {

/// Share of the full learning rates that is the least to fine-tune with.
constexpr double kLeastLrFactor = 0.1;

}  // namespace

train::RunOptions finetune_options(const checkpoint::Checkpoint& checkpoint, int64_t steps,
                                   const std::filesystem::path& run_dir) {
  if (checkpoint.kind != checkpoint::Kind::kCheckpoint) {
    throw Error(core::cat(checkpoint.path.string(),
                          ": holds weights only; to fine-tune, give a checkpoint, which has the "
                          "discriminators and the optimisers too"));
  }
  train::RunOptions options;
  checkpoint.read_options(checkpoint.config, options);
  auto& optim = options.optim;
  if (optim.decay != train::Decay::kNone) {
    const double factor =
        std::max(kLeastLrFactor, train::lr_factor(optim, checkpoint.step, options.train.steps));
    optim.generator.lr *= factor;
    optim.discriminator.lr *= factor;
    optim.decay = train::Decay::kNone;
  }
  options.train.steps = checkpoint.step + steps;
  options.run_dir = run_dir.string();
  return options;
}

void check_holds_no_run(const std::filesystem::path& run_dir) {
  const auto newest = checkpoint::RunFolder(run_dir).newest_checkpoint();
  if (!newest) return;
  throw Error(core::cat(run_dir.string(), ": already holds a run (", newest->filename().string(),
                        "), expected an empty folder or none"));
}

checkpoint::Checkpoint finetune(checkpoint::Checkpoint checkpoint, const train::RunOptions& options,
                                const std::function<void(const train::RunOptions&)>& begin) {
  check_holds_no_run(options.run_dir);
  const checkpoint::RunFolder folder(options.run_dir);
  const int64_t steps = options.train.steps - checkpoint.step;
  train::Trainer trainer(options);
  if (begin) begin(trainer.options());
  folder.create();
  checkpoint.path = folder.path() / "pruned.safetensors";
  checkpoint::write_checkpoint(checkpoint);
  checkpoint::add_pass(checkpoint, "finetune", {{"steps", steps}});
  checkpoint.config = core::write_fields(trainer.options());
  checkpoint.path = folder.checkpoint(checkpoint.step);
  checkpoint::write_checkpoint(checkpoint);
  trainer.resume(checkpoint.path);
  trainer.run();
  return checkpoint::read_checkpoint(folder.newest_checkpoint().value());
}

}  // namespace vidgen::compress
