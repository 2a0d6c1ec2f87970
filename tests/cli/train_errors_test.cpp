#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// The last line of stderr, where an error stands after what a run has said before.
std::string last_line(const ProgramResult& result) {
  const auto lines = lines_of(result.err);
  return lines.empty() ? "" : lines.back();
}

/// Weights grow a hundredfold at each step until they are no longer finite.
Workspace::Arguments diverging(const std::string& optimizer) {
  const std::string set = "optim." + optimizer + "=";
  return {"--set", set + "{type: adamw, lr: 10, weight_decay: 10}",
          "--set", "train.steps=1000",
          "--set", "train.checkpoint_every=1",
          "--set", "train.keep_checkpoints=1000"};
}

class DivergenceTest : public ::testing::TestWithParam<const char*> {};

TEST_P(DivergenceTest, StopsAndNamesTheLastGoodCheckpoint) {
  const Workspace work;
  const auto result = work.train(diverging(GetParam()));
  EXPECT_EQ(result.exit_code, 2);
  const std::string line = last_line(result);
  std::smatch match;
  const std::regex pattern(
      R"(vidgen: (.+) not finite at step (\d+)\. The last good checkpoint is (\S+)\. .*)");
  ASSERT_TRUE(std::regex_match(line, match, pattern)) << result.err;
  const int64_t step = std::stoll(match[2]);
  const auto steps = checkpoint_steps(work / "run");
  ASSERT_FALSE(steps.empty());
  EXPECT_LT(steps.back(), step);
  EXPECT_FALSE(fs::exists(work / "run/weights.safetensors"));
  EXPECT_THAT(work.temporary_files(), IsEmpty());

  const fs::path good = work / match[3].str();
  std::string bad;
  for (const auto& [name, tensor] : checkpoint::read_safetensors(good).tensors) {
    if (!tensor.isfinite().all().item<bool>()) bad += " " + name;
  }
  EXPECT_EQ(bad, "") << "not finite in " << good;
  expect_success(work.run({"sample", "--checkpoint", good, "--out", "out.png"}));
}

INSTANTIATE_TEST_SUITE_P(Optimizers, DivergenceTest,
                         ::testing::Values("generator", "discriminator"),
                         [](const auto& info) { return std::string(info.param); });

TEST(TrainErrorsTest, DivergenceBeforeTheFirstCheckpoint) {
  const Workspace work;
  auto arguments = diverging("discriminator");
  arguments.insert(arguments.end(), {"--set", "train.checkpoint_every=1000", "--set",
                                     "train.log_every=1000", "--set", "train.steps=100"});
  const auto result = work.train(arguments);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(last_line(result),
              ::testing::MatchesRegex("vidgen: loss_[dg] is not finite at step [0-9]+\\. "
                                      "There is no checkpoint yet\\. .*"));
  EXPECT_THAT(checkpoint_steps(work / "run"), IsEmpty());
}

TEST(TrainErrorsTest, FullDiskLeavesTheLastCheckpoint) {
  const Workspace work;
  expect_success(work.train());
  const auto good = checkpoint_file(work / "run", 2);
  const std::string before = read_bytes(good);
  auto options = work.options();
  options.file_limit = before.size() / 2;
  const auto result = run_program(
      program_path(),
      work.train_arguments({"--set", "train.steps=6", "--set", "train.checkpoint_every=2"}),
      options);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(last_line(result),
              HasSubstr("cannot write run/checkpoints/step-00000004.safetensors: File too large"));
  EXPECT_THAT(checkpoint_steps(work / "run"), ::testing::ElementsAre(2));
  EXPECT_EQ(read_bytes(good), before);
  EXPECT_THAT(work.temporary_files(), IsEmpty());
  // With room again the run goes on where it was saved.
  expect_success(work.train({"--set", "train.steps=6"}));
  EXPECT_EQ(read_log(work / "run").size(), 6u);
}

TEST(TrainErrorsTest, FullDiskWhilePreparingClips) {
  const Workspace work;
  auto options = work.options();
  options.file_limit = 4096;
  const auto result = run_program(program_path(), work.train_arguments({}), options);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(last_line(result), HasSubstr("File too large"));
  EXPECT_FALSE(fs::exists(work / "run"));
  EXPECT_THAT(work.temporary_files(), IsEmpty());
  expect_success(work.train());
}

TEST(TrainErrorsTest, RunFolderThatCannotBeMade) {
  const Workspace work;
  // The clips are there already, so that the error is all there is to say.
  expect_success(work.run({"data", "prepare", "--config", "tiny.yaml"}));
  expect_refuses(work, work.train_arguments({"--run-dir", "/proc/run"}), {"/proc/run"});
  expect_refuses(work, work.train_arguments({"--run-dir", "tiny.yaml/run"}),
                 {"tiny.yaml/run", "Not a directory"});
  expect_refuses(work, work.train_arguments({"--run-dir", "tiny.yaml"}), {"tiny.yaml"});
  expect_refuses(work, work.train_arguments({"--set", "run_dir="}), {"run_dir: found nothing"});
  expect_refuses(work, work.train_arguments({"--run-dir", ""}), {"--run-dir"});
  expect_refuses(
      work, work.train_arguments({"--set", "train.cuda_graph=true", "--set", "train.device=cpu"}),
      {"train.cuda_graph: found true", "on the CPU"});
}

TEST(TrainErrorsTest, RunFolderThatBecameReadOnly) {
  const Workspace work;
  expect_success(work.train());
  fs::permissions(work / "run/checkpoints", fs::perms::owner_read | fs::perms::owner_exec);
  const bool root = ::access((work / "run/checkpoints").c_str(), W_OK) == 0;
  const auto result = work.train({"--set", "train.steps=3"});
  fs::permissions(work / "run/checkpoints", fs::perms::owner_all);
  if (root) GTEST_SKIP() << "root writes everywhere";
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(last_line(result), HasSubstr("Permission denied"));
  EXPECT_THAT(checkpoint_steps(work / "run"), ::testing::ElementsAre(2));
}

TEST(TrainErrorsTest, AFileInPlaceOfAFolder) {
  const Workspace work;
  expect_success(work.train());
  fs::remove_all(work / "run/samples");
  write_bytes(work / "run/samples", "");
  const auto result = work.train({"--set", "train.steps=3"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(last_line(result), HasSubstr("run/samples"));
}

}  // namespace
}  // namespace vidgen::test
