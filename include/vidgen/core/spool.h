#pragma once

#include <cstdint>
#include <filesystem>

namespace vidgen::core {

/// Bytes that wait on the disk until they can be used, in a file without a name, so that nothing is
/// left of it however the process ends. Every failure throws vidgen::Error naming `beside` and the
/// system's reason.
class Spool {
 public:
  /// In the folder of the file `beside`, which need not be there.
  explicit Spool(const std::filesystem::path& beside);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Adds to the end.
  void write(const void* data, size_t bytes);
  /// Reads what write() has added, all of it from `offset` on.
  void read(uint64_t offset, void* data, size_t bytes) const;
  uint64_t size() const { return size_; }

 private:
  std::filesystem::path beside_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

}  // namespace vidgen::core
