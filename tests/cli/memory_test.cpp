#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/workspace.h"

/// Memory that runs out, and memory that does not grow.
namespace vidgen::test {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMega = 1 << 20;

class MemoryTest : public ::testing::Test {
 protected:
  ProgramResult run_within(int64_t bytes, const Workspace::Arguments& arguments) const {
    auto options = work_.options();
    options.memory_limit = static_cast<rlim_t>(bytes);
    return run_program(program_path(), arguments, options);
  }

  /// The address space that the program takes to start, to 16 MB.
  int64_t bytes_to_start() const {
    int64_t below = 0, enough = 8192 * kMega;
    while (enough - below > 16 * kMega) {
      const int64_t middle = (below + enough) / 2;
      (run_within(middle, {"--version"}).exit_code == 0 ? enough : below) = middle;
    }
    return enough;
  }

  const Workspace work_;
};

/// A line, or success.
void expect_a_line(const ProgramResult& result, int64_t limit) {
  SCOPED_TRACE(std::to_string(limit / kMega) + " MB: " + result.err);
  EXPECT_EQ(result.signal, 0);
  if (result.exit_code == 0) return;
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("vidgen: "));
  EXPECT_THAT(result.err, ::testing::Not(HasSubstr("frame #")));
  EXPECT_LE(lines_of(result.err).size(), 8u);
}

TEST_F(MemoryTest, EveryCommandEndsWithALineWhereMemoryRunsOut) {
  expect_success(work_.train());
  const int64_t start = bytes_to_start();
  const std::vector<Workspace::Arguments> commands{
      {"train", "--config", "tiny.yaml", "--run-dir", "other", "--set", "train.batch_size=64"},
      {"sample", "--checkpoint", "run", "--out", "out.mp4", "--frames", "200"},
      {"eval", "run", "--clips", "2", "--set", "data.frames=4"},
      {"prune", "run", "--out", "small.safetensors", "--sparsity", "0.5"},
      {"export", "run", "--out", "run.onnx"},
      {"data", "prepare", "clip.mp4", "--size", "16"},
  };
  for (const auto& command : commands) {
    SCOPED_TRACE(command.front());
    for (const int64_t more : {8, 40, 120}) {
      const int64_t limit = start + more * kMega;
      expect_a_line(run_within(limit, command), limit);
    }
  }
}

TEST_F(MemoryTest, RunThatCannotFitIsRefusedBeforeItBegins) {
  expect_refuses(work_,
                 Workspace::train_arguments({"--set", "train.batch_size=65536", "--set",
                                             "data.frames=24", "--set", "data.sources=clip.mp4",
                                             "--set", "model.generator.widths=[512,512]"}),
                 {"out of memory", "train.batch_size", "clips", "free"});
}

TEST_F(MemoryTest, SamplesTakeNoMoreMemoryWhereThereAreMore) {
  expect_success(work_.train());
  constexpr int64_t kAllowed = 12 * kMega;  // of 47 MB that the pixels are
  for (const std::string out : {"clips.safetensors", "clips.avi", "clips.gif", "clips.mp4"}) {
    const auto peak = [&](const Workspace::Arguments& more) {
      Workspace::Arguments arguments{"sample", "--checkpoint", "run", "--out", out};
      arguments.insert(arguments.end(), more.begin(), more.end());
      const auto result = work_.run(arguments);
      expect_success(result);
      return result.peak_bytes;
    };
    SCOPED_TRACE(out);
    const int64_t few = peak({"--count", "64"});
    EXPECT_LT(peak({"--count", "6400"}), few + kAllowed);
  }
}

TEST_F(MemoryTest, LongClipsTakeNoMoreMemory) {
  // Motion is computed for some ten thousand frames at once, whose memory is not what is measured.
  expect_success(
      work_.train({"--set", "model.temporal.type=lstm", "--set", "model.temporal.hidden=4"}));
  for (const std::string out : {"clip.mp4", "clip.safetensors", "folder"}) {
    const auto peak = [&](const char* frames) {
      const auto result =
          work_.run({"sample", "--checkpoint", "run", "--out", out, "--frames", frames});
      expect_success(result);
      return static_cast<double>(result.peak_bytes);
    };
    EXPECT_LT(peak("100000"), 1.1 * peak("1000")) << out;
  }
}

TEST_F(MemoryTest, SheetThatNoPictureCanHoldIsRefusedBeforeItIsMade) {
  expect_success(work_.train());
  expect_refuses(work_, {"sample", "--checkpoint", "run", "--out", "a.png", "--count", "100000"},
                 {"a.png", "178x1799998", "2^28"});
}

}  // namespace
}  // namespace vidgen::test
