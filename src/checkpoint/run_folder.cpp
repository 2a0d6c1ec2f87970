#include "vidgen/checkpoint/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
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

/// The N of "step-N.safetensors"; -1 for another name.
int64_t step_of(const fs::path& path) {
  const std::string stem = path.stem().string();
  if (path.extension() != ".safetensors" || stem.rfind("step-", 0) != 0) return -1;
  int64_t step = -1;
  const char* end = stem.data() + stem.size();
  const auto [last, error] = std::from_chars(stem.data() + 5, end, step);
  return error == std::errc() && last == end ? step : -1;
}

}  // namespace

fs::path RunFolder::sample(int64_t step, const std::string& extension) const {
  return samples() / (step_name(step) + extension);
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
  std::vector<std::pair<int64_t, fs::path>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_ / "checkpoints", error)) {
    if (const int64_t step = step_of(entry.path()); step >= 0)
      found.emplace_back(step, entry.path());
  }
  std::sort(found.begin(), found.end());
  std::vector<fs::path> paths;
  for (auto& [step, path] : found) paths.push_back(path);
  return paths;
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
  const std::string text = line.dump() + "\n";
  const int descriptor = ::open(log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const ssize_t written = descriptor < 0 ? -1 : ::write(descriptor, text.data(), text.size());
  const int error = written < 0 ? errno : ENOSPC;
  if (descriptor >= 0) ::close(descriptor);
  if (written != static_cast<ssize_t>(text.size())) {
    throw Error(cat("cannot write ", log().string(), ": ", std::strerror(error)));
  }
}

core::Json RunFolder::rewind_log(int64_t step) const {
  core::Json last;
  std::ifstream file(log());
  if (!file) return last;
  std::string kept, line;
  while (std::getline(file, line)) {
    auto entry = core::Json::parse(line, nullptr, /*allow_exceptions=*/false);
    const bool has_step =
        entry.is_object() && entry.contains("step") && entry["step"].is_number_integer();
    if (!has_step || entry["step"].get<int64_t>() > step) continue;
    kept += line + "\n";
    last = std::move(entry);
  }
  core::AtomicFile rewritten(log());
  rewritten.write(kept);
  rewritten.commit();
  return last;
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
