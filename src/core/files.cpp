#include "vidgen/core/files.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "temporaries.h"
#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/random.h"
#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

namespace fs = std::filesystem;

// Between the stem and the extension, so that an encoder still sees the extension and a clean-up
// finds the file.
constexpr const char* kTemporaryMark = ".vidgen-tmp";

[[noreturn]] void fail(const char* action, const fs::path& path, int error = errno) {
  throw Error(cat("cannot ", action, " ", path.string(), ": ", std::strerror(error)));
}

// Of a file's name, as file systems allow.
constexpr size_t kNameBytes = 255;
// What ends in more than this behind a dot is no extension that an encoder knows.
constexpr size_t kExtensionBytes = 32;
constexpr int kMostLinks = 40;

/// Another name at each call: processes in containers may have the same number.
fs::path temporary_name(const fs::path& path) {
  std::string stem = path.stem().string(), extension = path.extension().string();
  if (extension.size() > kExtensionBytes) {
    stem += extension;
    extension.clear();
  }
  uint64_t random = 0;
  if (::getrandom(&random, sizeof(random), 0) < 0) fail("create", path);
  char mark[48];
  std::snprintf(mark, sizeof(mark), "%s-%016lx", kTemporaryMark, random);
  auto name = path;
  name.replace_filename(
      cat(short_name(stem, std::strlen(mark) + extension.size()), mark, extension));
  return name;
}

bool is_locked_elsewhere(int descriptor) {
  return ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

/// Whether nobody writes the file any more. Where there are no locks it is the time that tells.
bool is_left_over(const fs::path& path) {
  constexpr std::chrono::hours kLongAgo{24};
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return false;
  const bool locked = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  const bool unknown = !locked && errno != EWOULDBLOCK;
  ::close(descriptor);
  if (!unknown) return locked;
  std::error_code error;
  const auto changed = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - changed > kLongAgo;
}

// Where an output goes: a link stays, and what it names is written.
fs::path resolve_output(const fs::path& path) {
  fs::path target = path;
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(target, error)); ++links) {
    if (links == kMostLinks) fail("write", path, ELOOP);
    const fs::path next = fs::read_symlink(target, error);
    if (error) fail("write", path, error.value());
    target = next.is_absolute() ? next : target.parent_path() / next;
  }
  const fs::file_status status = fs::status(target, error);
  // A name that is too long, a folder that may not be entered.
  if (error && status.type() != fs::file_type::not_found) fail("write", path, error.value());
  // Renaming would put a file in the place of a device or a pipe.
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) {
    throw Error(cat("cannot write ", path.string(), ": is not a regular file"));
  }
  return target;
}

void flush_folder(const fs::path& file) {
  const int descriptor = ::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

// "" when there is none.
std::string home_folder() {
  if (const char* home = std::getenv("HOME"); home && *home) return home;
  std::vector<char> buffer(16384);
  struct passwd entry {
  }, *found = nullptr;
  if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
    return "";
  // Users that only services run as are given folders that do not exist.
  std::error_code error;
  return fs::is_directory(found->pw_dir, error) ? found->pw_dir : "";
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& path) : path_(resolve_output(path)) {
  const auto held = hold_temporaries();
  // Between creating and locking it another process may take it for one that was left.
  struct stat status {};
  do {
    if (descriptor_ >= 0) ::close(descriptor_);
    temporary_ = temporary_name(path_);
    descriptor_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (descriptor_ < 0) fail("create", path_);
  } while (is_locked_elsewhere(descriptor_) ||
           (::fstat(descriptor_, &status) == 0 && status.st_nlink == 0));
  remember_temporary(held, temporary_);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  const auto held = hold_temporaries();
  ::unlink(temporary_.c_str());
  forget_temporary(held, temporary_);
  ::close(descriptor_);
}

int AtomicFile::try_write(const void* data, size_t bytes) {
  return write_all(descriptor_, data, bytes);
}

void AtomicFile::write(const void* data, size_t bytes) {
  if (const int error = try_write(data, bytes); error != 0) fail("write", path_, error);
}

void AtomicFile::write_at(size_t offset, const void* data, size_t bytes) {
  if (const int error = write_all(descriptor_, data, bytes, offset)) fail("write", path_, error);
}

void AtomicFile::commit() {
  // The destructor deletes what cannot be given its name.
  if (::fsync(descriptor_) != 0) fail("write", path_);
  {
    const auto held = hold_temporaries();
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("write", path_);
    forget_temporary(held, temporary_);
  }
  ::close(descriptor_);
  descriptor_ = -1;
  flush_folder(path_);
}

void append_to_file(const fs::path& path, std::string_view bytes) {
  // O_NONBLOCK: a pipe would otherwise wait for a reader.
  const int descriptor =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
  // One call, so that a reader, or what a crash leaves, has all of it or a part of the last.
  const ssize_t written = descriptor < 0 ? -1 : ::write(descriptor, bytes.data(), bytes.size());
  const int error = written < 0 ? errno : ENOSPC;
  if (descriptor >= 0) ::close(descriptor);
  if (written != static_cast<ssize_t>(bytes.size())) fail("write", path, error);
}

bool is_temporary_name(const fs::path& path) {
  return path.filename().string().find(kTemporaryMark) != std::string::npos;
}

void remove_temporary_files(const fs::path& folder) {
  for (const auto& path : list_folder(folder)) {
    std::error_code ignored;
    if (is_temporary_name(path) && is_left_over(path)) fs::remove(path, ignored);
  }
}

std::string read_file(const fs::path& path, uint64_t max_bytes) {
  const InputFile file(path);
  if (file.size() > max_bytes) {
    throw Error(
        cat(path.string(), ": is ", file.size(), " bytes long, expected at most ", max_bytes));
  }
  std::string content(file.size(), '\0');
  content.resize(file.read(0, content.data(), content.size()));
  return content;
}

std::string short_name(const std::string& name, size_t more) {
  if (name.size() + more <= kNameBytes) return name;
  const std::string hash = cat('-', derive_seed(0, name));
  return cut_utf8(name, kNameBytes - more - hash.size()) + hash;
}

uint64_t file_size(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) fail("read", path, error.value());
  return size;
}

std::vector<fs::path> list_folder(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory)
    return entries;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    entries.push_back(entry->path());
  }
  if (error) fail("list the folder", folder, error.value());
  return entries;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(cat("cannot create folder ", folder.string(), ": ", error.message()));
}

void make_private_folder(const fs::path& folder) {
  // Nothing is made of a name that is too long.
  std::error_code unknown;
  if (fs::status(folder, unknown).type() == fs::file_type::none)
    fail("create folder", folder, unknown.value());
  fs::path part;
  for (const auto& name : folder) {
    part /= name;
    std::error_code error;
    if (fs::is_directory(part, error) || ::mkdir(part.c_str(), 0700) == 0) continue;
    // Another process may have made it meanwhile.
    const int reason = errno;
    if (!fs::is_directory(part, error))
      fail("create folder", folder, reason == EEXIST ? ENOTDIR : reason);
  }
}

void check_can_create(const fs::path& wanted) {
  const fs::path path = resolve_output(wanted);
  const auto folder = folder_of(path);
  std::error_code error;
  const auto status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found)
    throw Error(cat("cannot create ", path.string(), ": no folder ", folder.string()));
  if (error) fail("create", path, error.value());
  if (!fs::is_directory(status)) {
    throw Error(cat("cannot create ", path.string(), ": ", folder.string(), " is not a folder"));
  }
  if (fs::is_directory(path, error))
    throw Error(cat("cannot create ", path.string(), ": is a folder, expected the name of a file"));
  // access() asks the file system itself, so a read-only mount is noticed for root too.
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail("create", path);
}

TemporaryFolder::TemporaryFolder() {
  std::error_code error;
  const auto place = fs::temp_directory_path(error);
  if (error) throw Error(cat("no folder for temporary files (TMPDIR): ", error.message()));
  std::string name = (place / "vidgen-XXXXXX").string();
  const auto held = hold_temporaries();
  if (!::mkdtemp(name.data())) fail("create", name);
  path_ = name;
  remember_temporary(held, path_);
}

TemporaryFolder::~TemporaryFolder() {
  const auto held = hold_temporaries();
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  forget_temporary(held, path_);
}

std::string expand_home(const std::string& path) {
  if (path.empty() || path.front() != '~') return path;
  if (path.size() > 1 && path[1] != '/') {
    throw Error(cat("\"", path,
                    "\": the home folder of another user is not looked up, expected its "
                    "whole name, or ./",
                    path, " for a file of that name"));
  }
  const char* home = std::getenv("HOME");
  if (!home || !*home)
    throw Error(cat("\"", path, "\": there is no home folder, the variable HOME is not set"));
  return home + path.substr(1);
}

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

fs::path cache_folder() {
  if (const char* folder = std::getenv("VIDGEN_CACHE"); folder && *folder) return folder;
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder && *folder)
    return fs::path(folder) / "vidgen";
  const std::string home = home_folder();
  if (home.empty()) {
    throw Error(
        "there is no home folder to keep a cache in: set VIDGEN_CACHE to a folder that is yours "
        "alone");
  }
  return fs::path(home) / ".cache" / "vidgen";
}

}  // namespace vidgen::core
