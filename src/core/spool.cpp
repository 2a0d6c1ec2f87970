#include "vidgen/core/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "vidgen/core/error.h"

namespace vidgen::core {
namespace {

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

}  // namespace

Spool::Spool(const std::filesystem::path& beside)
    : beside_(beside),
      descriptor_(open_nameless(beside.has_parent_path() ? beside.parent_path() : ".")) {
  if (descriptor_ < 0) fail_spool(beside_, errno);
}

Spool::~Spool() { ::close(descriptor_); }

void Spool::write(const void* data, size_t bytes) {
  const auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::pwrite(descriptor_, next, bytes, static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_spool(beside_, errno);
    next += written;
    size_ += static_cast<uint64_t>(written);
    bytes -= static_cast<size_t>(written);
  }
}

void Spool::read(uint64_t offset, void* data, size_t bytes) const {
  auto* next = static_cast<char*>(data);
  while (bytes > 0) {
    const ssize_t count = ::pread(descriptor_, next, bytes, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail_spool(beside_, count < 0 ? errno : EIO);
    next += count;
    offset += static_cast<uint64_t>(count);
    bytes -= static_cast<size_t>(count);
  }
}

}  // namespace vidgen::core
