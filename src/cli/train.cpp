#include "train.h"

#include <iostream>
#include <memory>
#include <optional>

#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/config/config.h"
#include "vidgen/core/files.h"
#include "vidgen/core/interrupt.h"
#include "vidgen/core/log.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/text.h"
#include "vidgen/data/manifest.h"
#include "vidgen/models/scaling.h"
#include "vidgen/models/summary.h"
#include "vidgen/train/trainer.h"

namespace vidgen::cli {
namespace {

using core::cat;

/// "" where clips have no classes, or are not read.
std::string class_counts(const train::Trainer& trainer) {
  const auto* dataset = trainer.dataset();
  if (!dataset) return "";
  const auto classes = dataset->class_counts();
  return classes.empty() ? "" : data::format_classes(classes);
}

/// "1:23:20 in 5000 steps".
std::string share(double seconds, int64_t count, const char* what) {
  return cat(core::format_duration(seconds), " in ", count, " ", what);
}

void print_estimate(const train::TrainOptions& options, const train::RunCosts& costs) {
  const auto estimate = train::estimate_run(options, costs);
  std::string parts = share(estimate.in_steps, estimate.steps, "steps");
  if (estimate.previews > 0) {
    parts += ", " + share(estimate.in_previews, estimate.previews, "sheets of samples");
  }
  if (estimate.evaluations > 0) {
    parts += ", " + share(estimate.in_evaluations, estimate.evaluations, "evaluations");
  }
  std::string limit;
  if (options.minutes > 0) {
    limit = cat(estimate.steps < options.steps ? ", as train.minutes " : ", within train.minutes ",
                options.minutes, estimate.steps < options.steps ? " allows" : "");
  }
  std::cout << "the whole run   about " << core::format_duration(estimate.total()) << limit << ": "
            << parts << "\n"
            << "                An estimate from a few steps with nothing else to do: reading the "
               "videos before, writing\n"
            << "                files, and whatever else keeps the machine busy come on top.\n";
}

void print_dry_run(train::Trainer& trainer) {
  auto& gan = trainer.gan();
  auto generator = gan.generator();
  std::cout << "generator\n"
            << models::format_layers(models::summarize(*generator, trainer.shape()));
  for (size_t i = 0; i < gan.discriminators().size(); ++i) {
    std::cout << "\ndiscriminators[" << i << "]\n"
              << models::format_layers(
                     models::summarize(*gan.discriminators()[i], trainer.shape()));
  }
  const auto classes = class_counts(trainer);
  if (!classes.empty()) std::cout << "\n" << classes << "\n";
  const auto costs = trainer.measure_costs();
  std::cout << "\ndevice          " << trainer.device() << "\n"
            << "precision       " << train::precision_name(gan.precision()) << "\n"
            << "first step      " << core::format_number(costs.first_step, 3) << " s\n"
            << "a step          " << core::format_number(costs.step, 3) << " s\n"
            << "peak memory     " << core::format_bytes(costs.peak_bytes) << "\n";
  print_estimate(trainer.options().train, costs);
  std::cout << "Nothing was written.\n";
}

// A run that is already there is never written over: it is gone on with, or the user has to choose
// another folder.
void resume(train::Trainer& trainer, const checkpoint::RunFolder& folder,
            const std::string& choice) {
  const auto newest = folder.newest_checkpoint();
  if (choice == "auto") {
    if (newest) trainer.resume(*newest);
    return;
  }
  const bool another = choice != "none" && newest && !std::filesystem::equivalent(choice, *newest);
  if (newest && (choice == "none" || another)) {
    throw Error(cat(folder.path().string(), ": already holds a run (", newest->filename().string(),
                    "); use --resume auto, or another --run-dir"));
  }
  if (choice != "none") trainer.resume(choice);
}

// What the run goes on from, if there is something.
std::optional<std::filesystem::path> chosen_checkpoint(const checkpoint::RunFolder& folder,
                                                       const std::string& choice) {
  if (choice == "auto") return folder.newest_checkpoint();
  if (choice == "none") return std::nullopt;
  return choice;
}

// Throws where the file with which a new run is to begin comes with another, or with a run.
void check_init_from(const TrainArguments& arguments, const checkpoint::RunFolder& folder) {
  if (arguments.resume != "auto" && arguments.resume != "none") {
    throw Error(cat("--init-from ", arguments.init_from,
                    ": begins a new run, expected no --resume ", arguments.resume));
  }
  if (const auto newest = folder.newest_checkpoint()) {
    throw Error(cat(folder.path().string(), ": already holds a run (", newest->filename().string(),
                    "); use another --run-dir, or go on with it without --init-from"));
  }
}

}  // namespace

void save_config(const checkpoint::RunFolder& folder, const config::Config& config) {
  core::make_folder(folder.path());
  core::AtomicFile file(folder.config());
  file.write(config::to_yaml(config));
  file.commit();
}

void run_training(const TrainArguments& arguments) {
  auto config = arguments.config.read();
  if (!arguments.run_dir.empty()) config.run_dir = arguments.run_dir;
  if (arguments.resume != "auto" && arguments.resume != "none" &&
      !std::filesystem::exists(arguments.resume)) {
    throw Error(
        cat("--resume ", arguments.resume, ": no such file, expected auto, none or a checkpoint"));
  }
  const checkpoint::RunFolder folder(config.run_dir);
  const bool begins_with_file = !arguments.init_from.empty();
  if (begins_with_file) check_init_from(arguments, folder);
  if (const auto file = chosen_checkpoint(folder, arguments.resume)) {
    const auto stored = checkpoint::read_description(*file);
    models::keep_unnamed_widths(config.model, checkpoint::model_options(stored), stored.clip);
    config = train::with_pruned_widths(config, stored);
  }
  core::catch_interrupts();
  train::Trainer trainer(config);
  if (begins_with_file) {
    trainer.init_from(checkpoint::read_checkpoint(
        checkpoint::find_checkpoint(arguments.init_from, checkpoint::Prefer::kCheckpoint)));
  }
  if (arguments.dry_run) return print_dry_run(trainer);

  resume(trainer, folder, arguments.resume);
  save_config(folder, trainer.options());
  core::log_info(cat("training ", config.run_dir, " on ", trainer.device().str(), " in ",
                     train::precision_name(trainer.gan().precision()), " from step ",
                     trainer.step(), " to ", trainer.run_length()));
  const auto classes = class_counts(trainer);
  if (!classes.empty()) core::log_info(classes);
  if (trainer.run() == train::Trainer::End::kInterrupted) {
    core::log_info(cat("stopped at step ", trainer.step(),
                       ", checkpoint saved. To go on: vidgen train --config ",
                       folder.config().string()));
    return;
  }
  core::log_info(cat("done: ", folder.weights().string()));
}

void add_train_arguments(CLI::App& command, TrainArguments& arguments) {
  add_config(command, arguments.config, "train.steps=500");
  as_output(command.add_option("--run-dir", arguments.run_dir,
                               "Folder for the results, instead of run_dir"));
  as_path(command.add_option("--resume", arguments.resume,
                             "auto goes on where the run is, none starts anew, or a checkpoint"))
      ->type_name("auto|none|PATH")
      ->capture_default_str();
  as_path(command.add_option("--init-from", arguments.init_from,
                             "Begin a new run with what fits of a run's, checkpoint's or weights "
                             "file's networks"))
      ->type_name("RUN|FILE");
  command.add_flag(
      "--dry-run", arguments.dry_run,
      "Show the networks, what a step costs and how long the run takes; write nothing");
}

Run add_train(CLI::App& command) {
  auto arguments = std::make_shared<TrainArguments>();
  add_train_arguments(command, *arguments);
  return [arguments] { run_training(*arguments); };
}

}  // namespace vidgen::cli
