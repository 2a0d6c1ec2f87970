#include "vidgen/data/cache.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <iomanip>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>

#include "decode.h"
#include "source_state.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/interrupt.h"
#include "vidgen/core/json.h"
#include "vidgen/core/lock.h"
#include "vidgen/core/log.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/random.h"
#include "vidgen/core/resources.h"
#include "vidgen/core/text.h"

namespace vidgen::data {
namespace {

namespace fs = std::filesystem;

/// Raised whenever the same settings begin to give other pixels.
constexpr int kVersion = 3;
constexpr size_t kProblemsShown = 3;

/// One video on its way into the cache.
struct CacheJob {
  fs::path source;
  fs::path file;
  std::string key;
  /// Null until the cache file is there, and for a video that cannot be read.
  std::shared_ptr<const CacheFile> pixels;
  VideoReport report;
};

constexpr std::chrono::seconds kQuietTime{1};

/// Reads the headers, so that the length of the work is known before it begins.
int64_t open_all(const std::vector<CacheJob*>& jobs, const DataOptions& options) {
  int64_t frames = 0;
  for (CacheJob* job : jobs) {
    job->report = open_report(job->source, options);
    if (job->report.problem.empty()) job->report.problem = size_problem(job->report, options);
    if (job->report.problem.empty()) frames += job->report.frames_promised;
  }
  return frames;
}

/// A little more than the header promises, at the rate that is asked for.
int64_t frames_to_expect(const VideoReport& report, const DataOptions& options) {
  constexpr double kMore = 1.1, kMost = 1e6;
  const double rate = options.fps > 0 && report.fps > 0 ? options.fps / report.fps : 1;
  const double frames = static_cast<double>(report.frames_promised) * rate * kMore;
  return 100 + static_cast<int64_t>(std::clamp(frames, 0.0, kMost));
}

/// Decodes videos into cache files, several at a time. Other processes that build the same cache
/// make other files of it meanwhile; what they make is waited for.
class CacheBuilder {
 public:
  CacheBuilder(const DataOptions& options, std::vector<CacheJob*> jobs)
      : options_(options), waiting_(std::move(jobs)), total_frames_(open_all(waiting_, options)) {}

  /// Fills in `pixels` and `report` of each job; with OnError::kStop it may end at the first with a
  /// problem. Throws what went wrong in a thread, a full disk for example.
  void run() {
    if (options_.on_error == OnError::kStop) {
      for (const CacheJob* job : waiting_) stopped_ |= !job->report.problem.empty();
    }
    // Several files at a time use the cores best; where there are fewer files than cores, each file
    // is decoded in several threads.
    const size_t cores = static_cast<size_t>(core::usable_cpus());
    const size_t count = std::min(cores, waiting_.size());
    decoder_threads_ = static_cast<int>(cores / count);
    std::vector<std::thread> threads;
    try {
      for (size_t i = 0; i < count; ++i) threads.emplace_back(&CacheBuilder::work, this);
    } catch (const std::system_error&) {
      // Fewer do the same work.
      if (threads.empty()) throw;
    }
    for (std::thread& thread : threads) thread.join();
    if (error_) std::rethrow_exception(error_);
    if (progress_) progress_->update(total_frames_);
  }

 private:
  /// A job that no other process works at.
  struct Claim {
    CacheJob* job;
    core::OutputLock lock;
  };

  void work() {
    try {
      while (const auto claim = next_job()) {
        CacheJob& job = *claim->job;
        build(job);
        if (options_.on_error == OnError::kSkip || job.report.problem.empty()) continue;
        const std::lock_guard lock(mutex_);
        stopped_ = true;
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      stopped_ = true;
    }
  }

  std::optional<Claim> next_job() {
    constexpr std::chrono::milliseconds kPause{100};
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (stopped_ || waiting_.empty()) return std::nullopt;
        if (auto claim = claim_one()) return claim;
        if (!std::exchange(waits_for_others_, true)) {
          core::log_info(core::cat(waiting_.front()->source.filename().string(),
                                   ": another process prepares it, waiting for that"));
        }
      }
      std::this_thread::sleep_for(kPause);
      core::stop_if_interrupted();
    }
  }

  std::optional<Claim> claim_one() {
    for (auto job = waiting_.begin(); job != waiting_.end(); ++job) {
      if (auto lock = core::OutputLock::try_lock((*job)->file)) {
        Claim claim{*job, std::move(*lock)};
        waiting_.erase(job);
        return claim;
      }
    }
    return std::nullopt;
  }

  void build(CacheJob& job) {
    if (!job.report.problem.empty()) return;
    // Another process may have made it since.
    job.pixels = CacheFile::open(job.file, job.key);
    if (job.pixels) {
      job.report = job.pixels->report();
    } else {
      stream(job);
      job.pixels = CacheFile::open(job.file, job.key);
    }
    count_clips(job.report, options_);
    if (job.report.problem.empty() && !job.pixels) {
      throw Error(job.file.string() + ": cannot read the clip cache just written");
    }
  }

  void stream(CacheJob& job) {
    CacheFileWriter writer(job.file, frames_to_expect(job.report, options_));
    const auto append = [&](const video::Frame& frame, int64_t copies) {
      for (int64_t i = 0; i < copies; ++i) writer.append(frame);
      count_frame(job);
    };
    job.report = decode_video(job.source, options_, decoder_threads_, append);
    if (!job.report.problem.empty()) return;
    job.report.fingerprint = fingerprint_of(job.source);
    writer.commit(job.key, job.report);
  }

  void count_frame(const CacheJob& job) {
    const std::lock_guard lock(mutex_);
    // Another thread's error ends this one's file too.
    if (error_) throw Error(job.source.string() + ": not decoded to the end");
    ++frames_;
    if (!progress_ && std::chrono::steady_clock::now() - started_ > kQuietTime) {
      progress_.emplace("preparing clips", total_frames_);
    }
    if (progress_) {
      progress_->update(std::min(frames_, total_frames_), job.source.filename().string());
    }
  }

  const DataOptions options_;
  std::vector<CacheJob*> waiting_;
  std::mutex mutex_;
  int decoder_threads_ = 1;
  bool waits_for_others_ = false;
  bool stopped_ = false;
  std::exception_ptr error_;
  int64_t total_frames_;
  int64_t frames_ = 0;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  /// Shown only when the work takes longer than a moment.
  std::optional<core::Progress> progress_;
};

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
