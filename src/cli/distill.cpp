#include <memory>

#include "train.h"

namespace vidgen::cli {
namespace {

struct DistillArguments {
  TrainArguments train;
  std::string teacher;
};

}  // namespace

Run add_distill(CLI::App& command) {
  auto arguments = std::make_shared<DistillArguments>();
  add_train_arguments(command, arguments->train);
  as_path(
      command.add_option("--teacher", arguments->teacher,
                         "The trained generator: a run's folder, a checkpoint or a weights file"))
      ->required();
  return [arguments] {
    auto train = arguments->train;
    train.config.changes.teacher = arguments->teacher;
    run_training(train);
  };
}

}  // namespace vidgen::cli
