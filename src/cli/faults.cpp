#include "faults.h"

#include <c10/util/Exception.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "vidgen/core/error.h"
#include "vidgen/core/interrupt.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/resources.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {
namespace {

using core::cat;

/// Given back when memory has run out, so that it can be said.
constexpr size_t kReserve = size_t{1} << 20;
void* reserve = nullptr;
const char* command = "";

struct Advice {
  const char* command;
  const char* advice;
};

constexpr Advice kAdvice[] = {
    {"train",
     "lower train.batch_size, train.frames, data.size, the widths in model, train.evaluate.clips "
     "or data.workers, or set train.recompute=true"},
    {"distill", "lower train.batch_size, data.size or the widths in model"},
    {"sample", "lower --frames, --count (of a .png) or the size of the model"},
    {"eval", "lower --clips or --batch"},
    {"compare", "lower --clips, or compare fewer files at once"},
    {"prune", "lower train.batch_size (--finetune-steps), or the size of the model"},
    {"quantize", "use a smaller model"},
    {"export", "use a smaller model"},
    {"bench", "lower train.batch_size, --clips or the size of the model"},
    {"data", "lower data.size or data.frames; fewer cores (taskset) decode fewer videos at once"},
};

/// What libraries say of it in words.
constexpr const char* kWords[] = {
    "can't allocate memory", "out of memory",      "Cannot allocate memory", "Insufficient memory",
    "std::bad_alloc",        "Failed to allocate", "failed to allocate",
    "could not create a",  // oneDNN, which has no memory for a kernel
};

/// Without the places in LibTorch that it came through, and one line.
std::string message_of(const std::exception& error) {
  const auto* torch = dynamic_cast<const c10::Error*>(&error);
  std::string text = torch ? torch->what_without_backtrace() : error.what();
  // LibTorch's frames may be a part of the message of what it has caught itself.
  for (const char* mark : {"\nException raised from", "\nframe #", "\nC++ CapturedTraceback"}) {
    if (const auto place = text.find(mark); place != std::string::npos) text.resize(place);
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (auto& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

bool is_out_of_memory(const std::exception& error, const std::string& text) {
  if (dynamic_cast<const std::bad_alloc*>(&error) ||
      dynamic_cast<const c10::OutOfMemoryError*>(&error))
    return true;
  for (const char* words : kWords) {
    if (text.find(words) != std::string::npos) return true;
  }
  return false;
}

/// "1.2 GB" of LibTorch's "you tried to allocate 1200000000 bytes", "2.00 GiB" of "Tried to
/// allocate 2.00 GiB".
std::string asked_for(const std::string& text) {
  constexpr const char* kMark = "ried to allocate ";
  const auto place = text.find(kMark);
  if (place == std::string::npos) return "";
  char number[32] = {}, unit[8] = {};
  if (std::sscanf(text.c_str() + place + std::strlen(kMark), "%31[0-9.] %7[a-zA-Z]", number,
                  unit) != 2)
    return "";
  if (std::strcmp(unit, "bytes") != 0) return cat(number, " ", unit);
  return core::format_bytes(std::strtoull(number, nullptr, 10));
}

void write_text(const char* text) {
  if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

const char* advice_for_command() {
  for (const auto& [name, advice] : kAdvice) {
    if (std::strcmp(name, command) == 0) return advice;
  }
  return "lower what it is asked for";
}

std::string out_of_memory(const std::string& text) {
  std::string line = "out of memory";
  if (const auto bytes = asked_for(text); !bytes.empty())
    line += cat(": ", bytes, " more asked for");
  if (text.find("CUDA") == std::string::npos) {
    const auto left = core::free_memory();
    line += cat(line.find(':') == std::string::npos ? ": " : ", ",
                core::format_bytes(core::resident_memory_bytes()), " in use, ",
                core::format_bytes(left.bytes), " left ", left.limit);
  } else {
    line += " on the GPU";
  }
  return cat(line, "; ", advice_for_command());
}

int explain(const std::exception& error) {
  if (dynamic_cast<const core::Stopped*>(&error)) return core::kStoppedExitCode;
  if (dynamic_cast<const Error*>(&error)) {
    std::fprintf(stderr, "vidgen: %s\n", core::one_line(error.what()).c_str());
    return 2;
  }
  const auto text = message_of(error);
  if (is_out_of_memory(error, text)) {
    std::fprintf(stderr, "vidgen: %s\n", out_of_memory(text).c_str());
    return 2;
  }
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  if (system && system->code() == std::errc::resource_unavailable_try_again) {
    std::fprintf(stderr,
                 "vidgen: cannot start one more thread: limits of processes (ulimit -u), of the "
                 "control group or of memory; lower train.threads (OMP_NUM_THREADS) and "
                 "data.workers\n");
    return 2;
  }
  std::fprintf(stderr, "vidgen: internal fault: %s\n", core::one_line(text).c_str());
  return 1;
}

#ifndef __SANITIZE_ADDRESS__
/// Whether the address space is all but used up. Does only what a signal handler may.
bool at_limit_of_address_space() {
  constexpr uint64_t kNear = uint64_t{64} << 20;
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
  const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  char text[32] = {};
  const bool known = file >= 0 && ::read(file, text, sizeof(text) - 1) > 0;
  if (file >= 0) ::close(file);
  uint64_t pages = 0;
  for (const char* digit = text; *digit >= '0' && *digit <= '9'; ++digit)
    pages = 10 * pages + static_cast<uint64_t>(*digit - '0');
  return known && pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) + kNear > limit.rlim_cur;
}

/// Some libraries do not look whether they were given the memory that they asked for. Any other
/// crash is one: the handler is gone when it comes again.
void on_crash(int) {
  if (!at_limit_of_address_space()) return;
  write_text("vidgen: out of memory within the limit of the address space (ulimit -v); ");
  write_text(advice_for_command());
  write_text("\n");
  ::_exit(2);
}

/// We never leave by exit(), but libgomp does where it can start no thread.
void on_exit_of_a_library() {
  write_text(
      "vidgen: a library gave up, as where no thread can be started (ulimit -u, -v); lower "
      "train.threads (OMP_NUM_THREADS)\n");
  ::_exit(2);
}
#endif

[[noreturn]] void explain_and_end() {
  int code = 1;
  if (std::current_exception()) code = explain_exception();
  std::fflush(nullptr);
  std::_Exit(code);
}

}  // namespace

void explain_lost_exceptions() {
  reserve = std::malloc(kReserve);
  // The system gives memory when it is written to.
  if (reserve) std::memset(reserve, 1, kReserve);
  std::set_terminate(explain_and_end);
#ifndef __SANITIZE_ADDRESS__
  std::atexit(on_exit_of_a_library);
  static char stack[1 << 16];
  const stack_t own{stack, 0, sizeof(stack)};
  ::sigaltstack(&own, nullptr);
  struct sigaction action {};
  action.sa_handler = on_crash;
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  ::sigaction(SIGSEGV, &action, nullptr);
#endif
}

void set_command(const char* name) { command = name; }

int explain_exception() {
  std::free(reserve);
  reserve = nullptr;
  try {
    try {
      throw;
    } catch (const std::exception& error) {
      return explain(error);
    }
  } catch (...) {
    write_text("vidgen: out of memory; ");
    write_text(advice_for_command());
    write_text("\n");
    return 2;
  }
}

}  // namespace vidgen::cli
