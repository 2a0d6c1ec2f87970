#include "vidgen/core/files.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

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

fs::path temporary_name(const fs::path& path) {
  std::string stem = path.stem().string(), extension = path.extension().string();
  if (extension.size() > kExtensionBytes) {
    stem += extension;
    extension.clear();
  }
  const std::string mark = cat(kTemporaryMark, ::getpid());
  if (const size_t rest = mark.size() + extension.size(); stem.size() + rest > kNameBytes) {
    // Names that begin alike stay different.
    const std::string hash = cat('-', derive_seed(0, stem));
    stem = cut_utf8(stem, kNameBytes - rest - hash.size()) + hash;
  }
  auto name = path;
  name.replace_filename(cat(stem, mark, extension));
  return name;
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
  // Renaming would put a file in the place of a device or a pipe.
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) {
    throw Error(cat("cannot write ", path.string(), ": is not a regular file"));
  }
  return target;
}

void flush_folder(const fs::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

void rename_into_place(const fs::path& temporary, const fs::path& path) {
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    fail("write", path, error);
  }
  flush_folder(path);
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

AtomicFile::AtomicFile(const fs::path& path)
    : path_(resolve_output(path)), temporary_(temporary_name(path_)) {
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail("create", path_);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t bytes) {
  auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_, next, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path_);
    next += written;
    bytes -= static_cast<size_t>(written);
  }
}

void AtomicFile::write_at(size_t offset, const void* data, size_t bytes) {
  auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::pwrite(descriptor_, next, bytes, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path_);
    next += written;
    offset += static_cast<size_t>(written);
    bytes -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("write", path_);
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (::close(descriptor) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    fail("write", path_, error);
  }
  rename_into_place(temporary_, path_);
}

AtomicPath::AtomicPath(const fs::path& path)
    : path_(resolve_output(path)), temporary_(temporary_name(path_)) {
  check_can_create(path_);
}

AtomicPath::~AtomicPath() {
  std::error_code ignored;
  fs::remove(temporary_, ignored);
}

void AtomicPath::commit() {
  const int descriptor = ::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail("write", path_);
  const bool flushed = ::fsync(descriptor) == 0;
  const int error = errno;
  ::close(descriptor);
  if (!flushed) fail("write", path_, error);
  rename_into_place(temporary_, path_);
}

void append_to_file(const fs::path& path, std::string_view bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
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
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (is_temporary_name(entry.path())) fs::remove(entry.path(), error);
  }
}

std::string read_file(const fs::path& path, uint64_t max_bytes) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) throw Error(cat(path.string(), ": no such file"));
  if (!fs::is_regular_file(status)) throw Error(cat(path.string(), ": is not a regular file"));
  const auto size = fs::file_size(path, error);
  if (error) throw Error(cat("cannot read ", path.string(), ": ", error.message()));
  if (size > max_bytes)
    throw Error(cat(path.string(), ": is ", size, " bytes long, expected at most ", max_bytes));
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("read", path);
  std::string content(size, '\0');
  file.read(content.data(), static_cast<std::streamsize>(size));
  content.resize(static_cast<size_t>(file.gcount()));
  return content;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(cat("cannot create folder ", folder.string(), ": ", error.message()));
}

void make_private_folder(const fs::path& folder) {
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
  const auto folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::exists(folder, error))
    throw Error(cat("cannot create ", path.string(), ": no folder ", folder.string()));
  if (!fs::is_directory(folder, error)) {
    throw Error(cat("cannot create ", path.string(), ": ", folder.string(), " is not a folder"));
  }
  // access() asks the file system itself, so a read-only mount is noticed for root too.
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail("create", path);
}

InputFile::InputFile(const fs::path& path) : path_(path) {
  // O_NONBLOCK: a pipe would otherwise wait for a writer.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail("read", path);
  struct stat status {};
  const bool known = ::fstat(descriptor_, &status) == 0;
  const int error = errno;
  if (known && S_ISREG(status.st_mode)) {
    size_ = static_cast<uint64_t>(status.st_size);
    inode_ = status.st_ino;
    return;
  }
  ::close(descriptor_);
  if (!known) fail("read", path, error);
  throw Error(cat(path.string(), ": is not a regular file"));
}

InputFile::~InputFile() { ::close(descriptor_); }

size_t InputFile::read(uint64_t offset, void* out, size_t bytes) const {
  auto* next = static_cast<char*>(out);
  size_t done = 0;
  while (done < bytes) {
    const auto at = static_cast<off_t>(offset + done);
    const ssize_t count = ::pread(descriptor_, next + done, bytes - done, at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read", path_);
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "vidgen-XXXXXX").string();
  if (!::mkdtemp(name.data())) fail("create", name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
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
