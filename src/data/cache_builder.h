#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

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

/// Decodes videos into cache files, several at a time.
class CacheBuilder {
 public:
  CacheBuilder(const DataOptions& options, std::vector<CacheJob*> jobs);
  /// Fills in `pixels` and `report` of each job; with OnError::kStop it may end at the first with a
  /// problem. Throws what went wrong in a thread, a full disk for example.
  void run();

 private:
  void work();
  CacheJob* next_job();
  void build(CacheJob& job);
  void stream(CacheJob& job);
  void count_frame(const CacheJob& job);

  const DataOptions options_;
  const std::vector<CacheJob*> jobs_;
  std::mutex mutex_;
  int decoder_threads_ = 1;
  size_t next_ = 0;
  bool stopped_ = false;
  std::exception_ptr error_;
  int64_t total_frames_;
  int64_t frames_ = 0;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  /// Shown only when the work takes longer than a moment.
  std::optional<core::Progress> progress_;
};

}  // namespace vidgen::data
