#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* name;
  std::string text;
  std::vector<std::string> parts;
};

/// Each text as bad.yaml is refused by `vidgen train`.
void expect_all_refused(const std::vector<Case>& cases) {
  const Workspace work;
  for (const auto& [name, text, parts] : cases) {
    SCOPED_TRACE(name);
    write_bytes(work / "bad.yaml", text);
    expect_refuses(work, {"train", "--config", "bad.yaml"}, parts);
  }
}

TEST(ConfigErrorsTest, FilesThatCannotBeRead) {
  const Workspace work;
  expect_refuses(work, {"train", "--config", "none.yaml"}, {"none.yaml: no such file"});
  expect_refuses(work, {"train", "--config", "cache"}, {"cache: is not a regular file"});
  expect_refuses(work, {"config", "--config", "none.yaml"}, {"none.yaml: no such file"});
  expect_refuses(work, {"data", "prepare", "--config", "none.yaml"}, {"none.yaml: no such file"});
}

TEST(ConfigErrorsTest, AFileWithoutReadPermission) {
  const Workspace work;
  fs::permissions(work / "tiny.yaml", fs::perms::none);
  if (::access((work / "tiny.yaml").c_str(), R_OK) == 0) GTEST_SKIP() << "root reads every file";
  expect_refuses(work, {"train", "--config", "tiny.yaml"}, {"tiny.yaml: Permission denied"});
}

TEST(ConfigErrorsTest, WhatIsNotYaml) {
  expect_all_refused({
      {"open quote", "data:\n  sources: \"clip.mp4\n", {"bad.yaml:3:1: not YAML: "}},
      {"tab", "data:\n\tsize: 16\n", {"bad.yaml:2:1: not YAML: "}},
      {"colon twice", "data:\n  size: 16: 32\n", {"bad.yaml:2:11: not YAML: "}},
      {"unknown anchor", "data: *none\n", {"bad.yaml:1:7: not YAML: "}},
      {"two documents", "data: {}\n---\ndata: {}\n", {"bad.yaml: holds 2 documents, expected one"}},
      {"text", "just words\n", {"bad.yaml:1:1: found no keys"}},
      {"list", "- 1\n- 2\n", {"bad.yaml:1:1: found no keys"}},
  });
}

TEST(ConfigErrorsTest, KeysThatAreUnknownOrThereTwice) {
  const std::string data = "data: {sources: clip.mp4}\n";
  expect_all_refused({
      {"section",
       "data: {sources: clip.mp4}\ntrian: {steps: 5}\n",
       {"bad.yaml:2:1: ", "trian: unknown key", "did you mean \"train\"?"}},
      {"key",
       data + "train:\n  step: 5\n",
       {"bad.yaml:3:3: ", "train.step: unknown key", "did you mean \"steps\"?"}},
      {"key in a list",
       data + "model:\n  discriminators:\n    - {type: frame, width: [8]}\n",
       {"bad.yaml:4:21: ", "model.discriminators[0].width", "did you mean \"widths\"?"}},
      {"nothing near", data + "qqqqqq: 5\n", {"bad.yaml:2:1: ", "qqqqqq: unknown key, expected"}},
      {"twice",
       data + "train:\n  steps: 5\n  steps: 6\n",
       {"bad.yaml:4:3: duplicate key \"steps\""}},
      {"section twice", data + "data: {size: 32}\n", {"bad.yaml:2:1: duplicate key \"data\""}},
      {"merge key",
       "data: &d {sources: clip.mp4}\ntrain: {<<: *d}\n",
       {"bad.yaml:2:9: ", "merge key"}},
  });
}

TEST(ConfigErrorsTest, ValuesOfAnotherType) {
  const std::string data = "data: {sources: clip.mp4}\n";
  expect_all_refused({
      {"text for a number",
       data + "train: {steps: many}\n",
       {"bad.yaml:2:9: train.steps: found text \"many\", expected an integer from 1"}},
      {"quoted number",
       data + "train: {steps: \"5\"}\n",
       {"bad.yaml:2:9: train.steps: found text \"5\", expected an integer"}},
      {"fraction", data + "train: {steps: 2.5}\n", {"train.steps: found 2.5, expected an integer"}},
      {"number for text",
       data + "run_dir: 5\n",
       {"bad.yaml:2:1: run_dir: found 5, expected text (put it in quotes)"}},
      {"number for a section", data + "train: 5\n", {"bad.yaml:2:1: train: found 5"}},
      {"nothing", data + "train:\n", {"bad.yaml:2:1: train: found nothing, expected a mapping"}},
      {"text for a boolean",
       "data: {sources: clip.mp4, horizontal_flip: yes}\n",
       {"bad.yaml:1:27: data.horizontal_flip: found text \"yes\", expected true or false"}},
      {"text in a list",
       data + "model: {generator: {widths: [8, x]}}\n",
       {"bad.yaml:2:33: model.generator.widths[1]: found text \"x\", expected an integer"}},
      {"no choice",
       data + "loss: {type: hingee}\n",
       {"bad.yaml:2:8: loss.type: found text \"hingee\", expected one of non_saturating, hinge"}},
  });
}

TEST(ConfigErrorsTest, ValuesOutOfRange) {
  const std::string data = "data: {sources: clip.mp4}\n";
  expect_all_refused({
      {"steps", data + "train: {steps: 0}\n", {"bad.yaml:2:9: train.steps: found 0"}},
      {"learning rate",
       data + "optim:\n  generator: {lr: -1e-4}\n",
       {"bad.yaml:3:15: optim.generator.lr: found -0.0001, expected a number from 0 to 10"}},
      {"not a number", data + "optim: {generator: {lr: .nan}}\n", {"optim.generator.lr: found"}},
      {"beyond 64 bits",
       data + "train: {seed: 123456789012345678901234567890}\n",
       {"bad.yaml:2:9: train.seed: found"}},
      {"size", "data: {sources: clip.mp4, size: 48}\n", {"bad.yaml:1:27: data.size: found 48"}},
      {"widths",
       data + "model: {generator: {widths: [8]}}\n",
       {"bad.yaml:2:21: model.generator.widths: found 1 widths, expected 4"}},
      {"too few frames",
       "data: {sources: clip.mp4, size: 16, frames: 4}\n",
       {"model.discriminators[1].type: ", "needs 10 frames, found data.frames 4"}},
      {"no source", "data: {size: 16}\n", {"bad.yaml:1:1: data.sources: is empty"}},
      {"empty file", "", {"bad.yaml", "data.sources: is empty"}},
  });
}

TEST(ConfigErrorsTest, AliasesThatGrowWithoutEnd) {
  std::string bomb = "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n";
  for (char name = 'b'; name <= 'k'; ++name) {
    const std::string before = ", *" + std::string(1, static_cast<char>(name - 1));
    bomb += std::string(1, name) + ": &" + name + " [1";
    for (int i = 0; i < 9; ++i) bomb += before;
    bomb += "]\n";
  }
  expect_all_refused({
      {"bomb", bomb, {"bad.yaml:", "holds more than 10000 values"}},
      {"cyclic list", "data: &d [*d]\n", {"bad.yaml:1:", "an alias contains itself"}},
      {"cyclic mapping", "data: &d {size: *d}\n", {"bad.yaml:1:", "an alias contains itself"}},
      {"nesting", std::string(100000, '['), {"bad.yaml:1:"}},
  });
}

TEST(ConfigErrorsTest, AFileOverOneMegabyte) {
  const std::string comment(1 << 20, '#');
  expect_all_refused(
      {{"large", comment + "\n" + kTinyConfig, {"bad.yaml: is ", "at most 1048576"}}});
}

TEST(ConfigErrorsTest, AssignmentsOnTheCommandLine) {
  const Workspace work;
  const auto expect_set_refused = [&](const std::string& assignment,
                                      const std::vector<std::string>& parts) {
    expect_refuses(work, work.train_arguments({"--set", assignment}), parts);
  };
  expect_set_refused("train.step=5", {"--set train.step=5: train.step: unknown key", "\"steps\""});
  expect_set_refused("trian.steps=5", {"--set trian.steps=5: trian: unknown key", "\"train\""});
  expect_set_refused("train.steps", {"--set train.steps: expected KEY=VALUE"});
  expect_set_refused("=5", {"--set =5: expected KEY=VALUE"});
  expect_set_refused("train..steps=5", {"--set train..steps=5: expected KEY=VALUE"});
  expect_set_refused("train.steps=many",
                     {"--set train.steps=many: train.steps: found text \"many\""});
  expect_set_refused("train.steps=", {"--set train.steps=: train.steps: found nothing"});
  expect_set_refused("train.steps=[1", {"--set train.steps=[1", "not YAML"});
  expect_set_refused("train.steps.x=1", {"--set train.steps.x=1: \"x\" lies inside a value"});
  expect_set_refused("model.discriminators[2].pool=2",
                     {"found index \"2\" of a list with 2 items"});
  expect_set_refused(
      "model.discriminators[1].pool=4",
      {"--set model.discriminators[1].pool=4: model.discriminators[1].pool: found 4"});
}

TEST(ConfigErrorsTest, OtherCommandsRefuseThemToo) {
  const Workspace work;
  const std::vector<std::string> parts{"--set train.step=5: train.step: unknown key"};
  expect_refuses(work, {"config", "--config", "tiny.yaml", "--set", "train.step=5"}, parts);
  expect_refuses(work, {"data", "prepare", "--config", "tiny.yaml", "--set", "train.step=5"},
                 parts);
}

}  // namespace
}  // namespace vidgen::test
