#include "starting_point.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include "vidgen/checkpoint/recovery.h"
#include "vidgen/core/error.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {
namespace {

namespace fs = std::filesystem;
using core::cat;

using Read = checkpoint::Checkpoint (*)(const fs::path&);

/// What was found to go on from.
struct Found {
  /// Step 0 without a file where the run begins.
  fs::path file;
  int64_t step = 0;
  /// Newer checkpoints that are damaged.
  std::vector<checkpoint::Damaged> passed_over;
};

bool belongs_to(const checkpoint::RunFolder& run, const fs::path& file) {
  std::error_code error;
  if (fs::equivalent(file, run.best(), error)) return true;
  for (const auto& checkpoint : run.checkpoints()) {
    if (fs::equivalent(file, checkpoint.path, error)) return true;
  }
  return false;
}

/// What may be gone on from, the first that is whole; empty where the run begins. A run that is
/// already there is never written over.
std::vector<fs::path> choices(const checkpoint::RunFolder& run, const std::string& choice) {
  std::vector<fs::path> files;
  const auto checkpoints = run.checkpoints();
  if (choice == "auto") {
    for (auto file = checkpoints.rbegin(); file != checkpoints.rend(); ++file)
      files.push_back(file->path);
    return files;
  }
  if (!checkpoints.empty() && (choice == "none" || !belongs_to(run, choice))) {
    throw Error(cat(run.path().string(), ": already holds a run (",
                    checkpoints.back().path.filename().string(),
                    "); use --resume auto, --resume with one of its checkpoints or its ",
                    run.best().filename().string(), ", or another --run-dir"));
  }
  if (choice != "none") files.emplace_back(choice);
  return files;
}

[[noreturn]] void refuse(const checkpoint::RunFolder& run,
                         const std::vector<checkpoint::Damaged>& problems) {
  std::vector<std::string> parts;
  for (const auto& problem : problems) parts.emplace_back(problem.what());
  std::error_code error;
  const auto best = run.best().string();
  throw Error(cat(run.path().string(), ": no checkpoint can be gone on from: ",
                  core::join(parts, "; "), ". Give one from a backup (--resume FILE), ",
                  fs::exists(best, error) ? cat("or the best generator (--resume ", best, "), ")
                                          : std::string(),
                  "or begin anew in another --run-dir"));
}

Found find(const checkpoint::RunFolder& run, const std::string& choice, Read read,
           const Begin& begin) {
  const auto files = choices(run, choice);
  Found found;
  if (files.empty()) begin(nullptr);
  for (const auto& file : files) {
    try {
      const auto start = read(file);
      begin(&start);
      found.file = file;
      found.step = start.step;
      return found;
    } catch (const checkpoint::Damaged& damaged) {
      // Of another file (a teacher), or the one that was asked for.
      if (damaged.path() != file || choice != "auto") throw;
      found.passed_over.push_back(damaged);
    }
  }
  if (!files.empty()) refuse(run, found.passed_over);
  return found;
}

}  // namespace

void begin_run(const checkpoint::RunFolder& run, const std::string& choice, const Begin& begin) {
  const auto found = find(run, choice, checkpoint::read_checkpoint, begin);
  for (const auto& problem : found.passed_over) {
    core::log_warning(cat(problem.what(), "; kept as ",
                          checkpoint::keep_damaged(problem.path()).string(), ", going on from ",
                          found.file.filename().string()));
  }
  checkpoint::set_aside_later(run, found.step, !found.passed_over.empty());
}

void begin_dry_run(const checkpoint::RunFolder& run, const std::string& choice,
                   const Begin& begin) {
  const auto found = find(run, choice, checkpoint::read_description, begin);
  for (const auto& problem : found.passed_over) {
    core::log_warning(
        cat(problem.what(), "; a run would go on from ", found.file.filename().string()));
  }
}

}  // namespace vidgen::cli
