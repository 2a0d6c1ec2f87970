#include "vidgen/bench/bench.h"

#include <iostream>
#include <memory>

#include "arguments.h"
#include "commands.h"
#include "output.h"
#include "vidgen/core/files.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {
namespace {

namespace fs = std::filesystem;
using core::cat;
using core::Json;

constexpr const char* kPrints =
    "A table of what was measured: medians, the least and the most, in seconds unless it says "
    "otherwise.";

struct BenchArguments {
  ConfigArguments config;
  bench::Repeats repeats;
  fs::path json;
  fs::path trace;
  fs::path step;
};

using Table = std::vector<std::vector<std::string>>;

std::string milliseconds(const Json& seconds) {
  return core::format_number(seconds.get<double>() * 1e3, 1);
}

std::string giga(const Json& value) { return core::format_number(value.get<double>() / 1e9, 1); }

/// "a.b  value" for everything but arrays, in the units of the JSON.
void add_lines(Table& table, const std::string& prefix, const Json& value) {
  for (const auto& [key, item] : value.items()) {
    const std::string name = prefix.empty() ? key : cat(prefix, ".", key);
    if (item.is_array()) continue;
    if (item.is_object()) {
      add_lines(table, name, item);
    } else if (item.is_number_float()) {
      const double number = item.get<double>();
      table.push_back({name, core::format_number(number, number < 100 ? 4 : 0)});
    } else {
      table.push_back({name, item.is_string() ? item.get<std::string>() : item.dump()});
    }
  }
}

/// The parts of a step and each convolution's rate in the three directions.
void print_details(const Json& report) {
  if (report.contains("phases")) {
    Table phases{{"phase", "ms", "%"}};
    for (const auto& [name, phase] : report["phases"].items()) {
      phases.push_back({name, milliseconds(phase["seconds"]),
                        core::format_number(100 * phase["share"].get<double>(), 1)});
    }
    std::cout << "\n" << core::format_table(phases);
  }
  if (report.contains("convolutions")) {
    Table layers{{"convolution", "GFLOP", "forward ms", "GFLOP/s", "input gradient ms", "GFLOP/s",
                  "weight gradient ms", "GFLOP/s"}};
    for (const auto& layer : report["convolutions"]) {
      std::vector<std::string> row{layer["name"], giga(layer["flops"])};
      for (const char* direction : {"forward", "input_gradient", "weight_gradient"}) {
        row.push_back(milliseconds(layer[direction]["seconds"]));
        row.push_back(giga(layer[direction]["flops_per_second"]));
      }
      layers.push_back(std::move(row));
    }
    std::cout << "\n" << core::format_table(layers);
  }
}

void print(const Json& report) {
  Table table{{"what", "value"}};
  Json summary = report;
  summary.erase("phases");
  add_lines(table, "", summary);
  std::cout << core::format_table(table);
  print_details(report);
}

Json measure(const std::string& what, const BenchArguments& arguments) {
  const auto config = arguments.config.read();
  if (what == "train") return bench::bench_train(config, arguments.repeats);
  if (what == "generate") return bench::bench_generate(config, arguments.repeats);
  if (what == "load") return bench::bench_load(config, arguments.repeats);
  return bench::bench_startup(own_program(), arguments.config.config, arguments.repeats);
}

void run(const std::string& what, const BenchArguments& arguments) {
  Outputs outputs;
  if (!arguments.json.empty()) outputs.claim_file(arguments.json);
  if (!arguments.trace.empty() || !arguments.step.empty()) {
    const auto config = arguments.config.read();
    if (!arguments.trace.empty()) bench::trace_training(config, arguments.trace);
    if (!arguments.step.empty()) bench::write_step(config, arguments.step);
    return;
  }
  const Json report = measure(what, arguments);
  print(report);
  if (!arguments.json.empty()) write_json(arguments.json, report);
}

/// Of what is measured of a trained generator.
struct RenderArguments {
  std::string checkpoint;
  int64_t clips = 8;
  std::string precision = "auto";
  bench::Repeats repeats;
  fs::path json;
};

CLI::App& add_rendering(CLI::App& command, const std::string& name, const std::string& help,
                        const std::shared_ptr<RenderArguments>& arguments,
                        Json (*measure)(const RenderArguments&)) {
  auto* sub = command.add_subcommand(name, help);
  sub->footer(kPrints);
  add_checkpoint(*sub, arguments->checkpoint);
  sub->add_option("--clips", arguments->clips, "Clips that are rendered at once")
      ->check(whole_number(1, 1000))
      ->capture_default_str();
  add_precision(*sub, arguments->precision);
  as_output(sub->add_option("--json", arguments->json, "Also write the figures here"));
  sub->callback([arguments, measure] {
    Outputs outputs;
    if (!arguments->json.empty()) outputs.claim_file(arguments->json);
    const Json report = measure(*arguments);
    print(report);
    if (!arguments->json.empty()) write_json(arguments->json, report);
  });
  return *sub;
}

void add_repeats(CLI::App& command, bench::Repeats& repeats) {
  command.add_option("--repeats", repeats.repeats, "Runs that are timed")
      ->check(whole_number(1, 100000))
      ->capture_default_str();
  command.add_option("--warmup", repeats.warmup, "Runs before")
      ->check(whole_number(0, 100000))
      ->capture_default_str();
}

void add_render(CLI::App& command) {
  auto arguments = std::make_shared<RenderArguments>();
  auto& sub = add_rendering(command, "render", "Time a trained generator: clips and single frames.",
                            arguments, [](const RenderArguments& wanted) {
                              return bench::bench_render(wanted.checkpoint,
                                                         infer::parse_precision(wanted.precision),
                                                         wanted.clips, wanted.repeats);
                            });
  add_repeats(sub, arguments->repeats);
}

void add_memory(CLI::App& command) {
  add_rendering(command, "memory", "Measure the memory that rendering takes, in bytes.",
                std::make_shared<RenderArguments>(), [](const RenderArguments& wanted) {
                  return bench::bench_memory(wanted.checkpoint, wanted.clips,
                                             infer::parse_precision(wanted.precision));
                });
}

}  // namespace

Run add_bench(CLI::App& command) {
  command.require_subcommand(1);
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"train", "Time training steps: by phase, by convolution, against the machine's ceiling."},
      {"generate", "Time rendering clips."},
      {"load", "Time the loader, and the first video's way into the clip cache."},
      {"startup", "Time the start of the program and a run of one step."}};
  for (const auto& [name, help] : kinds) {
    auto arguments = std::make_shared<BenchArguments>();
    auto* sub = command.add_subcommand(name, help);
    sub->footer(kPrints);
    add_config(*sub, arguments->config, "train.batch_size=16");
    if (name == "startup") {
      for (const char* option : {"--set", "--data"}) sub->remove_option(sub->get_option(option));
    }
    add_repeats(*sub, arguments->repeats);
    auto* json =
        as_output(sub->add_option("--json", arguments->json, "Also write the figures here"));
    if (name == "train") {
      as_output(sub->add_option("--trace", arguments->trace,
                                "Instead, profile two steps and write a Chrome trace here"))
          ->excludes(json);
      as_output(sub->add_option("--step", arguments->step,
                                "Instead, write one step's inputs, losses and gradients here "
                                "(.safetensors)"))
          ->excludes(json);
    }
    sub->callback([what = name, arguments] { run(what, *arguments); });
  }
  add_render(command);
  add_memory(command);
  return {};
}

}  // namespace vidgen::cli
