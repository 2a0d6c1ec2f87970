#pragma once

#include <cstdint>
#include <filesystem>

/// Reading and flushing by the system's own calls. Streams take an error while reading for the end
/// of the file; here it throws.
namespace vidgen::core {

/// A file that is open for reading.
class InputFile {
 public:
  /// Throws vidgen::Error, naming the file and the system's reason, when it cannot be opened or is
  /// not a regular file.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  int descriptor() const { return descriptor_; }
  /// When it was opened.
  uint64_t size() const { return size_; }
  /// Reads `bytes` from `offset` on, fewer only where the file ends, and returns how many. Throws
  /// vidgen::Error, naming the file and the system's reason, when they cannot be read.
  size_t read_at(uint64_t offset, void* data, size_t bytes) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

/// Brings to the disk what was written to a file, or which files a folder holds; nothing where
/// there is no such file or folder. Throws vidgen::Error, naming it and the system's reason, when
/// not all of it got there.
void flush_to_disk(const std::filesystem::path& path);

/// The folder that holds a file: "." for a name alone.
std::filesystem::path folder_of(const std::filesystem::path& file);

}  // namespace vidgen::core
