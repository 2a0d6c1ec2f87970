#include <iostream>
#include <memory>

#include "commands.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/config/yaml.h"
#include "vidgen/core/error.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {
namespace {

using core::cat;

std::string sparsity(const torch::Tensor& tensor) {
  if (tensor.numel() == 0) return "";
  const auto zeros = tensor.numel() - torch::count_nonzero(tensor).item<int64_t>();
  return core::format_number(
      100.0 * static_cast<double>(zeros) / static_cast<double>(tensor.numel()), 1);
}

std::string format_tensors(const checkpoint::Tensors& tensors) {
  std::vector<std::vector<std::string>> table{{"tensor", "shape", "type", "bytes", "zeros %"}};
  size_t bytes = 0;
  for (const auto& [name, tensor] : tensors) {
    bytes += tensor.nbytes();
    table.push_back({name, cat(tensor.sizes()), c10::toString(tensor.scalar_type()),
                     cat(tensor.nbytes()), sparsity(tensor)});
  }
  return core::format_table(table) +
         cat(tensors.size(), " tensors, ", core::format_bytes(bytes), "\n");
}

/// "" when there is none.
std::string best_so_far(const checkpoint::Checkpoint& checkpoint) {
  const auto& metadata = checkpoint.file.metadata;
  const auto step = metadata.find("best.step"), score = metadata.find("best.score");
  if (step == metadata.end() || score == metadata.end() || step->second == "-1") return "";
  const auto options = checkpoint.config.value("train", core::Json::object())
                           .value("evaluate", core::Json::object());
  return cat("best      ", options.value("metric", std::string("score")), " ", score->second,
             " at step ", step->second, "\n");
}

/// "" when clips have none.
std::string class_line(const checkpoint::Checkpoint& checkpoint) {
  const auto names = checkpoint.config.value("model", core::Json::object())
                         .value("class_names", std::vector<std::string>());
  return names.empty() ? "" : cat("classes   ", core::join(names), "\n");
}

std::string pass_lines(const checkpoint::Checkpoint& checkpoint) {
  std::string lines;
  for (const auto& pass : checkpoint.passes) {
    lines += cat("pass      ", pass.at("pass").get<std::string>(), " ", pass.at("options").dump(),
                 " of ", pass.at("source").get<std::string>(), ", SHA-1 ",
                 pass.at("source_sha1").get<std::string>(), "\n");
  }
  return lines;
}

void run(const std::string& file) {
  const auto checkpoint = checkpoint::read_checkpoint(checkpoint::find_checkpoint(file));
  const auto& clip = checkpoint.clip;
  std::cout << "file      " << checkpoint.path.string() << "\n"
            << "kind      "
            << (checkpoint.kind == checkpoint::Kind::kCheckpoint ? "checkpoint" : "weights") << "\n"
            << "vidgen    " << checkpoint.vidgen_version << "\n"
            << "step      " << checkpoint.step << "\n"
            << best_so_far(checkpoint) << "clip      " << clip.frames << " frames of " << clip.size
            << "x" << clip.size << ", " << (clip.channels == 1 ? "grey" : "colour") << ", "
            << clip.fps << " frames a second\n"
            << class_line(checkpoint) << pass_lines(checkpoint) << "\nconfiguration\n"
            << config::write_yaml(checkpoint.config) << "\n"
            << format_tensors(checkpoint.file.tensors);
}

}  // namespace

Run add_inspect(CLI::App& command) {
  auto file = std::make_shared<std::string>();
  command.add_option("FILE", *file, "A checkpoint, a weights file or a run's folder")->required();
  return [file] { run(*file); };
}

}  // namespace vidgen::cli
