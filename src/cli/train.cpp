#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "commands.h"
#include "starting_point.h"
#include "vidgen/checkpoint/recovery.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/interrupt.h"
#include "vidgen/core/lock.h"
#include "vidgen/core/log.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/resources.h"
#include "vidgen/core/text.h"
#include "vidgen/data/manifest.h"
#include "vidgen/models/scaling.h"
#include "vidgen/models/summary.h"
#include "vidgen/train/trainer.h"

namespace vidgen::cli {
namespace {

namespace fs = std::filesystem;
using core::cat;

/// What the commands that train have in common.
struct TrainArguments {
  ConfigArguments config;
  std::string run_dir;
  std::string resume = "auto";
  std::string init_from;
  bool dry_run = false;
};

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
  const auto before = core::free_memory();
  const auto costs = trainer.measure_costs();
  std::cout << "\ndevice          " << trainer.device() << "\n"
            << "precision       " << train::precision_name(gan.precision()) << "\n"
            << "first step      " << core::format_number(costs.first_step, 3) << " s\n"
            << "a step          " << core::format_number(costs.step, 3) << " s\n"
            << "peak memory     " << core::format_bytes(costs.peak_bytes) << "\n"
            << "memory          " << train::memory_words(trainer.memory())
            << "\n                by an estimate from the layers, beyond the program's own; "
            << core::format_bytes(before.bytes) << " were free " << before.limit << "\n";
  print_estimate(trainer.options().train, costs);
  std::cout << "Nothing was written.\n";
}

/// The configuration as a run that goes on from `start` has it.
config::Config adapted(config::Config config, const checkpoint::Checkpoint& start) {
  models::keep_unnamed_widths(config.model, checkpoint::model_options(start), start.clip);
  return train::with_pruned_widths(config, start);
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

/// Trains, or goes on with the run.
void run_training(const TrainArguments& arguments) {
  auto config = arguments.config.read();
  if (!arguments.run_dir.empty()) config.run_dir = arguments.run_dir;
  std::error_code error;
  if (arguments.resume != "auto" && arguments.resume != "none" &&
      fs::status(arguments.resume, error).type() == fs::file_type::not_found) {
    throw Error(
        cat("--resume ", arguments.resume, ": no such file, expected auto, none or a checkpoint"));
  }
  if (error) throw Error(cat("cannot read ", arguments.resume, ": ", error.message()));
  core::catch_interrupts();
  std::optional<core::OutputFolder> claim;
  if (!arguments.dry_run) claim.emplace(config.run_dir);
  const checkpoint::RunFolder folder(config.run_dir);
  const bool begins_with_file = !arguments.init_from.empty();
  if (begins_with_file) check_init_from(arguments, folder);
  std::unique_ptr<train::Trainer> built;
  const auto begin = [&](const checkpoint::Checkpoint* start) {
    built.reset();
    built = std::make_unique<train::Trainer>(start ? adapted(config, *start) : config);
    if (start && !arguments.dry_run) built->resume(*start);
    if (begins_with_file) {
      built->init_from(
          checkpoint::read_trained(arguments.init_from, checkpoint::Prefer::kCheckpoint));
    }
  };
  if (arguments.dry_run) {
    begin_dry_run(folder, arguments.resume, begin);
    return print_dry_run(*built);
  }
  begin_run(folder, arguments.resume, begin);
  auto& trainer = *built;
  save_config(folder, trainer.options());
  core::log_info(cat("training ", config.run_dir, " on ", trainer.device().str(), " in ",
                     train::precision_name(trainer.gan().precision()), " from step ",
                     trainer.step(), " to ", trainer.run_length()));
  core::log_info("memory: " + train::memory_words(trainer.memory()));
  const auto classes = class_counts(trainer);
  if (!classes.empty()) core::log_info(classes);
  if (trainer.run() == train::Trainer::End::kInterrupted) {
    core::log_info(cat("stopped at step ", trainer.step(),
                       ", checkpoint saved. To go on: vidgen train --config ",
                       folder.config().string()));
    throw core::Stopped();
  }
  core::log_info(cat("done: ", folder.weights().string()));
}

/// Declares them. The arguments must outlive the command.
void add_train_arguments(CLI::App& command, TrainArguments& arguments) {
  add_config(command, arguments.config, "train.steps=500");
  as_output(command.add_option("--run-dir", arguments.run_dir,
                               "Folder for the results, instead of run_dir"));
  as_path(command.add_option("--resume", arguments.resume,
                             "auto goes on where the run is, none starts anew, or a checkpoint: "
                             "an older one of the run, or any in another --run-dir"))
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

}  // namespace

void save_config(const checkpoint::RunFolder& folder, const config::Config& config) {
  core::make_folder(folder.path());
  core::AtomicFile file(folder.config());
  file.write(config::to_yaml(config));
  file.commit();
}

Run add_train(CLI::App& command) {
  auto arguments = std::make_shared<TrainArguments>();
  add_train_arguments(command, *arguments);
  return [arguments] { run_training(*arguments); };
}

Run add_distill(CLI::App& command) {
  auto arguments = std::make_shared<TrainArguments>();
  add_train_arguments(command, *arguments);
  as_path(
      command.add_option("--teacher", arguments->config.changes.teacher,
                         "The trained generator: a run's folder, a checkpoint or a weights file"))
      ->required();
  return [arguments] { run_training(*arguments); };
}

}  // namespace vidgen::cli
