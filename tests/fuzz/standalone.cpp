// Runs a fuzz target without libFuzzer:
//   vidgen_fuzz_X RUNS [SEED]     on so many inputs, each a function of SEED and its number
//   vidgen_fuzz_X FILE...         on these files
// The target runs in a process of its own, so that the input which ends it can be kept. Exits with
// 1 when an input crashes, throws what is no vidgen::Error, takes over a second, or the memory
// grows beyond a gigabyte.
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <fstream>
#include <iterator>

#include "fuzz/target.h"
#include "vidgen/core/random.h"

namespace vidgen::fuzz {
namespace {

/// Of the processor, so that a busy machine is no fault. Instrumented code is slower.
constexpr double kMostSeconds = 1;
constexpr long kMostKilobytes = 1 << 20;
/// An input that takes so long never ends.
constexpr unsigned kHangs = 60;

/// What the process that runs the target tells of itself.
struct Shared {
  uint64_t input = 0;
  double slowest = 0;
  uint64_t slowest_input = 0;
};

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

long peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : seed_(seed) {}

  /// The first inputs are the seeds themselves.
  std::string input(uint64_t number) const {
    if (number < seeds_.size()) return seeds_[number];
    core::CounterRandom random(seed_, number);
    const auto below = [&random](size_t bound) {
      return bound == 0 ? 0 : static_cast<size_t>(random.uniform() * static_cast<double>(bound));
    };
    std::string text = seeds_[below(seeds_.size())];
    for (size_t changes = 1 + below(6); changes > 0; --changes) change(text, below);
    return text;
  }

 private:
  template <class Below>
  void change(std::string& text, const Below& below) const {
    constexpr unsigned char kBytes[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '}', '[', ']', ',', '0'};
    constexpr size_t kMostBytes = 1 << 17;
    const size_t at = below(text.size() + 1);
    const size_t length = std::min(text.size() - at, 1 + below(below(8) == 0 ? 4096 : 16));
    switch (below(9)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        return;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(kBytes[below(std::size(kBytes))]);
        return;
      case 2:
        text.erase(at, length);
        return;
      case 3:
        if (text.size() < kMostBytes) text.insert(below(text.size() + 1), text.substr(at, length));
        return;
      case 4: {
        // Deep or long.
        const std::string part = text.substr(at, std::min<size_t>(length, 8));
        for (size_t times = below(2000); times > 0 && text.size() < kMostBytes; --times)
          text.insert(at, part);
        return;
      }
      case 5:
        text.resize(at);
        return;
      case 6: {
        const auto& other = seeds_[below(seeds_.size())];
        const size_t from = below(other.size() + 1);
        text.replace(at, length, other.substr(from, 1 + below(256)));
        return;
      }
      case 7: {
        // Another number where there is one.
        const size_t digit = text.find_first_of("0123456789", at);
        constexpr const char* kNumbers[] = {"0",     "-1",         "9223372036854775807",
                                            "1e308", "4294967296", "18446744073709551616",
                                            "0.5",   "1e-400",     "1000000"};
        if (digit == std::string::npos) return;
        const size_t end = std::min(text.find_first_not_of("0123456789", digit), text.size());
        text.replace(digit, end - digit, kNumbers[below(std::size(kNumbers))]);
        return;
      }
      default:
        if (!tokens_.empty()) text.insert(at, tokens_[below(tokens_.size())]);
    }
  }

  const uint64_t seed_;
  const std::vector<std::string> seeds_ = seeds();
  const std::vector<std::string> tokens_ = tokens();
};

void run_one(const std::string& input) {
  // A copy of exactly this size, so that a read behind it is noticed.
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  try {
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "threw what is no vidgen::Error: %s\n", error.what());
    std::abort();
  }
}

void run_all(const Mutator& mutator, uint64_t runs, Shared& shared) {
  for (shared.input = 0; shared.input < runs; ++shared.input) {
    const std::string input = mutator.input(shared.input);
    ::alarm(kHangs);
    const double begin = cpu_seconds();
    run_one(input);
    const double seconds = cpu_seconds() - begin;
    if (seconds > shared.slowest) {
      shared.slowest = seconds;
      shared.slowest_input = shared.input;
    }
    if (seconds > kMostSeconds || peak_kilobytes() > kMostKilobytes) {
      std::fprintf(stderr, "took %.2f s, memory so far %ld kB\n", seconds, peak_kilobytes());
      std::_Exit(1);
    }
  }
  std::printf("%llu inputs, slowest %.3f s, memory %ld MB\n", static_cast<unsigned long long>(runs),
              shared.slowest, peak_kilobytes() / 1024);
  std::fflush(stdout);
}

int fuzz(uint64_t runs, uint64_t seed) {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  auto* shared = new (memory) Shared;
  const Mutator mutator(seed);
  const pid_t child = ::fork();
  if (child == 0) {
    run_all(mutator, runs, *shared);
    std::_Exit(0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return 1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  const std::string name = "fuzz-failure-" + std::to_string(shared->input);
  std::ofstream(name, std::ios::binary) << mutator.input(shared->input);
  std::fprintf(stderr, "input %llu fails, kept as %s\n",
               static_cast<unsigned long long>(shared->input), name.c_str());
  return 1;
}

}  // namespace
}  // namespace vidgen::fuzz

int main(int argc, char** argv) {
  uint64_t runs = 0, seed = 0;
  const auto is_number = [](const char* text, uint64_t& value) {
    const char* end = text + std::strlen(text);
    const auto [last, error] = std::from_chars(text, end, value);
    return error == std::errc() && last == end;
  };
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s RUNS [SEED] | FILE...\n", argv[0]);
    return 2;
  }
  if (is_number(argv[1], runs)) {
    if (argc > 2 && !is_number(argv[2], seed)) return 2;
    return vidgen::fuzz::fuzz(runs, seed);
  }
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    vidgen::fuzz::run_one({std::istreambuf_iterator<char>(file), {}});
    std::printf("%s: good\n", argv[i]);
  }
  return 0;
}
