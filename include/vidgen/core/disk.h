#pragma once

#include <cstdint>
#include <filesystem>

/// Reading and flushing by the system's own calls. Streams take an error while reading for the end
/// of the file; here it throws.
namespace vidgen::core {

/// A file that is read at any place. What is cut short or cannot be read any more while it is in
/// use is told, where a memory map would end the program. Safe to read from several threads.
class InputFile {
 public:
  /// Throws vidgen::Error, naming the file and the system's reason, when it cannot be opened or is
  /// not a regular file.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// When it was opened.
  uint64_t size() const { return size_; }
  /// With the path, tells the file from one that takes its place.
  uint64_t inode() const { return inode_; }
  /// Reads `bytes` from `offset` on, fewer only where the file ends, and returns how many. Throws
  /// vidgen::Error, naming the file and the system's reason, when they cannot be read.
  size_t read(uint64_t offset, void* data, size_t bytes) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
  uint64_t inode_ = 0;
};

/// Brings to the disk what was written to a file, or which files a folder holds; nothing where
/// there is no such file or folder. Throws vidgen::Error, naming it and the system's reason, when
/// not all of it got there.
void flush_to_disk(const std::filesystem::path& path);

/// The folder that holds a file: "." for a name alone.
std::filesystem::path folder_of(const std::filesystem::path& file);

}  // namespace vidgen::core
