#include <malloc.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "commands.h"
#include "faults.h"
#include "vidgen/core/error.h"
#include "vidgen/core/interrupt.h"
#include "vidgen/core/lock.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/nn/threads.h"

namespace {

using vidgen::cli::Run;
using vidgen::core::one_line;

struct Command {
  const char* name;
  const char* help;
  /// What it prints and writes, for the end of its help.
  const char* prints;
  Run (*add)(CLI::App&);
};

constexpr const char* kTrainingPrints =
    "Its progress, what differs from the run so far, and warnings, on standard error. Into the "
    "run's folder go config.yaml, log.jsonl, report.html, samples/, checkpoints/ and at the end "
    "weights.safetensors. --dry-run prints the networks and the estimate on standard output.";

constexpr Command kCommands[] = {
    {"train", "Train a video GAN, or go on with a run.", kTrainingPrints, vidgen::cli::add_train},
    {"sample", "Render clips from a trained generator.",
     "One line on standard error: what was written, how many clips, of how many frames and pixels.",
     vidgen::cli::add_sample},
    {"eval", "Measure how near generated clips are to real ones.",
     "What was compared with what, and a table: each metric for the generated clips, for other "
     "real clips in their place, and its ideal; with classes a second table, a row for each.",
     vidgen::cli::add_eval},
    {"prune", "Take weights or channels out of a generator.",
     "What each layer or stage loses, the PSNR of the clips to the original's, and the size of "
     "the file; where the pictures changed visibly, the command that makes up for it.",
     vidgen::cli::add_prune},
    {"quantize", "Turn a generator into eight bits.",
     "A row for each layer with its scale and precision, the PSNR to the float32 clips, and the "
     "bytes of the weights before and after.",
     vidgen::cli::add_quantize},
    {"distill", "Train a generator on what a trained one makes.", kTrainingPrints,
     vidgen::cli::add_distill},
    {"export", "Write a generator as ONNX or TorchScript.",
     "One line on standard error for each file that was written.", vidgen::cli::add_export},
    {"compare", "Compare a generator with what was made of it: size, speed, memory, pictures.",
     "How it was measured, and a table with a column for each model; with --data a second one of "
     "scores against real clips.",
     vidgen::cli::add_compare},
    {"inspect", "Show what a checkpoint or weights file holds.",
     "Kind, step, clip, classes, sizes and what made it smaller; with --verify a line for each "
     "file.",
     vidgen::cli::add_inspect},
    {"data", "Look at videos, prepare them for training, make some.", "", vidgen::cli::add_data},
    {"bench", "Time training, rendering, loading and start-up.", "", vidgen::cli::add_bench},
    {"config", "Check a configuration, or explain every key.",
     "The configuration with every key as YAML, or with --explain each key with its default and "
     "its meaning.",
     vidgen::cli::add_config},
    {"completion", "Print a completion script for a shell.",
     "The script. In bash: source <(vidgen completion bash)", vidgen::cli::add_completion},
};

// Training frees and takes the same large blocks at every step: glibc would give each back to the
// kernel and have it cleared again.
void keep_freed_memory() {
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

// CLI11 says of a misspelt command only that one is required.
void check_command(int argc, char** argv) {
  int first = 1;
  while (first < argc && argv[first][0] == '-') ++first;
  if (first == argc) return;
  std::vector<std::string> names;
  for (const auto& command : kCommands) {
    if (std::string(argv[first]) == command.name) {
      vidgen::core::set_process_title(vidgen::core::cat("vidgen ", command.name));
      return vidgen::cli::set_command(command.name);
    }
    names.emplace_back(command.name);
  }
  const std::string suggestion = vidgen::core::nearest(argv[first], names);
  throw vidgen::Error(vidgen::core::cat("unknown command \"", argv[first], "\", ",
                                        suggestion.empty()
                                            ? "expected one of " + vidgen::core::join(names)
                                            : "did you mean \"" + suggestion + "\"?"));
}

// CLI11 takes a name in brackets for a list of names where several can stand.
std::vector<std::string> arguments_of(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto& word = arguments[i];
    const bool in_brackets = word.size() > 1 && word.front() == '[' && word.back() == ']';
    const bool is_value = i > 0 && arguments[i - 1].rfind("--", 0) == 0 &&
                          arguments[i - 1].find('=') == std::string::npos;
    if (in_brackets && !is_value) word.insert(0, "./");
  }
  return arguments;
}

// Who reads standard output has ended, as `head` does when it has seen enough: end as quietly as
// other programs, by the signal that handle_signals() keeps from ending a training.
void end_where_nobody_reads() {
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  if (::poll(&output, 1, 0) != 1 || (output.revents & POLLERR) == 0) return;
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
}

// 0 is success, 2 something the user can put right, 1 a fault of our own, 75 stopped when asked to.
int run(int argc, char** argv) {
  CLI::App app("Trains generative adversarial networks on video, and renders clips from them.",
               "vidgen");
  vidgen::cli::use_help_form(app);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 2 something you can put right, 75 a training that was stopped by a "
      "signal with all saved (the same command goes on), 1 a fault of vidgen.\n"
      "An installed vidgen runs with the LibTorch in $VIDGEN_TORCH_DIR, or that of python3; "
      "`vidgen --torch DIR COMMAND ...` names another.");
  app.set_version_flag("--version", vidgen::cli::version_text);
  app.add_flag_callback("-q,--quiet", vidgen::core::quieten_log, "Only warnings and errors.");
  for (const auto& command : kCommands) {
    auto* sub = app.add_subcommand(command.name, command.help);
    sub->footer(command.prints);
    auto action = command.add(*sub);
    if (action) sub->callback(action);
  }
  try {
    check_command(argc, argv);
    auto arguments = arguments_of(argc, argv);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
  } catch (const CLI::Success& help) {
    app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "vidgen: %s\n", one_line(vidgen::cli::explain(error, app)).c_str());
    return 2;
  }
  if (std::cout.flush()) return 0;
  end_where_nobody_reads();
  throw vidgen::Error("cannot write to standard output");
}

int run_and_explain(int argc, char** argv) {
  try {
    vidgen::cli::check_torch_version();
    vidgen::nn::set_up_threads(0);
    return run(argc, argv);
  } catch (...) {
    return vidgen::cli::explain_exception();
  }
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  vidgen::core::handle_signals();
  vidgen::cli::explain_lost_exceptions();
  vidgen::cli::ask_for_short_time_slices();
  const int code = run_and_explain(argc, argv);
#ifndef __SANITIZE_ADDRESS__
  // Taking LibTorch apart costs a quarter of what `--help` takes, only to free what the system
  // frees anyway. (The leak check of AddressSanitizer needs the long way.)
  std::cout.flush();
  std::fflush(nullptr);
  std::_Exit(code);
#endif
  return code;
}
