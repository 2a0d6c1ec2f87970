#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace vidgen::checkpoint {
class RunFolder;
}
namespace vidgen::train {
struct RunOptions;
}

/// The program's subcommands: one file each, one line each in the table of main.cpp.
namespace vidgen::cli {

/// What a subcommand does once its arguments are parsed.
using Run = std::function<void()>;

/// Each declares the subcommand's arguments on `command` and returns what it does with them.
Run add_train(CLI::App& command);
Run add_sample(CLI::App& command);
Run add_eval(CLI::App& command);
Run add_prune(CLI::App& command);
Run add_quantize(CLI::App& command);
Run add_distill(CLI::App& command);
Run add_export(CLI::App& command);
Run add_compare(CLI::App& command);
Run add_inspect(CLI::App& command);
Run add_data(CLI::App& command);
Run add_bench(CLI::App& command);
Run add_config(CLI::App& command);
Run add_completion(CLI::App& command);

/// Declares --precision of what plays a trained generator: the name of an infer::Precision.
void add_precision(CLI::App& command, std::string& precision);

/// Writes the resolved configuration into a run's folder, which is made if there is none.
void save_config(const checkpoint::RunFolder& folder, const train::RunOptions& config);

/// "vidgen 0.1.0" and what it was built with, one item a line.
std::string version_text();

/// Throws vidgen::Error where the LibTorch that was loaded is of another minor version than the one
/// that vidgen was built with, unless $VIDGEN_ANY_TORCH is set: operators are called that LibTorch
/// keeps for itself, and changes.
void check_torch_version();

}  // namespace vidgen::cli
