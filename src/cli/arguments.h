#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vidgen/config/config.h"

/// Arguments that several subcommands have, and what they check alike.
namespace vidgen::cli {

/// A whole number within these bounds: "found x, expected a whole number from 1 to 1000".
CLI::Validator whole_number(int64_t min, int64_t max);
/// A number within these bounds; CLI::Range lets "nan" pass.
CLI::Validator number(double min, double max);
/// A number of at least `min`.
CLI::Validator number_from(double min);

/// --seed: whole numbers from 0 to 2^63-1.
template <class Seed>
CLI::Option* add_seed(CLI::App& command, Seed& seed, const std::string& help) {
  return command.add_option("--seed", seed, help)
      ->check(whole_number(0, INT64_MAX))
      ->capture_default_str();
}

/// Makes the option a path: ~ is the home folder also where no shell has seen it (--out=~/a.mp4).
CLI::Option* as_path(CLI::Option* option);
/// The same for a path that is written to, which standard output cannot be: "-" is refused.
CLI::Option* as_output(CLI::Option* option);

/// RUN or --checkpoint RUN: the trained generator that a subcommand works on.
CLI::Option* add_checkpoint(
    CLI::App& command, std::string& checkpoint,
    const std::string& help = "A run's folder, a weights file or a checkpoint");

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

/// Makes help pages of this form.
void use_help_form(CLI::App& program);

/// What went wrong with the arguments, in one line, with what was meant where that can be guessed.
std::string explain(const CLI::ParseError& error, const CLI::App& program);

}  // namespace vidgen::cli
