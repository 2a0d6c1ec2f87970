#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;

TEST(ArgumentErrorsTest, CommandsAndOptions) {
  const Workspace work;
  expect_refuses(work, {}, {"subcommand", "train, sample"});
  expect_refuses(work, {"trian"}, {"trian", "did you mean \"train\"?"});
  expect_refuses(work, {"data"}, {"subcommand", "inspect, prepare, preview, synth"});
  expect_refuses(work, {"data", "inspct", "x"}, {"inspct", "did you mean \"inspect\"?"});
  expect_refuses(work, {"train"}, {"CONFIG (or --config CONFIG) is required"});
  expect_refuses(work, work.train_arguments({"--dri-run"}),
                 {"--dri-run", "did you mean --dry-run?"});
  // A key of the configuration is no option, but what was meant is plain.
  for (const std::string option : {"--batch-size", "--batch_size=5"}) {
    expect_refuses(work, work.train_arguments({option, "5"}), {"--set train.batch_size="});
  }
  expect_refuses(work, work.train_arguments({"--config", "a.yaml"}), {"--config: given 2 times"});
  expect_refuses(work, work.train_arguments({"more.yaml"}), {"more.yaml"});
  expect_refuses(work, {"train", "--config"}, {"--config"});
  expect_refuses(work, {"config"}, {"--explain"});
  expect_refuses(work, {"config", "--explain", "--config", "tiny.yaml"}, {"--explain"});
  expect_refuses(work, {"completion", "tcsh"}, {"tcsh", "bash"});
  expect_refuses(work, {"inspect"},
                 {"RUN (or --checkpoint RUN) is required", "vidgen inspect --help"});
}

/// A workspace with a finished run of one step.
class OutputErrorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto result = work_.train({"--set", "train.steps=1"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  void expect_sample_refused(const Workspace::Arguments& more,
                             const std::vector<std::string>& parts) {
    Workspace::Arguments arguments{"sample", "--checkpoint", "run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_refuses(work_, arguments, parts);
  }

  void expect_prune_refused(const Workspace::Arguments& more,
                            const std::vector<std::string>& parts) {
    Workspace::Arguments arguments{"prune", "--checkpoint", "run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_refuses(work_, arguments, parts);
  }

  Workspace work_;
};

TEST_F(OutputErrorsTest, PlacesAndNamesThatCannotBeWritten) {
  expect_sample_refused({"--out", "none/out.mp4"}, {"none/out.mp4", "no folder none"});
  expect_sample_refused({"--out", "none/folder"}, {"none/folder", "no folder none"});
  // Nobody can create files there, not even root.
  expect_sample_refused({"--out", "/proc/out.png"}, {"/proc/out.png"});
  expect_sample_refused({"--out", "/proc/folder"}, {"/proc/folder"});
  expect_sample_refused({"--out", "tiny.yaml/out.mp4"}, {"tiny.yaml is not a folder"});
  const std::string none = "none/out.safetensors", proc = "/proc/out.safetensors";
  expect_prune_refused({"--out", none, "--sparsity", "0.5"}, {none, "no folder none"});
  expect_prune_refused({"--out", proc, "--sparsity", "0.5"}, {proc});
  for (const std::string name : {"out.webm", "out.mp4x"}) {
    expect_sample_refused({"--out", name},
                          {"--out " + name + ": unknown extension", "expected .mp4"});
  }
  expect_prune_refused({"--out", "out.pt", "--sparsity", "0.5"},
                       {"--out out.pt: ", ".safetensors"});

  fs::create_directory(work_ / "locked");
  fs::permissions(work_ / "locked", fs::perms::owner_read | fs::perms::owner_exec);
  if (::access((work_ / "locked").c_str(), W_OK) == 0) return;  // root writes everywhere
  expect_sample_refused({"--out", "locked/out.mp4"}, {"locked/out.mp4: Permission denied"});
}

TEST_F(OutputErrorsTest, ValuesOutOfRange) {
  for (const std::string value : {"1.5", "-0.1", "nan", "half"}) {
    expect_prune_refused({"--out", "out.safetensors", "--sparsity", value}, {"sparsity", value});
  }
  const Workspace::Arguments prune{"--out", "out.safetensors", "--sparsity", "0.5"};
  const auto with = [](Workspace::Arguments arguments, const Workspace::Arguments& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  expect_prune_refused(with(prune, {"--scope", "all"}), {"--scope", "all"});
  expect_prune_refused(with(prune, {"--include", "none.*"}), {"no tensor to prune", "none.*"});

  const Workspace::Arguments sample{"--out", "out.mp4"};
  expect_sample_refused(with(sample, {"--count", "0"}), {"--count"});
  expect_sample_refused(with(sample, {"--frames", "-1"}), {"--frames"});
  expect_sample_refused(with(sample, {"--seed", "-1"}), {"--seed"});
  expect_sample_refused(with(sample, {"--fps", "1000"}), {"--fps"});
  expect_sample_refused(with(sample, {"--fps", "nan"}), {"--fps"});
  expect_sample_refused(with(sample, {"--truncation", "-1"}), {"--truncation"});
  expect_sample_refused(with(sample, {"--truncation", "nan"}), {"--truncation"});
  for (const std::string grid : {"2", "0x2", "2x2x2"}) {
    expect_sample_refused(with(sample, {"--grid", grid}), {"--grid " + grid, "ROWSxCOLUMNS"});
  }
  expect_sample_refused({"--out", "out.png", "--grid", "2x2"}, {"--grid"});
}

}  // namespace
}  // namespace vidgen::test
