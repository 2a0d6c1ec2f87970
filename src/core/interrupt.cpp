#include "vidgen/core/interrupt.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include "temporaries.h"
#include "vidgen/core/error.h"
#include "vidgen/core/log.h"

namespace vidgen::core {
namespace {

/// Whether a loop reads what is asked for.
std::atomic<bool> cooperative{false};
std::atomic<bool> stop_requested{false};
std::atomic<bool> save_requested{false};

[[noreturn]] void end_by(int signal) {
  delete_temporaries();
  std::signal(signal, SIG_DFL);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  ::raise(signal);
  // A container's first process is not ended by a signal.
  ::_exit(128 + signal);
}

/// "SIGTERM".
std::string name_of(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name ? std::string("SIG") + name : cat("signal ", signal);
}

void take(int signal) {
  if (!cooperative) end_by(signal);
  if (signal == SIGUSR1) {
    save_requested = true;
  } else if (!stop_requested.exchange(true)) {
    log_info(cat(name_of(signal), ": stops as soon as all is saved",
                 signal == SIGINT ? "; Ctrl-C once more ends it at once" : ""));
  } else if (signal == SIGINT) {
    end_by(signal);
  }
}

void watch(sigset_t signals) {
  for (;;) {
    int signal = 0;
    if (::sigwait(&signals, &signal) == 0) take(signal);
  }
}

/// Without them the first files that are opened would be the standard ones, and get what is printed
/// there. Writing to those made here fails.
void open_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is taken: this one.
    if (::open("/dev/null", O_RDONLY) < 0) return;
  }
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void start_watching() {
  open_standard_descriptors();
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGXCPU, SIGALRM, SIGUSR1, SIGUSR2})
    ::sigaddset(&signals, signal);
  // nohup.
  if (!is_ignored(SIGHUP)) ::sigaddset(&signals, SIGHUP);
  // Threads that start later have the mask of the one that starts them: the signals come to the
  // thread that waits for them, where more is allowed than in a handler.
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(watch, signals).detach();
}

}  // namespace

void handle_signals() {
  static std::once_flag once;
  std::call_once(once, start_watching);
}

void catch_interrupts() {
  handle_signals();
  cooperative = true;
}

bool interrupted() { return stop_requested; }

void stop_if_interrupted() {
  if (interrupted()) throw Stopped();
}

bool take_save_request() { return save_requested.exchange(false); }

}  // namespace vidgen::core
