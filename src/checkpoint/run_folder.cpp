#include "vidgen/checkpoint/run_folder.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>

#include "vidgen/core/error.h"
#include "vidgen/core/files.h"

namespace vidgen::checkpoint {
namespace {

namespace fs = std::filesystem;
using core::cat;

std::string step_name(int64_t step) {
  char name[32];
  std::snprintf(name, sizeof(name), "step-%08ld", step);
  return name;
}

/// The N of "step-N" with this extension; -1 for another name.
int64_t step_of(const fs::path& path, const char* extension) {
  const std::string stem = path.stem().string();
  if (path.extension() != extension || stem.rfind("step-", 0) != 0) return -1;
  int64_t step = -1;
  const char* end = stem.data() + stem.size();
  const auto [last, error] = std::from_chars(stem.data() + 5, end, step);
  return error == std::errc() && last == end ? step : -1;
}

std::vector<StepFile> step_files(const fs::path& folder, const char* extension) {
  std::vector<StepFile> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (const int64_t step = step_of(entry.path(), extension); step >= 0)
      found.push_back({step, entry.path()});
  }
  std::sort(found.begin(), found.end(),
            [](const StepFile& a, const StepFile& b) { return a.step < b.step; });
  return found;
}

}  // namespace

std::string RunFolder::config_text() const {
  constexpr uint64_t kMaxBytes = 1 << 20;
  std::error_code error;
  return fs::exists(config(), error) ? core::read_file(config(), kMaxBytes) : "";
}

fs::path RunFolder::sample(int64_t step, const std::string& extension) const {
  return samples() / (step_name(step) + extension);
}

bool RunFolder::has_samples(int64_t step) const {
  std::error_code error;
  return fs::exists(sample(step, ".png"), error) && fs::exists(sample(step, ".mp4"), error);
}

fs::path RunFolder::real_clips(const std::string& extension) const {
  return samples() / ("real" + extension);
}

fs::path RunFolder::checkpoint(int64_t step) const {
  return path_ / "checkpoints" / (step_name(step) + ".safetensors");
}

void RunFolder::create() const {
  for (const auto& folder : {path_ / "checkpoints", samples()}) {
    core::make_folder(folder);
    core::remove_temporary_files(folder);
  }
  core::remove_temporary_files(path_);
  core::check_can_create(log());
}

std::vector<fs::path> RunFolder::checkpoints() const {
  std::vector<fs::path> paths;
  for (auto& file : step_files(path_ / "checkpoints", ".safetensors")) {
    paths.push_back(std::move(file.path));
  }
  return paths;
}

std::vector<StepFile> RunFolder::sample_sheets(int64_t last) const {
  auto sheets = step_files(samples(), ".png");
  while (!sheets.empty() && sheets.back().step > last) sheets.pop_back();
  return sheets;
}

std::optional<fs::path> RunFolder::newest_checkpoint() const {
  const auto all = checkpoints();
  return all.empty() ? std::nullopt : std::optional(all.back());
}

void RunFolder::keep_newest(int64_t keep) const {
  const auto all = checkpoints();
  for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i) {
    std::error_code ignored;
    fs::remove(all[i], ignored);
  }
}

void RunFolder::append_log(const core::Json& line) const {
  core::append_to_file(log(), line.dump() + "\n");
}

void RunFolder::rewind_log(int64_t step, const std::function<void(const core::Json&)>& keep) const {
  std::ifstream file(log());
  if (!file) return;
  std::string kept, line;
  while (std::getline(file, line)) {
    const auto entry = core::Json::parse(line, nullptr, /*allow_exceptions=*/false);
    const char* key = entry.is_object() && entry.contains("event") ? "before_step" : "step";
    const bool has_step =
        entry.is_object() && entry.contains(key) && entry[key].is_number_integer();
    if (!has_step || entry[key].get<int64_t>() > step) continue;
    kept += line + "\n";
    keep(entry);
  }
  core::AtomicFile rewritten(log());
  rewritten.write(kept);
  rewritten.commit();
}

fs::path find_checkpoint(const fs::path& run_or_file, Prefer prefer) {
  std::error_code error;
  if (!fs::exists(run_or_file, error))
    throw Error(cat(run_or_file.string(), ": no such file or run folder"));
  if (!fs::is_directory(run_or_file, error)) return run_or_file;
  const RunFolder folder(run_or_file);
  const auto newest = folder.newest_checkpoint();
  const bool finished = fs::exists(folder.weights(), error);
  if (newest && (prefer == Prefer::kCheckpoint || !finished)) return *newest;
  if (finished) return folder.weights();
  throw Error(cat(run_or_file.string(), ": holds neither weights.safetensors nor checkpoints"));
}

}  // namespace vidgen::checkpoint
