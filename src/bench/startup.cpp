#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "program.h"
#include "vidgen/bench/bench.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"

namespace vidgen::bench {
namespace {

namespace fs = std::filesystem;
using core::cat;

}  // namespace

void run_program(const fs::path& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program.string());
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t silence;
  ::posix_spawn_file_actions_init(&silence);
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO})
    ::posix_spawn_file_actions_addopen(&silence, stream, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failure =
      ::posix_spawn(&child, program.c_str(), &silence, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&silence);
  if (failure != 0) throw Error(cat(program.string(), ": ", std::strerror(failure)));
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0)
    throw Error(cat(program.string(), " ", arguments[1], ": failed, run it by hand"));
}

core::Json bench_startup(const fs::path& program, const fs::path& config, const Repeats& repeats) {
  const auto time = [&](const std::vector<std::string>& arguments) {
    return measure([&] { run_program(program, arguments); }, repeats, torch::kCPU).json();
  };
  const core::TemporaryFolder folder;
  int64_t runs = 0;
  const auto first_step = measure(
      [&] {
        run_program(program, {"train", "--config", config.string(), "--run-dir",
                              (folder / std::to_string(runs++)).string(), "--set", "train.steps=1",
                              "--set", "train.sample_every=0"});
      },
      repeats, torch::kCPU);
  return {{"help", time({"--help"})},
          {"completion", time({"completion", "bash"})},
          {"config_explain", time({"config", "--explain"})},
          {"train_one_step", first_step.json()}};
}

}  // namespace vidgen::bench
