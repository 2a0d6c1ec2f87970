#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "cli/workspace.h"
#include "vidgen/checkpoint/checkpoint.h"

/// Runs that begin with the networks of another.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

/// A workspace with a finished run of two steps.
class InitFromTest : public ::testing::Test {
 protected:
  void SetUp() override { expect_success(work_.train()); }

  /// A new run of no step to speak of: with a learning rate of 0 its weights stay.
  ProgramResult begin(const std::string& from, const Workspace::Arguments& more = {}) const {
    Workspace::Arguments arguments{
        "--run-dir",     "new",   "--init-from",          from,    "--set",
        "train.steps=1", "--set", "optim.generator.lr=0", "--set", "optim.discriminator.lr=0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return work_.train(arguments);
  }
  checkpoint::Checkpoint read(const fs::path& file) const {
    return checkpoint::read_checkpoint(work_ / file);
  }
  void expect_equal(const checkpoint::Tensors& got, const checkpoint::Tensors& want) const {
    ASSERT_EQ(got.size(), want.size());
    for (const auto& [name, tensor] : want) {
      if (name.find("running_") != std::string::npos ||
          name.find("num_batches") != std::string::npos)
        continue;  // statistics of what was seen since
      EXPECT_TRUE(tensor.equal(got.at(name))) << name;
    }
  }

  Workspace work_;
};

TEST_F(InitFromTest, TakesAllOfARunWithTheSameNetworks) {
  const auto result = begin("run");
  expect_success(result);
  EXPECT_THAT(result.err,
              HasSubstr("begins with run/checkpoints/step-00000002.safetensors (checkpoint, step "
                        "2): 17 of 17 tensors of the generator, 16 of 16 tensors of the "
                        "discriminators"));
  EXPECT_THAT(result.err, Not(HasSubstr("so new")));
  EXPECT_THAT(result.err, HasSubstr("from step 0 to 1\n"));
  const auto old = read(checkpoint_file("run", 2)), made = read(checkpoint_file("new", 1));
  // The averaged generator is both.
  expect_equal(made.tensors_under("generator."), old.tensors_under("ema."));
  expect_equal(made.tensors_under("ema."), old.tensors_under("ema."));
  expect_equal(made.tensors_under("discriminator."), old.tensors_under("discriminator."));
  EXPECT_EQ(made.passes.back().at("pass"), "init-from");
  EXPECT_EQ(made.passes.back().at("source"), "step-00000002.safetensors");
  const auto events = run_events(work_ / "new");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].at("event"), "init-from");
  EXPECT_EQ(events[0].at("before_step"), 1);
  EXPECT_THAT(events[0].at("generator").get<std::string>(), ContainsRegex("^[0-9]+ of [0-9]+ ten"));
  // The run goes on as any other.
  expect_success(work_.train({"--run-dir", "new", "--set", "train.steps=2"}));
}

TEST_F(InitFromTest, TakesWhatFitsOfOtherWidths) {
  const auto result = begin("run", {"--set", "model.generator.widths=[8, 4]", "--set",
                                    "model.discriminators[1].widths=[4, 8]"});
  expect_success(result);
  EXPECT_THAT(result.err, ContainsRegex("\\): [0-9]+ of [0-9]+ tensors of the generator"));
  EXPECT_THAT(result.err, ContainsRegex("so new: generator\\.frame\\.[a-z0-9._]+ \\[8, 4, 4, 4\\] "
                                        "\\(there \\[8, 8, 4, 4\\]\\), .* and [0-9]+ more\n"));
  const auto old = read(checkpoint_file("run", 2)), made = read(checkpoint_file("new", 1));
  size_t same = 0, all = 0;
  for (const auto& [name, tensor] : made.tensors_under("generator.")) {
    if (name.find("running_") != std::string::npos || name.find("num_batches") != std::string::npos)
      continue;
    const auto before = old.tensors_under("ema.").at(name);
    const bool fits = before.sizes() == tensor.sizes();
    if (fits) {
      EXPECT_TRUE(before.equal(tensor)) << name;
    }
    same += fits;
    ++all;
  }
  EXPECT_GT(same, 4u);
  EXPECT_LT(same, all);
}

TEST_F(InitFromTest, TakesWhatFitsOfAnotherSizeAndOfWeights) {
  write_tiny_video(work_ / "clip.mp4", 24, 32);
  const auto result = begin("run/weights.safetensors", {"--set", "data.size=32"});
  expect_success(result);
  EXPECT_THAT(result.err, HasSubstr("(weights, step 2): "));
  EXPECT_THAT(result.err, HasSubstr(", 0 of "));
  EXPECT_THAT(result.err, HasSubstr("so new: generator.frame."));
}

TEST_F(InitFromTest, MasksOfPrunedWeightsStayWhereTheyFit) {
  expect_success(
      work_.run({"prune", "run", "--out", "pruned.safetensors", "--sparsity", "0.5", "--state"}));
  const auto result = work_.train({"--run-dir", "new", "--init-from", "pruned.safetensors", "--set",
                                   "model.generator.widths=[8, 4]"});
  expect_success(result);
  EXPECT_THAT(result.err, ContainsRegex("[1-9] of [0-9]+ masks of pruned weights fit"));
  const auto made = read(checkpoint_file("new", 2));
  const auto masks = made.tensors_under("mask.");
  ASSERT_FALSE(masks.empty());
  for (const auto& [name, mask] : masks) {
    const auto weight = made.file.tensors.at("generator." + name);
    EXPECT_EQ(weight.masked_select(mask == 0).abs().sum().item<float>(), 0) << name;
  }
}

TEST_F(InitFromTest, IsRefusedWhereItMakesNoSense) {
  expect_refused(work_.train({"--init-from", "run"}),
                 {"run: already holds a run (step-00000002.safetensors)", "without --init-from"});
  const std::string file = checkpoint_file("run", 2);
  expect_refused(work_.train({"--run-dir", "new", "--init-from", "run", "--resume", file}),
                 {"--init-from run: begins a new run, expected no --resume " + file});
  expect_refused(begin("nothing"), {"nothing: no such file or run folder"});
  expect_refused(begin("run", {"--set", "model.generator.type=residual", "--set",
                               "model.generator.widths=[16, 16, 4]", "--set",
                               "model.temporal={type: none, content_dim: 3, motion_dim: 1}"}),
                 {"none of the weights of its generator"});
  expect_success(work_.run(
      {"quantize", "run", "--out", "eight.safetensors", "--clips", "2", "--min-psnr", "1"}));
  expect_refused(begin("eight.safetensors"), {"eight.safetensors: holds a quantised generator"});
  EXPECT_FALSE(fs::exists(work_ / "new"));
}

TEST_F(InitFromTest, IsSaidWhereARunCannotGoOn) {
  const auto refused =
      work_.train({"--set", "train.steps=4", "--set", "model.generator.widths=[8, 4]"});
  expect_refused(refused, {"model.generator.widths is [8,8] in the checkpoint and [8,4] in the",
                           "--run-dir ANOTHER --init-from run/checkpoints/step-00000002"});
}

}  // namespace
}  // namespace vidgen::test
