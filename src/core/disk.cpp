#include "vidgen/core/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "vidgen/core/error.h"

namespace vidgen::core {
namespace {

[[noreturn]] void refuse(const char* action, const std::filesystem::path& path, int error) {
  throw Error(cat("cannot ", action, " ", path.string(), ": ", std::strerror(error)));
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
  auto* next = static_cast<char*>(data);
  size_t done = 0;
  while (done < bytes) {
    const ssize_t count =
        ::pread(descriptor_, next + done, bytes - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse("read", path_, errno);
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
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
