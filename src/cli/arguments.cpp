#include <charconv>
#include <cmath>

#include "commands.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"

namespace vidgen::cli {
namespace {

using core::cat;

std::string bound_text(int64_t bound) { return bound == INT64_MAX ? "2^63-1" : cat(bound); }

/// The whole text as a number of this type.
template <class T>
bool parse(const std::string& text, T& value) {
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && last == end;
}

template <class T, class InRange>
CLI::Validator checked(const std::string& kind, const std::string& range, InRange in_range) {
  const auto check = [=](const std::string& text) {
    T value = 0;
    if (parse(text, value) && in_range(value)) return std::string();
    return cat("found ", text.empty() ? "nothing" : text, ", expected ", kind, " ", range);
  };
  return CLI::Validator(check, range);
}

}  // namespace

CLI::Validator whole_number(int64_t min, int64_t max) {
  const auto range = cat(min, " to ", bound_text(max));
  return checked<int64_t>("a whole number from", range,
                          [=](int64_t value) { return value >= min && value <= max; });
}

CLI::Validator number(double min, double max) {
  return checked<double>("a number from", cat(min, " to ", max),
                         [=](double value) { return value >= min && value <= max; });
}

CLI::Validator number_from(double min) {
  return checked<double>("a number of", cat("at least ", min),
                         [=](double value) { return value >= min && std::isfinite(value); });
}

CLI::Option* as_path(CLI::Option* option) {
  const auto expand = [](std::string& text) {
    if (text.empty()) return std::string("found nothing, expected the name of a file or folder");
    try {
      text = core::expand_home(text);
    } catch (const Error& error) {
      return cat("found ", error.what());
    }
    return std::string();
  };
  option->transform(CLI::Validator(expand, ""));
  return option->type_name("PATH");
}

CLI::Option* as_output(CLI::Option* option) {
  as_path(option);
  return option->check(CLI::Validator(
      [](const std::string& text) {
        return text == "-" ? "- is refused: vidgen writes whole files, nothing to standard output "
                             "(./- is a file of that name)"
                           : "";
      },
      ""));
}

CLI::Option* add_checkpoint(CLI::App& command, std::string& checkpoint) {
  return as_path(command.add_option("RUN,--checkpoint", checkpoint,
                                    "A run's folder, a weights file or a checkpoint"))
      ->required();
}

config::Config ConfigArguments::read() const {
  std::string scaled;
  auto read = config::read_config(config, changes, &scaled);
  if (!scaled.empty()) core::log_info(scaled);
  return read;
}

config::Config ConfigArguments::read_quietly() const {
  return config::read_config(config, changes);
}

void add_config(CLI::App& command, ConfigArguments& arguments, const std::string& example) {
  as_path(command.add_option("CONFIG,--config", arguments.config,
                             "YAML file; its keys: vidgen config --explain"))
      ->required();
  command
      .add_option("--set", arguments.changes.assignments,
                  "Set a key, as in --set " + example +
                      "; names and paths are taken as they stand. May be given again")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  as_path(
      command.add_option("--data", arguments.changes.sources,
                         "A video or a folder of videos, in place of data.sources. May be given "
                         "again"))
      ->allow_extra_args(false);
}

}  // namespace vidgen::cli
