#include "vidgen/core/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace vidgen::core {
namespace {

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "the signal handler needs a lock-free flag");

void handle(int signal) {
  if (stop_requested.exchange(true) && signal == SIGINT) ::_exit(130);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return stop_requested.load(); }

}  // namespace vidgen::core
