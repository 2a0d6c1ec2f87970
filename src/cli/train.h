#pragma once

#include <string>

#include "arguments.h"
#include "commands.h"

namespace vidgen::cli {

/// What the commands that train have in common.
struct TrainArguments {
  ConfigArguments config;
  std::string run_dir;
  std::string resume = "auto";
  std::string init_from;
  bool dry_run = false;
};

/// Declares them. The arguments must outlive the command.
void add_train_arguments(CLI::App& command, TrainArguments& arguments);

/// Trains, or goes on with the run.
void run_training(const TrainArguments& arguments);

}  // namespace vidgen::cli
