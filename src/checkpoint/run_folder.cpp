#include "vidgen/checkpoint/run_folder.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"

namespace vidgen::checkpoint {
namespace {

namespace fs = std::filesystem;

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
  for (const auto& path : core::list_folder(folder)) {
    if (const int64_t step = step_of(path, extension); step >= 0) found.push_back({step, path});
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
  core::flush_to_disk(path_);
}

std::vector<StepFile> RunFolder::checkpoints() const {
  return step_files(path_ / "checkpoints", ".safetensors");
}

std::vector<StepFile> RunFolder::sample_sheets(int64_t last) const {
  auto sheets = step_files(samples(), ".png");
  while (!sheets.empty() && sheets.back().step > last) sheets.pop_back();
  return sheets;
}

std::vector<fs::path> RunFolder::samples_after(int64_t step) const {
  std::vector<fs::path> paths;
  for (const char* extension : {".png", ".mp4"}) {
    for (auto& file : step_files(samples(), extension)) {
      if (file.step > step) paths.push_back(std::move(file.path));
    }
  }
  return paths;
}

std::optional<fs::path> RunFolder::newest_checkpoint() const {
  const auto all = checkpoints();
  return all.empty() ? std::nullopt : std::optional(all.back().path);
}

void RunFolder::keep_newest(int64_t keep) const {
  const auto all = checkpoints();
  for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i) {
    std::error_code ignored;
    fs::remove(all[i].path, ignored);
  }
}

}  // namespace vidgen::checkpoint
