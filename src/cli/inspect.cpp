#include <algorithm>
#include <iostream>
#include <memory>

#include "commands.h"
#include "output.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/recovery.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/text.h"
#include "vidgen/data/cache_file.h"

namespace vidgen::cli {
namespace {

namespace fs = std::filesystem;
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
      core::value_or(core::value_or(checkpoint.config, "train", Json()), "evaluate", Json());
  return {{"metric", core::value_or(options, "metric", std::string("score"))},
          {"score", score->second},
          {"step", step->second}};
}

std::vector<std::string> class_names(const Checkpoint& checkpoint) {
  return core::value_or(core::value_or(checkpoint.config, "model", Json()), "class_names",
                        std::vector<std::string>());
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

/// A text of the file.
std::string shown(const Json& text) { return core::printable(text.get<std::string>()); }

std::string pass_lines(const Checkpoint& checkpoint) {
  std::string lines;
  for (const auto& pass : checkpoint.passes) {
    lines +=
        cat("pass      ", shown(pass.at("pass")), " ", core::printable(pass.at("options").dump()),
            " of ", shown(pass.at("source")), ", SHA-1 ", shown(pass.at("source_sha1")), "\n");
  }
  return lines;
}

std::string summary(const Checkpoint& checkpoint) {
  const auto& clip = checkpoint.clip;
  const auto best = best_so_far(checkpoint);
  const auto classes = class_names(checkpoint);
  size_t bytes = 0;
  for (const auto& item : checkpoint.file.tensors) bytes += item.second.nbytes();
  return cat(
      "file      ", core::printable(checkpoint.path.string()), ", ",
      core::format_bytes(core::file_size(checkpoint.path)), "\n", "kind      ",
      checkpoint::kind_name(checkpoint.kind), "\n", "vidgen    ",
      core::printable(checkpoint.vidgen_version), "\n", "step      ", checkpoint.step, "\n",
      best.is_null() ? ""
                     : cat("best      ", shown(best["metric"]), " ", shown(best["score"]),
                           " at step ", shown(best["step"]), "\n"),
      "clip      ", clip.frames, " frames of ", clip.size, "x", clip.size, ", ",
      clip.channels == 1 ? "grey" : "colour", ", ", clip.fps, " frames a second\n",
      classes.empty() ? "" : cat("classes   ", core::printable(core::join_list(classes)), "\n"),
      pass_lines(checkpoint), "generator ", generator_numbers(checkpoint), " numbers\n",
      "tensors   ", checkpoint.file.tensors.size(), " tensors, ", core::format_bytes(bytes), "\n");
}

Json all_of(const Checkpoint& checkpoint) {
  return {{"file", checkpoint.path.string()},
          {"bytes", core::file_size(checkpoint.path)},
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

/// Whether a file is as it was written.
struct Verdict {
  std::filesystem::path file;
  /// What is wrong with it; "" where nothing is.
  std::string problem{};
  /// Whether it has checksums. Without, only what cannot be read is a problem.
  bool has_checksums = true;
};

bool is_cache(const fs::path& path) {
  return path.extension() == ".clips" && !core::is_temporary_name(path);
}

/// Of vidgen's own files that the numbers in them are finite as well.
bool read_all(const fs::path& path) {
  const auto header = checkpoint::read_safetensors_header(path);
  if (header.metadata.count("vidgen.format") > 0) {
    checkpoint::read_checkpoint(path);
  } else {
    checkpoint::read_safetensors(path);
  }
  return header.has_checksums;
}

Verdict verify_file(const fs::path& path) {
  Verdict verdict{path};
  try {
    if (is_cache(path)) {
      verdict.problem = data::CacheFile::find_damage(path);
    } else {
      verdict.has_checksums = read_all(path);
    }
  } catch (const Error& error) {
    verdict.problem = error.what();
    // The line begins with it anyway.
    const std::string name = path.string() + ": ";
    if (verdict.problem.rfind(name, 0) == 0) verdict.problem.erase(0, name.size());
  }
  return verdict;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  // The clips are in a folder of vidgen's cache.
  for (const auto& place : {folder, folder / "clips"}) {
    for (auto& file : core::list_folder(place)) {
      if (is_cache(file)) files.push_back(std::move(file));
    }
  }
  std::sort(files.begin(), files.end());
  const checkpoint::RunFolder run(folder);
  for (auto& file : run.checkpoints()) files.push_back(std::move(file.path));
  std::error_code error;
  for (const auto& file : {run.best(), run.weights()}) {
    if (fs::exists(file, error)) files.push_back(file);
  }
  if (files.empty()) {
    throw Error(cat(folder.string(),
                    ": holds nothing to verify, expected a run's folder or one of clip caches"));
  }
  return files;
}

std::string words(const Verdict& verdict) {
  if (!verdict.problem.empty()) return verdict.problem;
  return verdict.has_checksums ? "ok" : "no checksums, but it can be read";
}

/// Reads all of a file; of a run's folder the best and all other checkpoints and the weights; of a
/// folder of clip caches all of them. Throws vidgen::Error where there is nothing of the kind.
std::vector<Verdict> verify(const fs::path& place) {
  std::error_code error;
  if (!fs::exists(place, error)) throw Error(cat(place.string(), ": no such file or folder"));
  std::vector<Verdict> verdicts;
  const auto files =
      fs::is_directory(place, error) ? files_in(place) : std::vector<fs::path>{place};
  for (const auto& file : files) verdicts.push_back(verify_file(file));
  return verdicts;
}

/// A line for each file.
std::string format_verdicts(const std::vector<Verdict>& verdicts) {
  std::string lines;
  for (const auto& verdict : verdicts)
    lines += cat(verdict.file.string(), ": ", words(verdict), "\n");
  return lines;
}

core::Json verdicts_json(const std::vector<Verdict>& verdicts) {
  auto list = core::Json::array();
  for (const auto& verdict : verdicts) {
    list.push_back(
        {{"file", verdict.file.string()},
         {"ok", verdict.problem.empty()},
         {"checksums", verdict.has_checksums},
         {"problem", verdict.problem.empty() ? core::Json() : core::Json(verdict.problem)}});
  }
  return list;
}

/// Throws vidgen::Error when there is a problem.
void refuse_problems(const std::vector<Verdict>& verdicts) {
  const auto bad = std::count_if(verdicts.begin(), verdicts.end(),
                                 [](const Verdict& verdict) { return !verdict.problem.empty(); });
  if (bad == 0) return;
  throw Error(cat(bad, " of ", verdicts.size(), verdicts.size() == 1 ? " file" : " files",
                  bad == 1 ? " is damaged" : " are damaged"));
}

void run_verify(const InspectArguments& arguments) {
  const auto verdicts = verify(arguments.file);
  std::cout << (arguments.json ? json_text(verdicts_json(verdicts)) : format_verdicts(verdicts));
  refuse_problems(verdicts);
}

void run(const InspectArguments& arguments) {
  if (arguments.verify) return run_verify(arguments);
  const auto checkpoint = checkpoint::read_trained(arguments.file);
  if (arguments.json) {
    std::cout << json_text(all_of(checkpoint));
    return;
  }
  std::cout << summary(checkpoint);
  if (arguments.config)
    std::cout << "\nconfiguration\n"
              << core::printable_lines(config::write_yaml(checkpoint.config));
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
