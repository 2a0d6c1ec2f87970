#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace vidgen::core {

/// A file under construction. What is written goes to a temporary file beside `path`; commit()
/// flushes it to the disk and renames it, so that `path` always holds the old content or the new,
/// whole. Without commit() nothing is left, also when a signal ends the program. A symbolic link
/// stays one: what it names is written. Every failure throws vidgen::Error naming the path and the
/// system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// For callers that must not throw: returns the system's error, 0 when all was written.
  int try_write(const void* data, size_t bytes);
  /// Overwrites `bytes` at `offset` from the start of the file; the position for write() stays.
  void write_at(size_t offset, const void* data, size_t bytes);
  /// For a writer that insists on a file name (a video encoder), instead of write(): it opens this
  /// file, which is there and empty. The name ends like `path`, because encoders choose the
  /// container by the extension.
  const std::filesystem::path& temporary() const { return temporary_; }
  int descriptor() const { return descriptor_; }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  /// Locked as long as it is open, which tells the file from one that nobody writes any more.
  int descriptor_ = -1;
};

/// Adds to the end of a file, which is made if there is none. Throws vidgen::Error, naming it and
/// the system's reason, when not all of it can be written.
void append_to_file(const std::filesystem::path& path, std::string_view bytes);

/// Whether the name is one that a writer gives to a file under construction.
bool is_temporary_name(const std::filesystem::path& path);
/// Deletes what writers that were killed left in a folder under temporary names. Files that are
/// still being written, by whatever process, stay.
void remove_temporary_files(const std::filesystem::path& folder);

/// The whole file; throws vidgen::Error when it is missing, not a regular file, unreadable or
/// larger than max_bytes.
std::string read_file(const std::filesystem::path& path, uint64_t max_bytes);

/// A file's name with its end cut off, and a number that stands for the whole in its place, where
/// it would be too long with `more` bytes added; of two names that begin alike different ones.
std::string short_name(const std::string& name, size_t more);

/// The bytes of a file; throws vidgen::Error naming it and the system's reason.
uint64_t file_size(const std::filesystem::path& path);

/// What is in a folder, in no order; nothing when there is no such folder. Throws vidgen::Error
/// naming it and the system's reason when it cannot be listed to its end.
std::vector<std::filesystem::path> list_folder(const std::filesystem::path& folder);

/// Creates the folder and its parents; throws vidgen::Error naming it and the system's reason.
void make_folder(const std::filesystem::path& folder);

/// The same for what is nobody else's business: what is created only this user can open.
void make_private_folder(const std::filesystem::path& folder);

/// Throws vidgen::Error unless the folder that `path` would be created in exists and can be written
/// to.
void check_can_create(const std::filesystem::path& path);

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
