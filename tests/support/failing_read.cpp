// To be preloaded: reading the file whose path ends with $VIDGEN_TEST_FAILING_READ fails behind its
// first 20,000 bytes, as a bad sector or a network folder that went away lets it fail.
#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

bool fails(int descriptor) {
  const char* name = std::getenv("VIDGEN_TEST_FAILING_READ");
  if (!name || ::lseek(descriptor, 0, SEEK_CUR) < 20000) return false;
  char link[64], path[PATH_MAX];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
  const ssize_t length = ::readlink(link, path, sizeof(path));
  const std::string found(path, length > 0 ? static_cast<size_t>(length) : 0), wanted(name);
  return found.size() >= wanted.size() &&
         found.compare(found.size() - wanted.size(), wanted.size(), wanted) == 0;
}

}  // namespace

extern "C" ssize_t read(int descriptor, void* buffer, size_t bytes) {
  using Read = ssize_t (*)(int, void*, size_t);
  static const auto original = reinterpret_cast<Read>(::dlsym(RTLD_NEXT, "read"));
  if (!fails(descriptor)) return original(descriptor, buffer, bytes);
  errno = EIO;
  return -1;
}
