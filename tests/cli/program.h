#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// The built program, run as a shell runs it. $VIDGEN_PROGRAM names another one to test.
namespace vidgen::test {

inline std::filesystem::path program_path() {
  const char* other = std::getenv("VIDGEN_PROGRAM");
  return std::filesystem::absolute(other && *other ? other : VIDGEN_TEST_PROGRAM);
}

/// Asks again and again, until it is true or the time is over. Returns the last answer.
inline bool wait_until(const std::function<bool()>& condition, double seconds = 120) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return condition();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

struct ProgramOptions {
  /// Current folder of the program; "" keeps ours.
  std::filesystem::path folder;
  /// Added to our environment.
  std::map<std::string, std::string> environment;
  /// No file can grow beyond this many bytes, as on a disk that is full.
  std::optional<rlim_t> file_limit;
  /// The address space cannot grow beyond this many bytes: memory runs out.
  std::optional<rlim_t> memory_limit;
};

struct ProgramResult {
  /// -1 when a signal ended the program.
  int exit_code = -1;
  /// 0 when the program ended by itself.
  int signal = 0;
  std::string out;
  std::string err;
  /// The most that was resident.
  int64_t peak_bytes = 0;
};

/// A program that runs in the background, with nothing to read on stdin. Killed at the end of the
/// scope.
class Program {
 public:
  using Arguments = std::vector<std::string>;

  Program(const std::filesystem::path& program, const Arguments& arguments,
          const ProgramOptions& options) {
    std::vector<std::string> words{program.string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const auto variables = environment(options);
    // Between fork and exec only what is safe in a signal handler may happen: no allocation.
    const auto argv = pointers(words), envp = pointers(variables);
    child_ = ::fork();
    if (child_ < 0) throw std::runtime_error("cannot start " + program.string());
    if (child_ == 0) become(options, argv.data(), envp.data());
  }
  ~Program() {
    if (running()) signal(SIGKILL);
    wait();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void signal(int number) const { ::kill(child_, number); }

  bool running() {
    if (!ended_) ended_ = ::wait4(child_, &status_, WNOHANG, &usage_) == child_;
    return !ended_;
  }

  /// Waits for the end; kills the program when it takes longer.
  ProgramResult wait(double seconds = 240) {
    if (!wait_until([this] { return !running(); }, seconds)) {
      signal(SIGKILL);
      ended_ = ::wait4(child_, &status_, 0, &usage_) == child_;
    }
    ProgramResult result;
    if (WIFEXITED(status_)) result.exit_code = WEXITSTATUS(status_);
    if (WIFSIGNALED(status_)) result.signal = WTERMSIG(status_);
    result.out = content(out_);
    result.err = content(err_);
    result.peak_bytes = int64_t{1024} * usage_.ru_maxrss;
    return result;
  }

  /// What it has written to stderr so far.
  std::string err() const { return content(err_); }

 private:
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

  [[noreturn]] void become(const ProgramOptions& options, char* const* argv, char* const* envp) {
    if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) ::_exit(126);
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
    ::dup2(::fileno(out_.get()), STDOUT_FILENO);
    ::dup2(::fileno(err_.get()), STDERR_FILENO);
    if (options.file_limit) {
      const rlimit limit{*options.file_limit, *options.file_limit};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    if (options.memory_limit) {
      const rlimit limit{*options.memory_limit, *options.memory_limit};
      ::setrlimit(RLIMIT_AS, &limit);
    }
    ::execve(argv[0], argv, envp);
    constexpr char kProblem[] = "the program to test cannot be run\n";
    if (::write(STDERR_FILENO, kProblem, sizeof(kProblem) - 1) < 0) ::_exit(126);
    ::_exit(127);
  }

  static std::vector<std::string> environment(const ProgramOptions& options) {
    std::map<std::string, std::string> all;
    for (char** entry = environ; *entry; ++entry) {
      const std::string text = *entry;
      const size_t equals = text.find('=');
      if (equals != std::string::npos) all[text.substr(0, equals)] = text.substr(equals + 1);
    }
    for (const auto& [name, value] : options.environment) all[name] = value;
    std::vector<std::string> lines;
    for (const auto& [name, value] : all) lines.push_back(name + "=" + value);
    return lines;
  }

  static std::vector<char*> pointers(const std::vector<std::string>& lines) {
    std::vector<char*> result;
    for (const auto& line : lines) result.push_back(const_cast<char*>(line.c_str()));
    result.push_back(nullptr);
    return result;
  }

  // Files, not pipes: a program that nobody listens to is never held up.
  static File temporary_file() {
    File file(std::tmpfile(), &std::fclose);
    if (!file) throw std::runtime_error("cannot create a temporary file");
    return file;
  }

  static std::string content(const File& file) {
    std::string text;
    char part[4096];
    ssize_t count = 0;
    while ((count = ::pread(::fileno(file.get()), part, sizeof(part),
                            static_cast<off_t>(text.size()))) > 0) {
      text.append(part, static_cast<size_t>(count));
    }
    return text;
  }

  File out_ = temporary_file();
  File err_ = temporary_file();
  pid_t child_ = -1;
  int status_ = 0;
  rusage usage_{};
  bool ended_ = false;
};

/// Runs a program to its end.
inline ProgramResult run_program(const std::filesystem::path& program,
                                 const Program::Arguments& arguments,
                                 const ProgramOptions& options) {
  return Program(program, arguments, options).wait();
}

}  // namespace vidgen::test
