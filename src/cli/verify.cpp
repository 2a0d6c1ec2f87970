#include "verify.h"

#include <algorithm>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/data/cache_file.h"

namespace vidgen::cli {
namespace {

namespace fs = std::filesystem;
using core::cat;

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

}  // namespace

std::vector<Verdict> verify(const fs::path& place) {
  std::error_code error;
  if (!fs::exists(place, error)) throw Error(cat(place.string(), ": no such file or folder"));
  std::vector<Verdict> verdicts;
  const auto files =
      fs::is_directory(place, error) ? files_in(place) : std::vector<fs::path>{place};
  for (const auto& file : files) verdicts.push_back(verify_file(file));
  return verdicts;
}

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

void refuse_problems(const std::vector<Verdict>& verdicts) {
  const auto bad = std::count_if(verdicts.begin(), verdicts.end(),
                                 [](const Verdict& verdict) { return !verdict.problem.empty(); });
  if (bad == 0) return;
  throw Error(cat(bad, " of ", verdicts.size(), verdicts.size() == 1 ? " file" : " files",
                  bad == 1 ? " is damaged" : " are damaged"));
}

}  // namespace vidgen::cli
