#include <memory>

#include "train.h"
#include "vidgen/core/error.h"
#include "vidgen/core/json.h"

namespace vidgen::cli {
namespace {

struct DistillArguments {
  TrainArguments train;
  std::string teacher;
};

/// The name as a value of YAML.
std::string quoted_name(const std::string& name) {
  return core::Json(name).dump(-1, ' ', false, core::Json::error_handler_t::replace);
}

}  // namespace

Run add_distill(CLI::App& command) {
  auto arguments = std::make_shared<DistillArguments>();
  add_train_arguments(command, arguments->train);
  command
      .add_option("--teacher", arguments->teacher,
                  "The trained generator: a run's folder, a checkpoint or a weights file")
      ->required()
      ->check([](const std::string& name) { return name.empty() ? "expected a file" : ""; });
  return [arguments] {
    auto train = arguments->train;
    train.assignments.push_back("distill.teacher=" + quoted_name(arguments->teacher));
    run_training(train);
  };
}

}  // namespace vidgen::cli
