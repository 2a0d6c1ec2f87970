#include <iostream>
#include <memory>

#include "arguments.h"
#include "commands.h"
#include "output.h"
#include "verify.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/config/yaml.h"
#include "vidgen/core/error.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {
namespace {

using checkpoint::Checkpoint;
using core::cat;
using core::Json;

struct InspectArguments {
  std::string file;
  bool tensors = false;
  bool config = false;
  bool json = false;
  bool verify = false;
};

/// Percentage of zeros; null for a tensor without elements.
Json zeros(const torch::Tensor& tensor) {
  if (tensor.numel() == 0) return nullptr;
  const auto count = tensor.numel() - torch::count_nonzero(tensor).item<int64_t>();
  return 100.0 * static_cast<double>(count) / static_cast<double>(tensor.numel());
}

std::string format_tensors(const checkpoint::Tensors& tensors) {
  std::vector<std::vector<std::string>> table{{"tensor", "shape", "type", "bytes", "zeros %"}};
  for (const auto& [name, tensor] : tensors) {
    const auto share = zeros(tensor);
    table.push_back({name, cat(tensor.sizes()), c10::toString(tensor.scalar_type()),
                     cat(tensor.nbytes()),
                     share.is_null() ? "" : core::format_number(share.get<double>(), 1)});
  }
  return core::format_table(table);
}

Json tensors_json(const checkpoint::Tensors& tensors) {
  Json list = Json::array();
  for (const auto& [name, tensor] : tensors) {
    list.push_back({{"name", name},
                    {"shape", tensor.sizes().vec()},
                    {"type", c10::toString(tensor.scalar_type())},
                    {"bytes", tensor.nbytes()},
                    {"zeros_percent", zeros(tensor)}});
  }
  return list;
}

/// Metric, score and step of the best generator so far; null when there is none.
Json best_so_far(const Checkpoint& checkpoint) {
  const auto& metadata = checkpoint.file.metadata;
  const auto step = metadata.find("best.step"), score = metadata.find("best.score");
  if (step == metadata.end() || score == metadata.end() || step->second == "-1") return nullptr;
  const auto options =
      checkpoint.config.value("train", Json::object()).value("evaluate", Json::object());
  return {{"metric", options.value("metric", std::string("score"))},
          {"score", score->second},
          {"step", step->second}};
}

std::vector<std::string> class_names(const Checkpoint& checkpoint) {
  return checkpoint.config.value("model", Json::object())
      .value("class_names", std::vector<std::string>());
}

/// Numbers in the tensors that the generator consists of.
int64_t generator_numbers(const Checkpoint& checkpoint) {
  int64_t count = 0;
  const bool with_state = checkpoint.kind == checkpoint::Kind::kCheckpoint;
  for (const auto& [name, tensor] : checkpoint.file.tensors) {
    const bool of_generator = with_state ? name.rfind(checkpoint.generator_prefix(), 0) == 0
                                         : name.rfind("mask.", 0) != 0;
    if (of_generator) count += tensor.numel();
  }
  return count;
}

std::string pass_lines(const Checkpoint& checkpoint) {
  std::string lines;
  for (const auto& pass : checkpoint.passes) {
    lines += cat("pass      ", pass.at("pass").get<std::string>(), " ", pass.at("options").dump(),
                 " of ", pass.at("source").get<std::string>(), ", SHA-1 ",
                 pass.at("source_sha1").get<std::string>(), "\n");
  }
  return lines;
}

std::string summary(const Checkpoint& checkpoint) {
  const auto& clip = checkpoint.clip;
  const auto best = best_so_far(checkpoint);
  const auto classes = class_names(checkpoint);
  size_t bytes = 0;
  for (const auto& item : checkpoint.file.tensors) bytes += item.second.nbytes();
  return cat("file      ", checkpoint.path.string(), ", ",
             core::format_bytes(std::filesystem::file_size(checkpoint.path)), "\n", "kind      ",
             checkpoint::kind_name(checkpoint.kind), "\n", "vidgen    ", checkpoint.vidgen_version,
             "\n", "step      ", checkpoint.step, "\n",
             best.is_null() ? ""
                            : cat("best      ", best["metric"].get<std::string>(), " ",
                                  best["score"].get<std::string>(), " at step ",
                                  best["step"].get<std::string>(), "\n"),
             "clip      ", clip.frames, " frames of ", clip.size, "x", clip.size, ", ",
             clip.channels == 1 ? "grey" : "colour", ", ", clip.fps, " frames a second\n",
             classes.empty() ? "" : cat("classes   ", core::join_list(classes), "\n"),
             pass_lines(checkpoint), "generator ", generator_numbers(checkpoint), " numbers\n",
             "tensors   ", checkpoint.file.tensors.size(), " tensors, ", core::format_bytes(bytes),
             "\n");
}

Json all_of(const Checkpoint& checkpoint) {
  return {{"file", checkpoint.path.string()},
          {"bytes", std::filesystem::file_size(checkpoint.path)},
          {"kind", checkpoint::kind_name(checkpoint.kind)},
          {"vidgen", checkpoint.vidgen_version},
          {"step", checkpoint.step},
          {"best", best_so_far(checkpoint)},
          {"clip", core::write_fields(checkpoint.clip)},
          {"classes", class_names(checkpoint)},
          {"passes", checkpoint.passes},
          {"generator_numbers", generator_numbers(checkpoint)},
          {"config", checkpoint.config},
          {"tensors", tensors_json(checkpoint.file.tensors)}};
}

void run_verify(const InspectArguments& arguments) {
  const auto verdicts = verify(arguments.file);
  std::cout << (arguments.json ? json_text(verdicts_json(verdicts)) : format_verdicts(verdicts));
  refuse_problems(verdicts);
}

void run(const InspectArguments& arguments) {
  if (arguments.verify) return run_verify(arguments);
  const auto checkpoint = checkpoint::read_checkpoint(checkpoint::find_checkpoint(arguments.file));
  if (arguments.json) {
    std::cout << json_text(all_of(checkpoint));
    return;
  }
  std::cout << summary(checkpoint);
  if (arguments.config) std::cout << "\nconfiguration\n" << config::write_yaml(checkpoint.config);
  if (arguments.tensors) std::cout << "\n" << format_tensors(checkpoint.file.tensors);
}

}  // namespace

Run add_inspect(CLI::App& command) {
  auto arguments = std::make_shared<InspectArguments>();
  add_checkpoint(command, arguments->file);
  auto* config =
      command.add_flag("--config", arguments->config, "Also show the configuration inside");
  auto* tensors = command.add_flag("--tensors", arguments->tensors, "Also list the tensors");
  command.add_flag("--json", arguments->json, "All of it as JSON, instead of text");
  command
      .add_flag("--verify", arguments->verify,
                "Read all of the file, of a run's folder or of a folder of clip caches, and say of "
                "each file whether it is as it was written; exit code 2 when one is not")
      ->excludes(config)
      ->excludes(tensors);
  return [arguments] { run(*arguments); };
}

}  // namespace vidgen::cli
