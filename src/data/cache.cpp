#include "vidgen/data/cache.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <sstream>

#include "cache_builder.h"
#include "decode.h"
#include "source_state.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/json.h"
#include "vidgen/core/log.h"
#include "vidgen/core/random.h"
#include "vidgen/core/text.h"

namespace vidgen::data {
namespace {

namespace fs = std::filesystem;

/// Raised whenever the same settings begin to give other pixels.
constexpr int kVersion = 3;
constexpr size_t kProblemsShown = 3;

std::string key_text(const core::Json& json) {
  return json.dump(-1, ' ', false, core::Json::error_handler_t::replace);
}

/// The settings that change pixels.
core::Json pixel_settings(const DataOptions& options) {
  return {{"version", kVersion},
          {"short_side", options.short_side()},
          {"center_crop", options.crop == Crop::kCenter ? options.size : 0},
          {"channels", options.channels()},
          {"fps", options.fps}};
}

/// The file's name depends on the source's path and the settings, its key on the source's size and
/// time of change as well, so a changed source replaces the file made from the old one.
CacheJob make_job(const fs::path& source, const DataOptions& options, const fs::path& folder) {
  core::Json key = {{"source", source.string()}, {"settings", pixel_settings(options)}};
  std::ostringstream name;
  name << core::cut_utf8(source.stem().string(), 64) << '-' << std::hex << std::setfill('0')
       << std::setw(16) << core::derive_seed(0, key_text(key)) << ".clips";
  key.update(source_state(source, options));
  return {source, folder / name.str(), key_text(key), nullptr, {}};
}

/// One job for each file, however often the sources name it. With OnError::kStop some may be undone
/// when one has a problem.
std::map<fs::path, CacheJob> make_jobs(const std::vector<ManifestEntry>& entries,
                                       const DataOptions& options) {
  const fs::path folder =
      options.cache_dir.empty() ? core::cache_folder() / "clips" : fs::path(options.cache_dir);
  core::make_private_folder(folder);
  core::remove_temporary_files(folder);
  std::map<fs::path, CacheJob> jobs;
  std::vector<CacheJob*> missing;
  bool stop = false;
  for (const ManifestEntry& entry : entries) {
    if (jobs.count(entry.path)) continue;
    CacheJob& job = jobs[entry.path] = make_job(entry.path, options, folder);
    job.pixels = CacheFile::open(job.file, job.key);
    if (!job.pixels) {
      missing.push_back(&job);
      continue;
    }
    job.report = job.pixels->report();
    count_clips(job.report, options);
    stop |= options.on_error == OnError::kStop && !job.report.problem.empty();
  }
  if (!missing.empty() && !stop) CacheBuilder(options, missing).run();
  return jobs;
}

[[noreturn]] void nothing_usable(const std::vector<std::string>& problems) {
  std::string message = "no usable video: ";
  for (size_t i = 0; i < std::min(problems.size(), kProblemsShown); ++i) {
    message += (i == 0 ? "" : "; ") + problems[i];
  }
  if (problems.size() > kProblemsShown) {
    message += core::cat("; and ", problems.size() - kProblemsShown, " more");
  }
  throw Error(message);
}

}  // namespace

ClipCache prepare_clips(const DataOptions& options) {
  const VideoList list = find_videos(options);
  const std::vector<ManifestEntry>& entries = list.videos;
  for (const std::string& warning : list.warnings) core::log_warning(warning);
  if (!list.not_taken.empty()) core::log_info(format_not_taken(list.not_taken));
  const std::map<fs::path, CacheJob> jobs = make_jobs(entries, options);
  ClipCache cache;
  cache.class_names = class_names(entries);
  std::vector<std::string> problems;
  for (const ManifestEntry& entry : entries) {
    const CacheJob& job = jobs.at(entry.path);
    if (!job.report.problem.empty()) {
      problems.push_back(entry.name + ": " + job.report.problem);
      if (options.on_error == OnError::kStop) throw Error(problems.back());
    } else if (job.pixels) {
      cache.videos.push_back({entry, job.report, job.pixels});
    }
  }
  if (cache.videos.empty()) nothing_usable(problems);
  for (const std::string& problem : problems) core::log_warning("skipped " + problem);
  for (const CachedVideo& video : cache.videos) {
    if (!video.report.damage.empty()) {
      core::log_warning(
          core::cat(video.entry.name, ": ", video.report.damage, "; the rest is used"));
    }
  }
  const auto noted = std::count_if(cache.videos.begin(), cache.videos.end(),
                                   [](const auto& video) { return !video.report.notes.empty(); });
  if (noted > 0) {
    core::log_info(core::cat("something is to be said of ", noted, " of ", cache.videos.size(),
                             " videos: vidgen data inspect shows it"));
  }
  for (CachedVideo& video : cache.videos) video.report.path = video.entry.path;
  return cache;
}

}  // namespace vidgen::data
