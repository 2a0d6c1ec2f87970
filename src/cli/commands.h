#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/config/config.h"

/// The program's subcommands, one line each in the table of main.cpp, and the arguments that
/// several of them have.
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

/// A whole number within these bounds: "found x, expected a whole number from 1 to 1000".
CLI::Validator whole_number(int64_t min, int64_t max);
/// A number within these bounds; CLI::Range lets "nan" pass.
CLI::Validator number(double min, double max);
/// A number of at least `min`.
CLI::Validator number_from(double min);

/// An option whose value is checked, and shown as the default.
template <class Value>
CLI::Option* add_value(CLI::App& command, const std::string& name, Value& value,
                       const CLI::Validator& check, const std::string& help) {
  return command.add_option(name, value, help)->check(check)->capture_default_str();
}

/// --seed: whole numbers from 0 to 2^63-1.
template <class Seed>
CLI::Option* add_seed(CLI::App& command, Seed& seed, const std::string& help) {
  return add_value(command, "--seed", seed, whole_number(0, INT64_MAX), help);
}

/// Makes the option a path: ~ is the home folder also where no shell has seen it (--out=~/a.mp4).
CLI::Option* as_path(CLI::Option* option);
/// The same for a path that is written to, which standard output cannot be: "-" is refused.
CLI::Option* as_output(CLI::Option* option);

/// RUN or --checkpoint RUN: the trained generator that a subcommand works on.
CLI::Option* add_checkpoint(CLI::App& command, std::string& checkpoint);

/// Declares --precision of what plays a trained generator: the name of an infer::Precision.
void add_precision(CLI::App& command, std::string& precision);

/// A configuration and its changes.
struct ConfigArguments {
  std::string config;
  config::Changes changes{};

  /// Says how networks were scaled, if they were.
  config::Config read() const;
  /// Without a word: for what looks at the data only.
  config::Config read_quietly() const;
};

/// CONFIG or --config CONFIG, --set, --data. The arguments must outlive the command.
void add_config(CLI::App& command, ConfigArguments& arguments, const std::string& example);

/// "--name" of each option, and the names of the subcommands.
std::vector<std::string> option_names(const CLI::App& command);
std::vector<std::string> subcommand_names(const CLI::App& command);

/// Makes help pages of this form.
void use_help_form(CLI::App& program);

/// What went wrong with the arguments, in one line, with what was meant where that can be guessed.
std::string explain(const CLI::ParseError& error, const CLI::App& program);

/// Writes the resolved configuration into a run's folder, which is made if there is none.
void save_config(const checkpoint::RunFolder& folder, const config::Config& config);

/// "vidgen 0.1.0" and what it was built with, one item a line.
std::string version_text();

/// Throws vidgen::Error where the LibTorch that was loaded is of another minor version than the one
/// that vidgen was built with, unless $VIDGEN_ANY_TORCH is set: operators are called that LibTorch
/// keeps for itself, and changes.
void check_torch_version();

/// Asks the kernel for short turns, so that threads that wait asleep, as ours do (waiting.cpp), are
/// woken at once beside another busy process. (From Linux 6.12 on; before, they are anyway.)
void ask_for_short_time_slices();

}  // namespace vidgen::cli
