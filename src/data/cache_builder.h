#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vidgen/core/lock.h"
#include "vidgen/core/progress.h"
#include "vidgen/data/cache_file.h"
#include "vidgen/data/options.h"

namespace vidgen::data {

/// One video on its way into the cache.
struct CacheJob {
  std::filesystem::path source;
  std::filesystem::path file;
  std::string key;
  /// Null until the cache file is there, and for a video that cannot be read.
  std::shared_ptr<const CacheFile> pixels;
  VideoReport report;
};

/// Decodes videos into cache files, several at a time. Other processes that build the same cache
/// make other files of it meanwhile; what they make is waited for.
class CacheBuilder {
 public:
  CacheBuilder(const DataOptions& options, std::vector<CacheJob*> jobs);
  /// Fills in `pixels` and `report` of each job; with OnError::kStop it may end at the first with a
  /// problem. Throws what went wrong in a thread, a full disk for example.
  void run();

 private:
  /// A job that no other process works at.
  struct Claim {
    CacheJob* job;
    core::OutputLock lock;
  };
  void work();
  std::optional<Claim> next_job();
  std::optional<Claim> claim_one();
  void build(CacheJob& job);
  void stream(CacheJob& job);
  void count_frame(const CacheJob& job);

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

}  // namespace vidgen::data
