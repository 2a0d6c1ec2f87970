#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "commands.h"

namespace {

/// About 0.5 ms. A training step has hundreds of parallel loops, and LibTorch's OpenMP spins 3 ms
/// and more at the end of each, which takes the CPU from those who could use it, the threads that
/// are waited for among them. With a fifth of this, training alone was up to a tenth slower
/// (configs/vidgen64.yaml, two cores); with it, half of the speed alone is left beside a busy
/// process.
char spin_count[] = "50000";

/// sched_attr, whose header in Linux cannot be included beside those of glibc.
struct Scheduling {
  uint32_t size = sizeof(Scheduling);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // nanoseconds
  uint64_t deadline = 0;
  uint64_t period = 0;
};

const char* value_of(const char* name) {
  const size_t length = std::strlen(name);
  for (char** variable = environ; variable && *variable; ++variable) {
    if (std::strncmp(*variable, name, length) == 0 && (*variable)[length] == '=')
      return *variable + length + 1;
  }
  return nullptr;
}

}  // namespace

/// In place of the C library's, for all libraries of this program: LibTorch's OpenMP asks for its
/// settings when it is loaded, before anything of ours runs, and has no other way to set how long
/// it spins. This answers where the user has not, and leaves the environment as it is.
extern "C" char* getenv(const char* name) noexcept {
  const char* value = value_of(name);
  if (!value && std::strcmp(name, "GOMP_SPINCOUNT") == 0 && !value_of("OMP_WAIT_POLICY"))
    return spin_count;
  return const_cast<char*>(value);
}

namespace vidgen::cli {

void ask_for_short_time_slices() {
  Scheduling ours;
  if (::syscall(SYS_sched_getattr, 0, &ours, sizeof ours, 0) != 0) return;
  if (ours.policy != SCHED_OTHER) return;
  ours.runtime = 100'000;  // the shortest turn
  ::syscall(SYS_sched_setattr, 0, &ours, 0);
}

}  // namespace vidgen::cli
