#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "cli/program.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/core/json.h"

namespace vidgen::test {

/// Two networks of a few hundred weights on clips of 10 frames of 16x16 pixels; a step takes
/// milliseconds.
constexpr const char* kTinyConfig = R"(run_dir: run
data: {sources: clip.mp4, size: 16, frames: 10}
model:
  generator: {widths: [8, 8]}
  temporal: {content_dim: 4, motion_dim: 2}
  discriminators:
    - {type: frame, widths: [8, 8]}
    - {type: clip, widths: [8, 8]}
train: {steps: 2, batch_size: 2, precision: float32, log_every: 1, sample_every: 0, checkpoint_every: 1000}
)";

inline void write_tiny_video(const std::filesystem::path& path, int64_t frames = 24,
                             int64_t side = 24) {
  video::write_video(path, gradient_clip(frames, side, side), 25);
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// A folder in which a user works: `clip.mp4`, `tiny.yaml`, a clip cache, and what is made there.
class Workspace {
 public:
  using Arguments = Program::Arguments;

  Workspace() {
    write_tiny_video(folder_ / "clip.mp4");
    write_bytes(folder_ / "tiny.yaml", kTinyConfig);
    std::filesystem::create_directory(folder_ / "cache");
  }

  std::filesystem::path operator/(const std::filesystem::path& name) const {
    return folder_ / name;
  }

  ProgramOptions options() const {
    ProgramOptions options;
    options.folder = folder_.path();
    // More threads only wait for each other in networks this small.
    options.environment = {{"VIDGEN_CACHE", (folder_ / "cache").string()},
                           {"OMP_NUM_THREADS", "1"}};
    return options;
  }

  /// vidgen ARGUMENTS, in this folder.
  ProgramResult run(const Arguments& arguments) const {
    return run_program(program_path(), arguments, options());
  }
  /// vidgen train --config tiny.yaml ARGUMENTS.
  ProgramResult train(const Arguments& more = {}) const { return run(train_arguments(more)); }
  static Arguments train_arguments(const Arguments& more) {
    Arguments arguments{"train", "--config", "tiny.yaml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  /// Every file and folder in here, without the clip cache.
  std::set<std::string> tree() const {
    std::set<std::string> names;
    for (auto entry = std::filesystem::recursive_directory_iterator(folder_.path());
         entry != std::filesystem::recursive_directory_iterator(); ++entry) {
      if (entry->path() == folder_ / "cache") entry.disable_recursion_pending();
      names.insert(entry->path().lexically_relative(folder_.path()).string());
    }
    return names;
  }

  /// What writers that did not come to their end have left, the clip cache included.
  std::vector<std::string> temporary_files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      if (entry.path().string().find("vidgen-tmp") != std::string::npos) {
        names.push_back(entry.path().string());
      }
    }
    return names;
  }

 private:
  TemporaryFolder folder_;
};

/// A test failure unless the program refused as it should what a user got wrong: exit code 2,
/// nothing on stdout, one line on stderr that holds each of `parts`.
inline void expect_refused(const ProgramResult& result, const std::vector<std::string>& parts) {
  EXPECT_EQ(result.exit_code, 2) << "signal " << result.signal;
  EXPECT_EQ(result.out, "");
  const auto lines = lines_of(result.err);
  EXPECT_EQ(lines.size(), 1u) << result.err;
  EXPECT_THAT(result.err, ::testing::StartsWith("vidgen: "));
  EXPECT_THAT(result.err, ::testing::Not(::testing::HasSubstr("internal fault")));
  for (const auto& part : parts) EXPECT_THAT(result.err, ::testing::HasSubstr(part));
}

/// As expect_refused(), for `vidgen ARGUMENTS`, which must not write anything either.
inline void expect_refuses(const Workspace& work, const Program::Arguments& arguments,
                           const std::vector<std::string>& parts) {
  std::string command = "vidgen";
  for (const auto& argument : arguments) command += " " + argument;
  SCOPED_TRACE(command);
  const auto before = work.tree();
  expect_refused(work.run(arguments), parts);
  EXPECT_EQ(work.tree(), before);
  EXPECT_THAT(work.temporary_files(), ::testing::IsEmpty());
}

/// A test failure unless the program did what it was asked to.
inline void expect_success(const ProgramResult& result) {
  EXPECT_EQ(result.exit_code, 0) << "signal " << result.signal << "\n" << result.out << result.err;
}

/// The lines of a run's log with an event, or those without.
inline std::vector<core::Json> log_lines(const std::filesystem::path& run, bool with_event) {
  std::vector<core::Json> lines;
  for (const auto& text : lines_of(read_bytes(run / "log.jsonl"))) {
    auto line = core::Json::parse(text);
    if (line.contains("event") == with_event) lines.push_back(std::move(line));
  }
  return lines;
}

/// The lines of a run's log, of its steps.
inline std::vector<core::Json> read_log(const std::filesystem::path& run) {
  return log_lines(run, false);
}

/// What happened to a run: the other lines of its log.
inline std::vector<core::Json> run_events(const std::filesystem::path& run) {
  return log_lines(run, true);
}

/// The steps of a run's checkpoints, in their order.
inline std::vector<int64_t> checkpoint_steps(const std::filesystem::path& run) {
  std::vector<int64_t> steps;
  std::error_code none_yet;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints", none_yet)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".safetensors" && name.find('.') == std::string::npos) {
      steps.push_back(std::stoll(name.substr(name.find('-') + 1)));
    }
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

/// The step of a run's newest checkpoint; -1 when there is none.
inline int64_t newest_step(const std::filesystem::path& run) {
  const auto steps = checkpoint_steps(run);
  return steps.empty() ? -1 : steps.back();
}

inline std::filesystem::path checkpoint_file(const std::filesystem::path& run, int64_t step) {
  char name[40];
  std::snprintf(name, sizeof(name), "step-%08ld.safetensors", static_cast<long>(step));
  return run / "checkpoints" / name;
}

}  // namespace vidgen::test
