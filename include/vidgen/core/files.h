#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace vidgen::core {

/// A file under construction. What is written goes to a temporary file beside `path`; commit()
/// flushes it to the disk and renames it, so that `path` always holds the old content or the new,
/// whole. Without commit() nothing is left. A symbolic link stays one: what it names is written.
/// Every failure throws vidgen::Error naming the path and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Overwrites `bytes` at `offset` from the start of the file; the position for write() stays.
  void write_at(size_t offset, const void* data, size_t bytes);
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

/// Where a writer that insists on a file name (a video encoder) writes; commit() flushes and
/// renames as AtomicFile does. The temporary name ends like `path`, because encoders choose the
/// container by the extension.
class AtomicPath {
 public:
  explicit AtomicPath(const std::filesystem::path& path);
  ~AtomicPath();
  AtomicPath(const AtomicPath&) = delete;
  AtomicPath& operator=(const AtomicPath&) = delete;

  const std::filesystem::path& temporary() const { return temporary_; }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
};

/// Adds to the end of a file, which is made if there is none. Throws vidgen::Error, naming it and
/// the system's reason, when not all of it can be written.
void append_to_file(const std::filesystem::path& path, std::string_view bytes);

/// Whether the name is one that a writer gives to a file under construction.
bool is_temporary_name(const std::filesystem::path& path);
/// Deletes what writers that were killed left in a folder under temporary names.
void remove_temporary_files(const std::filesystem::path& folder);

/// The whole file; throws vidgen::Error when it is missing, not a regular file, unreadable or
/// larger than max_bytes.
std::string read_file(const std::filesystem::path& path, uint64_t max_bytes);

/// Creates the folder and its parents; throws vidgen::Error naming it and the system's reason.
void make_folder(const std::filesystem::path& folder);

/// The same for what is nobody else's business: what is created only this user can open.
void make_private_folder(const std::filesystem::path& folder);

/// Throws vidgen::Error unless the folder that `path` would be created in exists and can be written
/// to.
void check_can_create(const std::filesystem::path& path);

/// A file that is read at any place. What is cut short or cannot be read any more while it is in
/// use is told, where a memory map would end the program. Safe to read from several threads.
class InputFile {
 public:
  /// Throws vidgen::Error unless it is a regular file that can be read.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// When it was opened.
  uint64_t size() const { return size_; }
  /// With the path, tells the file from one that takes its place.
  uint64_t inode() const { return inode_; }
  /// Reads from `offset` on. Returns how many bytes: fewer only where the file ends. Throws
  /// vidgen::Error with the system's reason.
  size_t read(uint64_t offset, void* out, size_t bytes) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
  uint64_t inode_ = 0;
};

/// A new empty folder, removed with all that is in it at the end of the scope. Throws vidgen::Error
/// when it cannot be made.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// The name of a file or folder with the home folder ($HOME) in place of a ~ that stands alone or
/// before a slash at its beginning, as shells do. Throws vidgen::Error, quoting the name, for that
/// of another user (~name) and where $HOME is not set; "./~name" is a file of such a name.
std::string expand_home(const std::string& path);

/// What a file's name ends in, in lower case: ".png" of "A.PNG"; "" when there is no extension.
std::string lower_extension(const std::filesystem::path& path);

/// The folder for things that can be made again: $VIDGEN_CACHE, else $XDG_CACHE_HOME/vidgen, else
/// .cache/vidgen in the home folder, $HOME or that of the system's list of users. Throws
/// vidgen::Error where there is none of them: a folder that others can guess is never used.
std::filesystem::path cache_folder();

}  // namespace vidgen::core
