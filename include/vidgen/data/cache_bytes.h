#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "vidgen/core/files.h"

namespace vidgen::data {

/// The bytes of a file that is read at random, from a memory map, or, of files beyond
/// most_mapped(), by opening it each time: the system limits how many maps a process may have
/// (vm.max_map_count).
class CacheBytes {
 public:
  /// Throws vidgen::Error when the file cannot be read.
  explicit CacheBytes(std::filesystem::path path);
  ~CacheBytes();
  CacheBytes(const CacheBytes&) = delete;
  CacheBytes& operator=(const CacheBytes&) = delete;

  size_t size() const { return size_; }
  /// `bytes` from `offset` on, which must lie inside: where they lie in the map, or read into
  /// `buffer`. Throws vidgen::Error naming the file when it cannot be read any more, or another one
  /// has taken its place.
  const uint8_t* read(size_t offset, size_t bytes, std::vector<uint8_t>& buffer) const;

  /// May be changed before files are opened.
  static std::atomic<int64_t>& most_mapped();

 private:
  std::filesystem::path path_;
  std::optional<core::MappedFile> map_;
  size_t size_ = 0;
  /// Tells the file from one that takes its place.
  uint64_t inode_ = 0;
};

}  // namespace vidgen::data
