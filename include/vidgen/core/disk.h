#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

/// Reading, writing and flushing by the system's own calls. Streams take an error while reading for
/// the end of the file; here it throws.
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

/// Writes all of it at `offset`, or where the descriptor stands. Returns the system's error, 0 when
/// all was written.
int write_all(int descriptor, const void* data, size_t bytes, std::optional<uint64_t> offset = {});

/// Brings to the disk what was written to a file, or which files a folder holds; nothing where
/// there is no such file or folder. Throws vidgen::Error, naming it and the system's reason, when
/// not all of it got there.
void flush_to_disk(const std::filesystem::path& path);

/// The folder that holds a file: "." for a name alone.
std::filesystem::path folder_of(const std::filesystem::path& file);

}  // namespace vidgen::core
