#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "vidgen/core/files.h"

namespace vidgen::data {

/// The bytes of a file that is read at random. It stays open, or, beyond most_open() files, is
/// opened each time: the system limits how many a process may have open (ulimit -n).
class CacheBytes {
 public:
  /// Throws vidgen::Error when the file cannot be read.
  explicit CacheBytes(std::filesystem::path path);
  ~CacheBytes();
  CacheBytes(const CacheBytes&) = delete;
  CacheBytes& operator=(const CacheBytes&) = delete;

  const std::filesystem::path& path() const { return path_; }
  uint64_t size() const { return size_; }
  /// Reads `bytes` from `offset` on. False when the file ends before that: it was cut short.
  /// Throws vidgen::Error naming the file when it cannot be read any more, or another one has taken
  /// its place.
  bool read(uint64_t offset, void* out, size_t bytes) const;
  /// Deletes the file, if it is still the one that was opened. False when it is there afterwards.
  bool remove() const;

  /// May be changed before files are opened.
  static std::atomic<int64_t>& most_open();

 private:
  std::filesystem::path path_;
  /// Where it stays open.
  std::optional<core::InputFile> file_;
  uint64_t size_ = 0;
  uint64_t inode_ = 0;
};

}  // namespace vidgen::data
