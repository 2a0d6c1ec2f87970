#include "vidgen/core/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "vidgen/core/error.h"

namespace vidgen::core {
namespace {

[[noreturn]] void refuse(const char* action, const std::filesystem::path& path, int error) {
  throw Error(cat("cannot ", action, " ", path.string(), ": ", std::strerror(error)));
}

[[noreturn]] void fail_spool(const std::filesystem::path& beside, int error) {
  throw Error(cat("cannot write ", beside.string(),
                  ": no room for its frames in the same folder: ", std::strerror(error)));
}

// Not all file systems have files without a name.
int open_nameless(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0) return descriptor;
  std::string name = (folder / "spool.vidgen-tmpXXXXXX").string();
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

/// Reads all of it, or up to the end of the file; returns how many bytes, with the system's error,
/// 0 where there was none, in `error`.
size_t read_all(int descriptor, uint64_t offset, void* data, size_t bytes, int& error) {
  auto* next = static_cast<char*>(data);
  size_t done = 0;
  error = 0;
  while (done < bytes) {
    const ssize_t count =
        ::pread(descriptor, next + done, bytes - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) error = errno;
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : path_(path) {
  // O_NONBLOCK: a pipe would otherwise wait for a writer.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0 && errno == ENOENT) throw Error(cat(path.string(), ": no such file"));
  // ENXIO is what a socket says.
  if (descriptor_ < 0 && errno != ENXIO) refuse("read", path, errno);
  struct stat status {};
  if (descriptor_ >= 0 && ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) {
    size_ = static_cast<uint64_t>(status.st_size);
    inode_ = status.st_ino;
    return;
  }
  if (descriptor_ >= 0) ::close(descriptor_);
  throw Error(cat(path.string(), ": is not a regular file"));
}

InputFile::~InputFile() { ::close(descriptor_); }

size_t InputFile::read(uint64_t offset, void* data, size_t bytes) const {
  int error = 0;
  const size_t done = read_all(descriptor_, offset, data, bytes, error);
  if (error != 0) refuse("read", path_, error);
  return done;
}

Spool::Spool(const std::filesystem::path& beside)
    : beside_(beside), descriptor_(open_nameless(folder_of(beside))) {
  if (descriptor_ < 0) fail_spool(beside_, errno);
}

Spool::~Spool() { ::close(descriptor_); }

void Spool::write(const void* data, size_t bytes) {
  if (const int error = write_all(descriptor_, data, bytes, size_)) fail_spool(beside_, error);
  size_ += bytes;
}

void Spool::read(uint64_t offset, void* data, size_t bytes) const {
  int error = 0;
  if (read_all(descriptor_, offset, data, bytes, error) < bytes)
    fail_spool(beside_, error != 0 ? error : EIO);
}

int write_all(int descriptor, const void* data, size_t bytes, std::optional<uint64_t> offset) {
  const auto* next = static_cast<const char*>(data);
  for (size_t done = 0; done < bytes;) {
    const ssize_t written =
        offset ? ::pwrite(descriptor, next + done, bytes - done, static_cast<off_t>(*offset + done))
               : ::write(descriptor, next + done, bytes - done);
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) done += static_cast<size_t>(written);
  }
  return 0;
}

void flush_to_disk(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0 && errno == ENOENT) return;
  if (descriptor < 0) refuse("write", path, errno);
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  // Some file systems have nothing to flush, above all of folders.
  if (error != 0 && error != EINVAL && error != ENOTSUP) refuse("write", path, error);
}

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

}  // namespace vidgen::core
