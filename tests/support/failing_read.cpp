// To be preloaded: reading the file whose path ends with $VIDGEN_TEST_FAILING_READ fails behind its
// first 20,000 bytes, or $VIDGEN_TEST_FAILING_READ_FROM, as a bad sector or a network folder that
// went away lets it fail.
#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

/// Whether reading up to `end` fails.
bool fails(int descriptor, off_t end) {
  const char* name = std::getenv("VIDGEN_TEST_FAILING_READ");
  const char* from = std::getenv("VIDGEN_TEST_FAILING_READ_FROM");
  if (!name || end <= (from ? std::atol(from) : 20000)) return false;
  char link[64], path[PATH_MAX];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
  const ssize_t length = ::readlink(link, path, sizeof(path));
  const std::string found(path, length > 0 ? static_cast<size_t>(length) : 0), wanted(name);
  return found.size() >= wanted.size() &&
         found.compare(found.size() - wanted.size(), wanted.size(), wanted) == 0;
}

ssize_t fail() {
  errno = EIO;
  return -1;
}

}  // namespace

extern "C" ssize_t read(int descriptor, void* buffer, size_t bytes) {
  using Read = ssize_t (*)(int, void*, size_t);
  static const auto original = reinterpret_cast<Read>(::dlsym(RTLD_NEXT, "read"));
  const bool bad = fails(descriptor, ::lseek(descriptor, 0, SEEK_CUR) + 1);
  return bad ? fail() : original(descriptor, buffer, bytes);
}

extern "C" ssize_t pread(int descriptor, void* buffer, size_t bytes, off_t offset) {
  using Read = ssize_t (*)(int, void*, size_t, off_t);
  static const auto original = reinterpret_cast<Read>(::dlsym(RTLD_NEXT, "pread"));
  const bool bad = fails(descriptor, offset + static_cast<off_t>(bytes));
  return bad ? fail() : original(descriptor, buffer, bytes, offset);
}
