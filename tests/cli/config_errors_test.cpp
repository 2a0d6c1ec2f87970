#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"

/// One of each kind; tests/config has the variants, where they cost no start of the program.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;

/// `text` as a configuration is refused by `vidgen train`.
void expect_text_refused(const std::string& text, const std::vector<std::string>& parts) {
  const Workspace work;
  write_bytes(work / "bad.yaml", text);
  expect_refuses(work, {"train", "--config", "bad.yaml"}, parts);
}

TEST(ConfigErrorsTest, FilesThatCannotBeRead) {
  const Workspace work;
  expect_refuses(work, {"train", "--config", "none.yaml"}, {"none.yaml: no such file"});
  expect_refuses(work, {"train", "--config", "cache"}, {"cache: is not a regular file"});
  expect_refuses(work, {"train", "clip.mp4"}, {"clip.mp4", "not YAML"});
  expect_refuses(work, {"config", "--config", "none.yaml"}, {"none.yaml: no such file"});
  expect_refuses(work, {"data", "prepare", "--config", "none.yaml"}, {"none.yaml: no such file"});
}

TEST(ConfigErrorsTest, AFileWithoutReadPermission) {
  const Workspace work;
  fs::permissions(work / "tiny.yaml", fs::perms::none);
  if (::access((work / "tiny.yaml").c_str(), R_OK) == 0) GTEST_SKIP() << "root reads every file";
  expect_refuses(work, {"train", "--config", "tiny.yaml"}, {"tiny.yaml: Permission denied"});
}

TEST(ConfigErrorsTest, FilesThatAreNoConfiguration) {
  expect_text_refused("data:\n  size: 16: 32\n", {"bad.yaml:2:11: not YAML: "});
  expect_text_refused("data: {sources: a.mp4}\ntrain:\n  step: 5\n",
                      {"bad.yaml:3:3: train.step: unknown key, did you mean \"steps\"?"});
  expect_text_refused("data: {size: 16}\ntrain: {}\ndata: {}\n",
                      {"bad.yaml:3:1: duplicate key \"data\""});
  expect_text_refused("data: {size: large}\n",
                      {"bad.yaml:1:8: data.size: found text \"large\", expected an integer"});
  expect_text_refused("train: {steps: 0}\n",
                      {"bad.yaml:1:9: train.steps: found 0, expected an integer from 1"});
}

TEST(ConfigErrorsTest, ObjectivesThatCannotBe) {
  expect_text_refused("data: {sources: a.mp4}\nloss: {type: wasserstein}\n",
                      {"bad.yaml:2:1: loss.gradient_penalty: found 0 with loss.type wasserstein"});
  expect_text_refused("data: {sources: a.mp4}\nloss: {r1: 1}\ntrain: {recompute: true}\n",
                      {"bad.yaml:3:9: train.recompute: found true with loss.r1"});
  expect_text_refused("data: {sources: a.mp4}\ntrain: {frames: 17}\n",
                      {"bad.yaml:2:9: train.frames: found 17, expected at most 16"});
  expect_text_refused("data: {sources: a.mp4}\ntrain: {frames: 4}\n",
                      {"bad.yaml:2:9: train.frames: found 4 of 16 with a clip discriminator"});
  expect_text_refused("data: {sources: a.mp4}\naugment: {target: 0.6}\n",
                      {"bad.yaml:2:11: augment.target: found 0.6 without augment.color"});
  expect_text_refused(
      "data: {sources: a.mp4}\n"
      "model: {discriminators: {type: frame, network: residual, norm: spectral}}\n"
      "train: {recompute: true}\n",
      {"bad.yaml:3:9: train.recompute: found true with a discriminator of norm: spectral"});
}

TEST(ConfigErrorsTest, FilesThatGrowWithoutEnd) {
  expect_text_refused("data: &d {size: *d}\n", {"bad.yaml:1:", "an alias contains itself"});
  std::string bomb = "a0: &a0 [1, 1, 1]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string name = "a" + std::to_string(i), before = " *a" + std::to_string(i - 1);
    bomb += name + ": &" + name + " [" + before + "," + before + "," + before + "]\n";
  }
  expect_text_refused(bomb, {"bad.yaml:", "holds more than 10000 values"});
  expect_text_refused(std::string(1 << 20, '#') + "\n" + kTinyConfig,
                      {"bad.yaml: is ", "expected at most 1048576"});
}

TEST(ConfigErrorsTest, AssignmentsOnTheCommandLine) {
  const Workspace work;
  const auto expect_set_refused = [&](const std::string& assignment, const std::string& problem) {
    expect_refuses(work, work.train_arguments({"--set", assignment}),
                   {"--set " + assignment + ": " + problem});
  };
  expect_set_refused("train.step=5", "train.step: unknown key, did you mean \"steps\"?");
  expect_set_refused("trian.steps=5", "trian: unknown key, did you mean \"train\"?");
  expect_set_refused("train.steps", "expected KEY=VALUE");
  expect_set_refused("train.steps=many", "train.steps: found text \"many\"");
  const std::vector<std::string> parts{"--set train.step=5: train.step: unknown key"};
  expect_refuses(work, {"config", "--config", "tiny.yaml", "--set", "train.step=5"}, parts);
  expect_refuses(work, {"data", "prepare", "--config", "tiny.yaml", "--set", "train.step=5"},
                 parts);
}

}  // namespace
}  // namespace vidgen::test
