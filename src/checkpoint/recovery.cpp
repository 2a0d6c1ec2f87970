#include "vidgen/checkpoint/recovery.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "vidgen/checkpoint/run_log.h"
#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"

namespace vidgen::checkpoint {
namespace {

namespace fs = std::filesystem;
using core::cat;

/// `path`, or with the first number behind it that gives no file of another's.
fs::path free_name(const fs::path& path) {
  fs::path name = path;
  std::error_code error;
  for (int number = 2; fs::exists(fs::symlink_status(name, error)); ++number)
    name = cat(path.string(), ".", number);
  return name;
}

void rename_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) {
    throw Error(cat("cannot rename ", from.string(), " to ", to.string(), ": ", error.message()));
  }
}

/// The step that a file is of; none where there is no such file, or it cannot be told.
std::optional<int64_t> step_in(const fs::path& path) {
  try {
    return read_description(path).step;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string count_of(size_t count, const char* what) {
  return cat(count, " ", what, count == 1 ? "" : "s");
}

/// What the folder stands for, best first.
std::vector<fs::path> candidates(const RunFolder& run, Prefer prefer) {
  std::vector<fs::path> files;
  const auto checkpoints = run.checkpoints();
  std::error_code error;
  const bool finished = fs::exists(run.weights(), error);
  // Weights that are damaged are tried first: so it is said.
  const int64_t step = step_in(run.weights()).value_or(std::numeric_limits<int64_t>::max());
  for (auto file = checkpoints.rbegin(); file != checkpoints.rend(); ++file)
    files.push_back(file->path);
  if (!finished) return files;
  auto place = files.end();
  if (prefer == Prefer::kWeights) {
    const auto newer = std::count_if(checkpoints.begin(), checkpoints.end(),
                                     [&](const StepFile& file) { return file.step > step; });
    place = files.begin() + newer;
  }
  files.insert(place, run.weights());
  return files;
}

Checkpoint read_newest(const RunFolder& run, const std::vector<fs::path>& files) {
  std::vector<std::string> problems;
  for (const auto& file : files) {
    try {
      auto checkpoint = read_checkpoint(file);
      for (const auto& problem : problems)
        core::log_warning(cat(problem, "; ", file.string(), " is taken instead"));
      return checkpoint;
    } catch (const Damaged& damaged) {
      if (files.size() == 1) throw;
      problems.emplace_back(damaged.what());
    }
  }
  throw Error(
      cat(run.path().string(), ": none of its files can be read: ", core::join(problems, "; ")));
}

}  // namespace

fs::path keep_damaged(const fs::path& file) {
  const auto kept = free_name(cat(file.string(), ".damaged"));
  rename_file(file, kept);
  core::flush_to_disk(core::folder_of(kept));
  return kept;
}

void set_aside_later(const RunFolder& run, int64_t step, bool passed_over) {
  std::vector<fs::path> files;
  // What there is to say of them.
  std::vector<std::string> words;
  // The order is that in which they are moved: the run can go on from what is left at any time.
  for (const auto& file : {run.weights(), run.best()}) {
    if (step_in(file).value_or(step) <= step) continue;
    files.push_back(file);
    words.push_back(file.filename().string());
  }
  auto checkpoints = run.checkpoints();
  std::reverse(checkpoints.begin(), checkpoints.end());
  const size_t before = files.size();
  for (const auto& file : checkpoints) {
    if (file.step > step) files.push_back(file.path);
  }
  if (files.size() > before) words.push_back(count_of(files.size() - before, "checkpoint"));
  if (!passed_over && files.empty()) return;

  const auto samples = run.samples_after(step);
  if (!samples.empty()) words.push_back(count_of(samples.size(), "file") + " of samples");
  files.insert(files.end(), samples.begin(), samples.end());
  const auto aside = free_name(run.path() / "aside");
  core::make_folder(aside);
  const auto lines = RunLog(run.log()).copy_later(step, aside / run.log().filename());
  if (lines > 0) words.push_back(count_of(static_cast<size_t>(lines), "line") + " of the log");
  for (const auto& file : files) {
    const auto to = aside / file.lexically_relative(run.path());
    core::make_folder(to.parent_path());
    rename_file(file, to);
    core::flush_to_disk(to.parent_path());
    core::flush_to_disk(file.parent_path());
  }
  core::flush_to_disk(run.path());
  std::error_code ignored;
  if (words.empty()) fs::remove(aside, ignored);
  if (words.empty()) return;
  core::log_info(cat(run.path().string(), ": goes on from step ", step,
                     "; what it had of later steps is kept in ", aside.string(), ": ",
                     core::join(words)));
}

Checkpoint read_trained(const fs::path& run_or_file, Prefer prefer) {
  std::error_code error;
  const auto status = fs::status(run_or_file, error);
  if (status.type() == fs::file_type::not_found)
    throw Error(cat(run_or_file.string(), ": no such file or run folder"));
  if (error) throw Error(cat("cannot read ", run_or_file.string(), ": ", error.message()));
  if (!fs::is_directory(status)) return read_checkpoint(run_or_file);
  const RunFolder run(run_or_file);
  const auto files = candidates(run, prefer);
  if (files.empty()) {
    throw Error(cat(run_or_file.string(), ": holds neither weights.safetensors nor checkpoints"));
  }
  auto checkpoint = read_newest(run, files);
  const bool passes_weights = prefer == Prefer::kWeights && checkpoint.path != run.weights() &&
                              fs::exists(run.weights(), error);
  if (passes_weights && files.front() == checkpoint.path) {
    core::log_info(cat(checkpoint.path.string(), " is taken: the run went on after it wrote ",
                       run.weights().filename().string()));
  }
  return checkpoint;
}

}  // namespace vidgen::checkpoint
