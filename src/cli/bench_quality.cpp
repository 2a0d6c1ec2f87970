#include "bench_quality.h"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <memory>
#include <set>

#include "commands.h"
#include "output.h"
#include "vidgen/bench/bench.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/core/error.h"
#include "vidgen/core/interrupt.h"
#include "vidgen/core/text.h"
#include "vidgen/metrics/scores.h"

namespace vidgen::cli {
namespace {

namespace fs = std::filesystem;
using core::cat;
using core::Json;

constexpr const char* kQualityPrints =
    "A row for each seed and the median: minutes from the first step to the end of the evaluation "
    "that met every target, with all that a run does; training minutes, the same without "
    "evaluations; the step; each metric there, and the best value of the run. \"not reached\" "
    "where the run ended before.";

struct QualityArguments {
  ConfigArguments config;
  std::vector<std::string> targets;
  bench::QualityOptions options;
  fs::path json;
};

std::string metric_of(const std::string& target) { return target.substr(0, target.find('=')); }

/// What is wrong with a text that should be METRIC=VALUE; "" where it is one.
std::string problem_of_target(const std::string& text) {
  if (text.find('=') == std::string::npos) {
    return cat("found ", text.empty() ? "nothing" : text,
               ", expected METRIC=VALUE, as in swd_video=0.06");
  }
  const auto name = metric_of(text);
  const auto& known = metrics::score_names();
  if (std::find(known.begin(), known.end(), name) == known.end())
    return cat("unknown metric \"", name, "\", expected one of ", core::join(known));
  // A validator changes what it checks.
  std::string value = text.substr(name.size() + 1);
  const auto problem = number_from(0)(value);
  return problem.empty() ? "" : cat(name, ": ", problem);
}

/// Of texts in which there is no problem. Throws vidgen::Error for a metric that is named twice.
std::vector<bench::Target> targets_of(const std::vector<std::string>& texts) {
  std::vector<bench::Target> targets;
  std::set<std::string> named;
  for (const auto& text : texts) {
    bench::Target target{metric_of(text)};
    if (!named.insert(target.metric).second)
      throw Error(cat("--target ", target.metric, ": given twice, expected one value"));
    const char* value = text.data() + target.metric.size() + 1;
    std::from_chars(value, text.data() + text.size(), target.value);
    targets.push_back(std::move(target));
  }
  return targets;
}

/// `decimals` of a number; `otherwise` for null.
std::string number_cell(const Json& value, int decimals, const std::string& otherwise) {
  return value.is_null() ? otherwise : core::format_number(value.get<double>(), decimals);
}

std::vector<std::string> time_cells(const std::string& name, const Json& row, int step_decimals) {
  return {name, number_cell(row["minutes"], 2, "not reached"),
          number_cell(row["training_minutes"], 2, ""), number_cell(row["step"], step_decimals, "")};
}

void print_quality(const Json& report) {
  std::vector<std::string> heading{"seed", "minutes", "training minutes", "step"};
  std::vector<std::string> targets;
  for (const auto& [metric, value] : report["targets"].items()) {
    heading.push_back(metric);
    heading.push_back("best " + metric);
    targets.push_back(cat(metric, "=", value.get<double>()));
  }
  std::vector<std::vector<std::string>> table{heading};
  for (const auto& row : report["seeds"]) {
    auto cells = time_cells(row["seed"].dump(), row, 0);
    for (const auto& [metric, best] : row["best"].items()) {
      const auto& values = row["values"];
      cells.push_back(values.is_null() ? "" : digits(values[metric].get<double>()));
      cells.push_back(best.is_null() ? "" : digits(best["value"].get<double>()));
    }
    table.push_back(std::move(cells));
  }
  auto median = time_cells("median", report["median"], 1);
  median.resize(heading.size());
  table.push_back(std::move(median));
  std::cout << "trained to " << core::join(targets) << ", evaluated every "
            << report["evaluate_every"] << " steps\n\n"
            << core::format_table(table);
}

void measure_quality(QualityArguments arguments) {
  auto& options = arguments.options;
  options.targets = targets_of(arguments.targets);
  const auto config = arguments.config.read();
  options.begin = [](const train::RunOptions& run) {
    save_config(checkpoint::RunFolder(run.run_dir), run);
  };
  Outputs outputs;
  if (!arguments.json.empty()) outputs.claim_file(arguments.json);
  core::catch_interrupts();
  const Json report = bench::bench_quality(config, options);
  print_quality(report);
  if (!arguments.json.empty()) write_json(arguments.json, report);
}

}  // namespace

void add_bench_quality(CLI::App& bench) {
  auto arguments = std::make_shared<QualityArguments>();
  auto* command = bench.add_subcommand(
      "quality", "Time training until the averaged generator reaches a quality.");
  command->footer(kQualityPrints);
  add_config(*command, arguments->config, "train.evaluate.every=100");
  command
      ->add_option("--target", arguments->targets,
                   "Train until an evaluation finds the metric of vidgen eval at least as near to "
                   "its ideal, as in --target swd_video=0.06. May be given again: all are to be "
                   "met at once")
      ->type_name("METRIC=VALUE")
      ->check(CLI::Validator([](const std::string& text) { return problem_of_target(text); }, ""))
      ->allow_extra_args(false)
      ->required();
  auto& options = arguments->options;
  add_value(*command, "--seeds", options.seeds, whole_number(1, 1000),
            "Runs, with train.seed and the seeds after it");
  add_value(*command, "--max-minutes", options.max_minutes, number_from(0),
            "Give a run up after so many minutes, evaluations included; 0 leaves it to train.steps "
            "and train.minutes");
  as_output(command->add_option("--run-dir", options.run_dir,
                                "Keep the runs in here, each in seed-N, as vidgen train would "
                                "write them"));
  as_output(command->add_option("--json", arguments->json, "Also write the figures here"));
  command->callback([arguments] { measure_quality(*arguments); });
}

}  // namespace vidgen::cli
