// To be preloaded: lets one call on a file below a folder fail, as disks and network folders do.
//
//   VIDGEN_INJECT_UNDER   the folder, absolute
//   VIDGEN_INJECT         CALL:N:ERRNO, the N-th call (from 1) fails with that number; CALL is
//   open, read, write, fsync,
//                         rename, mmap or flock. N 0 is every call. Of write ERRNO 0 writes half of
//                         what is asked for.
//   VIDGEN_INJECT_COUNTS  a file that then holds how many calls of each kind there were: uint64, in
//   that order
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

enum Call { kOpen, kRead, kWrite, kFsync, kRename, kMmap, kFlock, kCalls };
constexpr const char* kNames[kCalls] = {"open",   "read", "write", "fsync",
                                        "rename", "mmap", "flock"};

template <class Function>
Function next(const char* name, Function) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}
// The function that this one stands before.
#define NEXT(name) (next(#name, &::name))

struct Plan {
  std::string under;
  int call = -1, error = 0;
  uint64_t which = 0;
  std::atomic<uint64_t>* counts = nullptr;
  std::atomic<uint64_t> own[kCalls] = {};

  Plan() {
    const char* folder = std::getenv("VIDGEN_INJECT_UNDER");
    under = folder ? folder : "";
    char name[16] = "";
    if (const char* plan = std::getenv("VIDGEN_INJECT");
        plan && std::sscanf(plan, "%15[a-z]:%lu:%d", name, &which, &error) == 3) {
      call = static_cast<int>(std::find(kNames, kNames + kCalls, std::string(name)) - kNames);
    }
    counts = own;
    const char* file = std::getenv("VIDGEN_INJECT_COUNTS");
    if (!file) return;
    const int descriptor = NEXT(open)(file, O_RDWR | O_CREAT, 0644);
    if (descriptor < 0 || ::ftruncate(descriptor, sizeof(own)) != 0) return;
    void* memory =
        NEXT(mmap)(nullptr, sizeof(own), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory != MAP_FAILED) counts = static_cast<std::atomic<uint64_t>*>(memory);
    ::close(descriptor);
  }

  bool is_meant(const std::string& path) const {
    return !under.empty() && path.compare(0, under.size(), under) == 0;
  }
};

Plan& plan() {
  static auto* instance = new Plan;
  return *instance;
}

std::string path_of(int folder, const char* path) {
  char text[PATH_MAX] = "";
  if (path && path[0] == '/') return path;
  if (folder == AT_FDCWD) {
    if (!::getcwd(text, sizeof(text))) return "";
  } else {
    char link[64];
    std::snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
    if (::readlink(link, text, sizeof(text) - 1) < 0) return "";
  }
  return path ? std::string(text) + "/" + path : text;
}

// Whether this call is the one that fails; errno is set then.
bool fails(Call call, const std::string& path) {
  if (!plan().is_meant(path)) return false;
  const uint64_t count = ++plan().counts[call];
  if (plan().call != call || (plan().which != 0 && plan().which != count)) return false;
  errno = plan().error;
  return true;
}

}  // namespace

extern "C" {

#define OPEN(name)                                        \
  int name(const char* path, int flags, ...) {            \
    va_list arguments;                                    \
    va_start(arguments, flags);                           \
    const mode_t mode = va_arg(arguments, mode_t);        \
    va_end(arguments);                                    \
    if (fails(kOpen, path_of(AT_FDCWD, path))) return -1; \
    return NEXT(name)(path, flags, mode);                 \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                       \
  int name(int folder, const char* path, int flags, ...) { \
    va_list arguments;                                     \
    va_start(arguments, flags);                            \
    const mode_t mode = va_arg(arguments, mode_t);         \
    va_end(arguments);                                     \
    if (fails(kOpen, path_of(folder, path))) return -1;    \
    return NEXT(name)(folder, path, flags, mode);          \
  }
OPENAT(openat)
OPENAT(openat64)

ssize_t read(int descriptor, void* buffer, size_t bytes) {
  if (fails(kRead, path_of(descriptor, nullptr))) return -1;
  return NEXT(read)(descriptor, buffer, bytes);
}

#define PREAD(name, Offset)                                                 \
  ssize_t name(int descriptor, void* buffer, size_t bytes, Offset offset) { \
    if (fails(kRead, path_of(descriptor, nullptr))) return -1;              \
    return NEXT(name)(descriptor, buffer, bytes, offset);                   \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

ssize_t write(int descriptor, const void* buffer, size_t bytes) {
  if (fails(kWrite, path_of(descriptor, nullptr))) {
    if (errno != 0) return -1;
    bytes = (bytes + 1) / 2;
  }
  return NEXT(write)(descriptor, buffer, bytes);
}

#define PWRITE(name, Offset)                                                      \
  ssize_t name(int descriptor, const void* buffer, size_t bytes, Offset offset) { \
    if (fails(kWrite, path_of(descriptor, nullptr))) {                            \
      if (errno != 0) return -1;                                                  \
      bytes = (bytes + 1) / 2;                                                    \
    }                                                                             \
    return NEXT(name)(descriptor, buffer, bytes, offset);                         \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int descriptor, const iovec* parts, int count) {
  if (fails(kWrite, path_of(descriptor, nullptr))) {
    if (errno != 0) return -1;
    count = std::min(count, 1);
  }
  return NEXT(writev)(descriptor, parts, count);
}

int fsync(int descriptor) {
  return fails(kFsync, path_of(descriptor, nullptr)) ? -1 : NEXT(fsync)(descriptor);
}
int fdatasync(int descriptor) {
  return fails(kFsync, path_of(descriptor, nullptr)) ? -1 : NEXT(fdatasync)(descriptor);
}

int rename(const char* from, const char* to) {
  return fails(kRename, path_of(AT_FDCWD, to)) ? -1 : NEXT(rename)(from, to);
}

#define MMAP(name, Offset)                                                                \
  void* name(void* where, size_t bytes, int protection, int flags, int descriptor,        \
             Offset offset) {                                                             \
    if (descriptor >= 0 && fails(kMmap, path_of(descriptor, nullptr))) return MAP_FAILED; \
    return NEXT(name)(where, bytes, protection, flags, descriptor, offset);               \
  }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

int flock(int descriptor, int operation) {
  return fails(kFlock, path_of(descriptor, nullptr)) ? -1 : NEXT(flock)(descriptor, operation);
}
}
