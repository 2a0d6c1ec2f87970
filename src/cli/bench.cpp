#include "vidgen/bench/bench.h"

#include <functional>
#include <iostream>
#include <memory>

#include "bench_quality.h"
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

/// Shows the figures, and writes them to `json` if that is named.
void report_on(const fs::path& json, const std::function<Json()>& measure) {
  Outputs outputs;
  if (!json.empty()) outputs.claim_file(json);
  const Json report = measure();
  print(report);
  if (!json.empty()) write_json(json, report);
}

void run(const std::string& what, const BenchArguments& arguments) {
  if (arguments.trace.empty() && arguments.step.empty())
    return report_on(arguments.json, [&] { return measure(what, arguments); });
  const auto config = arguments.config.read();
  if (!arguments.trace.empty()) bench::trace_training(config, arguments.trace);
  if (!arguments.step.empty()) bench::write_step(config, arguments.step);
}

void add_repeats(CLI::App& command, bench::Repeats& repeats) {
  add_value(command, "--repeats", repeats.repeats, whole_number(1, 100000), "Runs that are timed");
  add_value(command, "--warmup", repeats.warmup, whole_number(0, 100000), "Runs before");
}

/// What is measured of a trained generator: `name` is render or memory.
void add_rendering(CLI::App& command, const std::string& name, const std::string& help) {
  struct Arguments {
    std::string checkpoint;
    int64_t clips = 8;
    std::string precision = "auto";
    bench::Repeats repeats;
    fs::path json;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* sub = command.add_subcommand(name, help);
  sub->footer(kPrints);
  add_checkpoint(*sub, arguments->checkpoint);
  add_value(*sub, "--clips", arguments->clips, whole_number(1, 1000),
            "Clips that are rendered at once");
  add_precision(*sub, arguments->precision);
  as_output(sub->add_option("--json", arguments->json, "Also write the figures here"));
  if (name == "render") add_repeats(*sub, arguments->repeats);
  sub->callback([name, arguments] {
    report_on(arguments->json, [&] {
      const auto& [checkpoint, clips, precision_name, repeats, json] = *arguments;
      const auto precision = infer::parse_precision(precision_name);
      return name == "render" ? bench::bench_render(checkpoint, precision, clips, repeats)
                              : bench::bench_memory(checkpoint, clips, precision);
    });
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
  add_rendering(command, "render", "Time a trained generator: clips and single frames.");
  add_rendering(command, "memory", "Measure the memory that rendering takes, in bytes.");
  add_bench_quality(command);
  return {};
}

}  // namespace vidgen::cli
