#include "cache_builder.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

#include "decode.h"
#include "fingerprint.h"
#include "vidgen/core/cpus.h"
#include "vidgen/core/error.h"
#include "vidgen/core/interrupt.h"
#include "vidgen/core/log.h"

namespace vidgen::data {
namespace {

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

}  // namespace

CacheBuilder::CacheBuilder(const DataOptions& options, std::vector<CacheJob*> jobs)
    : options_(options), waiting_(std::move(jobs)), total_frames_(open_all(waiting_, options)) {}

void CacheBuilder::run() {
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

void CacheBuilder::work() {
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

std::optional<CacheBuilder::Claim> CacheBuilder::next_job() {
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

std::optional<CacheBuilder::Claim> CacheBuilder::claim_one() {
  for (auto job = waiting_.begin(); job != waiting_.end(); ++job) {
    if (auto lock = core::OutputLock::try_lock((*job)->file)) {
      Claim claim{*job, std::move(*lock)};
      waiting_.erase(job);
      return claim;
    }
  }
  return std::nullopt;
}

void CacheBuilder::build(CacheJob& job) {
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

void CacheBuilder::stream(CacheJob& job) {
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

void CacheBuilder::count_frame(const CacheJob& job) {
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

}  // namespace vidgen::data
