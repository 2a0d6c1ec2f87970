#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "vidgen/core/disk.h"

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
  /// To read from. Throws vidgen::Error naming the file when it cannot be opened any more, or
  /// another one has taken its place.
  std::shared_ptr<const core::InputFile> open() const;
  /// Deletes the file, if it is still the one that was opened. False when it is there afterwards.
  bool remove() const;

  /// May be changed before files are opened.
  static std::atomic<int64_t>& most_open();

 private:
  std::filesystem::path path_;
  /// Where it stays open.
  std::shared_ptr<const core::InputFile> file_;
  uint64_t size_ = 0;
  uint64_t inode_ = 0;
};

}  // namespace vidgen::data
