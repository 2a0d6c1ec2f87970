#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/config/config.h"
#include "vidgen/train/schedule.h"

namespace vidgen::config {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* name;
  std::string text;
  std::vector<std::string> parts;
};

/// Each text is refused with a message that holds each of the parts.
void expect_all_refused(const std::vector<Case>& cases) {
  const test::TemporaryFolder folder;
  const auto path = folder / "bad.yaml";
  for (const auto& [name, text, parts] : cases) {
    test::write_bytes(path, text);
    const std::string error = test::error_of([&] { read_config(path); });
    for (const auto& part : parts) EXPECT_THAT(error, HasSubstr(part)) << name;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(ConfigErrorsTest, WhatIsNotYaml) {
  expect_all_refused({
      {"open quote", "data:\n  sources: \"clip.mp4", {"bad.yaml:2:21: not YAML: "}},
      {"open brace", "data: {size: 16\ntrain: {}\n", {"bad.yaml:2:6: not YAML: "}},
      {"tab", "data:\n\tsize: 16\n", {"bad.yaml:2:6: not YAML: "}},
      {"colon twice", "data:\n  size: 16: 32\n", {"bad.yaml:2:11: not YAML: "}},
      {"unknown anchor", "data: *none\n", {"bad.yaml:1:7: not YAML: "}},
      {"two documents",
       "data: {}\n---\ndata: {}\n",
       {"bad.yaml:2:1: begins a second document, expected one"}},
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
      {"decay",
       data + "optim: {final_lr_factor: 2}\n",
       {"bad.yaml:2:9: optim.final_lr_factor: found 2, expected a number from 0 to 1"}},
      {"penalty", data + "loss: {r1: -1}\n", {"bad.yaml:2:8: loss.r1: found -1"}},
      {"no step", data + "loss: {penalty_every: 0}\n", {"loss.penalty_every: found 0"}},
      {"translation",
       data + "augment: {translation: 0.6}\n",
       {"bad.yaml:2:11: augment.translation: found 0.6, expected a number from 0 to 0.5"}},
  });
}

TEST(ConfigErrorsTest, ValuesThatDoNotFitTogether) {
  const std::string data = "data: {sources: clip.mp4}\n";
  expect_all_refused({
      {"a critic without bounds",
       data + "loss: {type: wasserstein}\n",
       {"bad.yaml:2:1: loss.gradient_penalty: found 0 with loss.type wasserstein"}},
      {"gradients of gradients",
       data + "loss: {r1: 1}\ntrain: {recompute: true}\n",
       {"bad.yaml:3:9: train.recompute: found true with loss.r1", "expected false"}},
      {"steps that differ",
       data + "loss: {r2: 1, penalty_every: 16}\ntrain: {device: cuda, cuda_graph: true}\n",
       {"bad.yaml:3:23: train.cuda_graph: found true with loss.penalty_every 16, expected 1"}},
      {"nothing to adapt",
       data + "augment: {target: 0.6}\n",
       {"bad.yaml:2:11: augment.target: found 0.6 without augment.color", "expected one of them"}},
      {"signs that say nothing",
       data + "loss: {type: relativistic}\naugment: {color: 1, target: 0.6}\n",
       {"bad.yaml:3:21: augment.target: found 0.6 with a loss.type under which",
        "expected non_saturating or hinge"}},
      {"two probabilities",
       data + "augment: {color: 1, target: 0.6, probability: 0.5}\n",
       {"bad.yaml:2:34: augment.probability: found 0.5 with augment.target 0.6"}},
  });
}

}  // namespace
}  // namespace vidgen::config
