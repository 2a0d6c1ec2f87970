#include <iostream>
#include <memory>

#include "commands.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/compress/prune_checkpoint.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {
namespace {

struct PruneArguments {
  std::string checkpoint;
  std::filesystem::path out;
  compress::PruneOptions prune;
  std::string scope = "layer";
};

std::string format_rows(const std::vector<compress::PruneRow>& rows) {
  std::vector<std::vector<std::string>> table{{"layer", "weights", "kept", "kept %", "threshold"}};
  int64_t weights = 0, kept = 0;
  const auto percent = [](int64_t part, int64_t all) {
    return core::format_number(
        100.0 * static_cast<double>(part) / static_cast<double>(std::max<int64_t>(all, 1)), 1);
  };
  for (const auto& row : rows) {
    weights += row.weights;
    kept += row.kept;
    table.push_back({row.name, std::to_string(row.weights), std::to_string(row.kept),
                     percent(row.kept, row.weights), core::format_number(row.threshold, 6)});
  }
  table.push_back({"all", std::to_string(weights), std::to_string(kept), percent(kept, weights)});
  return core::format_table(table);
}

void run(const PruneArguments& arguments) {
  core::check_can_create(arguments.out);
  if (core::lower_extension(arguments.out) != ".safetensors") {
    throw Error(
        core::cat("--out ", arguments.out.string(), ": expected a name that ends in .safetensors"));
  }
  auto checkpoint = checkpoint::read_checkpoint(
      checkpoint::find_checkpoint(arguments.checkpoint, checkpoint::Prefer::kCheckpoint));
  const auto rows = compress::prune_checkpoint(checkpoint, arguments.prune);
  checkpoint.path = arguments.out;
  checkpoint::write_checkpoint(checkpoint);
  std::cout << format_rows(rows) << "wrote " << arguments.out.string() << "\n";
}

}  // namespace

Run add_prune(CLI::App& command) {
  auto arguments = std::make_shared<PruneArguments>();
  auto& prune = arguments->prune;
  command
      .add_option("--checkpoint", arguments->checkpoint,
                  "A checkpoint, a weights file or a run's folder")
      ->required();
  command.add_option("--out", arguments->out, "The pruned file, .safetensors")->required();
  command
      .add_option("--sparsity", prune.sparsity,
                  "Share of the weights to set to zero, from 0 to below 1")
      ->required();
  command
      .add_option("--scope", arguments->scope,
                  "layer: the same share of each layer; global: one threshold for all")
      ->check(CLI::IsMember({"layer", "global"}))
      ->capture_default_str();
  command.add_option("--include", prune.include,
                     "Only weights whose name matches, as in 'frame.main.*'");
  command.add_option("--exclude", prune.exclude, "No weights whose name matches");
  return [arguments] {
    arguments->prune.scope =
        arguments->scope == "global" ? compress::PruneScope::kGlobal : compress::PruneScope::kLayer;
    run(*arguments);
  };
}

}  // namespace vidgen::cli
