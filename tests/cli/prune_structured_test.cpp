#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/core/interrupt.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<int64_t> widths_in(const fs::path& file) {
  return checkpoint::read_description(file)
      .config.at("model")
      .at("generator")
      .at("widths")
      .get<std::vector<int64_t>>();
}

const std::vector<int64_t> kWide{8, 8}, kNarrow{4, 4};

/// A workspace with a finished run of two steps.
class StructuredTest : public ::testing::Test {
 protected:
  void SetUp() override { expect_success(work_.train()); }

  /// vidgen prune --method structured --sparsity 0.5 --checkpoint IN --out OUT MORE, after which
  /// all stages have four channels; returns what it prints.
  std::string prune(const std::string& in, const std::string& out,
                    const Workspace::Arguments& more = {}) {
    const auto result = work_.run(arguments(in, out, more));
    expect_success(result);
    EXPECT_EQ(widths_in(work_ / out), kNarrow);
    return result.out;
  }

  static Workspace::Arguments arguments(const std::string& in, const std::string& out,
                                        const Workspace::Arguments& more = {}) {
    Workspace::Arguments all{"prune",        "--method", "structured", "--sparsity", "0.5",
                             "--checkpoint", in,         "--out",      out};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  std::string inspected(const std::string& file) {
    const auto result = work_.run({"inspect", file});
    expect_success(result);
    return result.out;
  }

  checkpoint::Tensors tensors(const fs::path& file) {
    return checkpoint::read_checkpoint(work_ / file).file.tensors;
  }

  Workspace work_;
};

TEST_F(StructuredTest, FileAndArithmeticShrink) {
  ASSERT_EQ(widths_in(work_ / "run/weights.safetensors"), kWide);
  for (const std::string importance : {"l1", "bn", "taylor"}) {
    const auto out = importance + ".safetensors";
    const auto table = prune("run/weights.safetensors", out, {"--importance", importance});
    EXPECT_THAT(table, HasSubstr("PSNR -25 %"));
    EXPECT_THAT(table, ContainsRegex("8x8 +8 +4 "));
    EXPECT_THAT(table, ContainsRegex("MFLOP a clip \\(5[0-9]\\.[0-9] % less\\)"));
    EXPECT_THAT(table, Not(HasSubstr("gains no speed")));
    EXPECT_LT(fs::file_size(work_ / out), fs::file_size(work_ / "run/weights.safetensors"));
    EXPECT_EQ(tensors(out).at("generator.frame.main.3.weight").sizes(),
              torch::IntArrayRef({4, 4, 4, 4}));
    expect_success(work_.run({"sample", "--checkpoint", out, "--out", "a.mp4"}));
    EXPECT_THAT(inspected(out), ContainsRegex("pass +prune .*structured.*" + importance +
                                              ".* of weights.safetensors, SHA-1 [0-9a-f]+\n"));
  }
  expect_refuses(work_,
                 {"prune", "--method", "structured", "--sparsity", "0.9", "--checkpoint", "run",
                  "--out", "out.safetensors"},
                 {"sparsity: found 0.9", "expected at most 0.5", "4 channels"});
  expect_refuses(work_, arguments("run", "out.safetensors", {"--include", "*"}),
                 {"--method magnitude"});
}

TEST_F(StructuredTest, TrainingGoesOnWithTheWidths) {
  prune("run", "pruned.safetensors", {"--state"});
  expect_success(work_.train(
      {"--resume", "pruned.safetensors", "--run-dir", "second", "--set", "train.steps=4"}));
  EXPECT_EQ(widths_in(work_ / checkpoint_file("second", 4)), kNarrow);
  // Once more, now from its own checkpoint, with the configuration of the first run.
  expect_success(work_.train({"--run-dir", "second", "--set", "train.steps=6"}));
  EXPECT_EQ(widths_in(work_ / checkpoint_file("second", 6)), kNarrow);
  EXPECT_EQ(widths_in(work_ / "second/weights.safetensors"), kNarrow);
  EXPECT_THAT(inspected("second"), ContainsRegex("pass +prune .*structured"));
  EXPECT_FALSE(tensors(checkpoint_file("second", 6))
                   .at("generator.frame.main.3.weight")
                   .equal(tensors("pruned.safetensors").at("generator.frame.main.3.weight")));
  expect_success(work_.run({"train", "--config", "second/config.yaml", "--set", "train.steps=7"}));
}

TEST_F(StructuredTest, StacksWithMagnitudes) {
  expect_success(
      work_.run({"prune", "run", "--out", "half.safetensors", "--sparsity", "0.5", "--state"}));
  prune("half.safetensors", "both.safetensors", {"--state"});
  const auto both = tensors("both.safetensors");
  const auto& mask = both.at("mask.frame.main.3.weight");
  ASSERT_EQ(mask.sizes(), torch::IntArrayRef({4, 4, 4, 4}));
  for (const std::string prefix : {"ema.", "generator."}) {
    const auto& weight = both.at(prefix + "frame.main.3.weight");
    EXPECT_TRUE(weight.masked_select(mask.eq(0)).eq(0).all().item<bool>());
  }
  expect_success(work_.run(
      {"prune", "both.safetensors", "--out", "three.safetensors", "--sparsity", "0.8", "--state"}));
  EXPECT_THAT(inspected("three.safetensors"),
              ContainsRegex("pass +prune .*magnitude.* of step-00000002.*\n"
                            "pass +prune .*structured.* of half.safetensors.*\n"
                            "pass +prune .*magnitude.* of both.safetensors"));
  expect_success(work_.train(
      {"--resume", "three.safetensors", "--run-dir", "second", "--set", "train.steps=3"}));
  EXPECT_EQ(widths_in(work_ / "second/weights.safetensors"), kNarrow);
}

TEST_F(StructuredTest, FinetuningTrainsOn) {
  prune("run", "tuned.safetensors", {"--finetune-steps", "3", "--state"});
  const auto tuned = checkpoint::read_checkpoint(work_ / "tuned.safetensors");
  EXPECT_EQ(tuned.step, 5);
  EXPECT_EQ(tuned.kind, checkpoint::Kind::kCheckpoint);
  const auto name = "generator.frame.main.3.weight";
  EXPECT_FALSE(tuned.file.tensors.at(name).equal(tensors("tuned/pruned.safetensors").at(name)));
  EXPECT_EQ(newest_step(work_ / "tuned"), 5);
  EXPECT_THAT(inspected("tuned.safetensors"),
              ContainsRegex("pass +prune .*\npass +finetune .*3.* of pruned.safetensors"));
  expect_success(work_.run({"train", "--config", "tuned/config.yaml", "--set", "train.steps=6"}));
  EXPECT_THAT(inspected("tuned"), HasSubstr("finetune"));

  expect_refuses(work_, arguments("run", "tuned.safetensors", {"--finetune-steps", "3"}),
                 {"tuned: already holds a run"});
  expect_refuses(
      work_, arguments("run/weights.safetensors", "other.safetensors", {"--finetune-steps", "3"}),
      {"weights.safetensors: holds weights only", "checkpoint"});
}

/// Options to fine-tune by distillation.
Workspace::Arguments distill(int64_t steps) {
  return {"--finetune", "distill", "--finetune-steps", std::to_string(steps)};
}

TEST_F(StructuredTest, ARunIsTaughtWithoutItsData) {
  fs::rename(work_ / "clip.mp4", work_ / "away.mp4");
  auto options = distill(3);
  options.push_back("--state");
  const auto printed = prune("run", "tuned.safetensors", options);
  EXPECT_THAT(printed, HasSubstr("MFLOP a clip"));
  EXPECT_THAT(printed, HasSubstr("wrote tuned.safetensors"));
  const auto log = read_log(work_ / "tuned");
  ASSERT_EQ(log.size(), 3u);
  for (const auto& line : log) {
    EXPECT_TRUE(line.contains("loss_output") && line.contains("loss_feature")) << line;
    EXPECT_FALSE(line.contains("loss_d")) << line;
  }
  EXPECT_THAT(inspected("tuned.safetensors"),
              ContainsRegex("pass +prune .*structured.* of step-00000002.safetensors.*\n"
                            "pass +finetune .*\"how\":\"distill\",\"steps\":3.* of "
                            "pruned.safetensors"));
  // What the game needs is as it was, and goes on with a generator that is another one.
  const auto tuned = checkpoint::read_checkpoint(work_ / "tuned.safetensors");
  EXPECT_EQ(tuned.kind, checkpoint::Kind::kCheckpoint);
  EXPECT_EQ(tuned.step, 2);
  const auto before = tensors("tuned/pruned.safetensors");
  ASSERT_EQ(tuned.file.tensors.size(), before.size());
  for (const auto& [name, tensor] : before) {
    const bool paints = name.rfind("generator.frame.", 0) == 0 || name.rfind("ema.frame.", 0) == 0;
    if (paints && name.find("weight") != std::string::npos) {
      EXPECT_FALSE(tuned.file.tensors.at(name).equal(tensor)) << name;
    }
    if (name.rfind("discriminator.", 0) == 0 || name.rfind("optimizer.", 0) == 0) {
      EXPECT_TRUE(tuned.file.tensors.at(name).equal(tensor)) << name;
    }
  }
  fs::rename(work_ / "away.mp4", work_ / "clip.mp4");
  expect_success(work_.train(
      {"--resume", "tuned.safetensors", "--run-dir", "second", "--set", "train.steps=4"}));
  EXPECT_EQ(widths_in(work_ / "second/weights.safetensors"), kNarrow);
}

TEST_F(StructuredTest, AWeightsFileIsTaught) {
  fs::create_directory(work_ / "elsewhere");
  fs::rename(work_ / "run/weights.safetensors", work_ / "elsewhere/weights.safetensors");
  fs::remove_all(work_ / "run");
  fs::remove(work_ / "clip.mp4");
  prune("elsewhere/weights.safetensors", "tuned.safetensors", distill(3));
  EXPECT_LT(fs::file_size(work_ / "tuned.safetensors"),
            fs::file_size(work_ / "elsewhere/weights.safetensors"));
  EXPECT_EQ(checkpoint::read_description(work_ / "tuned.safetensors").kind,
            checkpoint::Kind::kWeights);
  const auto tuned = tensors("tuned.safetensors");
  const auto of_the_run = tensors("tuned/weights.safetensors");
  ASSERT_EQ(tuned.size(), of_the_run.size());
  for (const auto& [name, tensor] : of_the_run) EXPECT_TRUE(tensor.equal(tuned.at(name))) << name;
  const auto name = "generator.frame.main.3.weight";
  EXPECT_FALSE(tuned.at(name).equal(tensors("tuned/pruned.safetensors").at(name)));
  EXPECT_THAT(inspected("tuned.safetensors"),
              ContainsRegex("pass +prune .*structured.* of weights.safetensors.*\n"
                            "pass +finetune .*distill.* of pruned.safetensors"));
  expect_success(work_.run({"sample", "--checkpoint", "tuned.safetensors", "--out", "a.mp4"}));
}

TEST_F(StructuredTest, AnInterruptedOneCostsNothingAndGoesOn) {
  write_bytes(work_ / "tuned.safetensors", "precious");
  Program program(program_path(), arguments("run", "tuned.safetensors", distill(1000000)),
                  work_.options());
  ASSERT_TRUE(wait_until([&] {
    return lines_of(read_bytes(work_ / "tuned/log.jsonl")).size() >= 3 || !program.running();
  }));
  program.signal(SIGINT);
  const auto result = program.wait();
  EXPECT_EQ(result.exit_code, core::kStoppedExitCode) << result.err;
  EXPECT_THAT(result.err, HasSubstr("The same command goes on"));
  EXPECT_EQ(read_bytes(work_ / "tuned.safetensors"), "precious");
  EXPECT_THAT(work_.temporary_files(), ::testing::IsEmpty());
  const int64_t step = newest_step(work_ / "tuned");
  ASSERT_GE(step, 3);
  expect_success(work_.run({"train", "--config", "tuned/config.yaml", "--set",
                            "train.steps=" + std::to_string(step + 1)}));
  EXPECT_EQ(widths_in(work_ / "tuned/weights.safetensors"), kNarrow);
  EXPECT_THAT(inspected("tuned"), ContainsRegex("pass +prune .*\npass +finetune .*distill"));
}

TEST_F(StructuredTest, TheSameCommandGoesOnAfterAKill) {
  const auto command = arguments("run", "again.safetensors", distill(12));
  auto whole = command;
  std::replace(whole.begin(), whole.end(), std::string("again.safetensors"),
               std::string("whole.safetensors"));
  expect_success(work_.run(whole));
  // After so many steps, and before the first checkpoint.
  for (const int64_t step : {-1, 0, 5}) {
    std::filesystem::remove_all(work_ / "again");
    Program program(program_path(), command, work_.options());
    ASSERT_TRUE(wait_until([&] {
      const bool begun = std::filesystem::exists(work_ / "again/config.yaml");
      return (step < 0 ? begun : newest_step(work_ / "again") >= step) || !program.running();
    }));
    program.signal(SIGKILL);
    program.wait();
    expect_success(work_.run(command));
    EXPECT_TRUE(read_bytes(work_ / "again.safetensors") == read_bytes(work_ / "whole.safetensors"))
        << "killed at step " << step;
  }
  auto other = command;
  other.insert(other.end(), {"--multiple", "2"});
  expect_refused(work_.run(other), {"again/checkpoints/step-", "pruned otherwise"});
}

TEST_F(StructuredTest, WhatCannotBeFinetunedIsRefused) {
  const auto refuses = [this](const Workspace::Arguments& more,
                              const std::vector<std::string>& parts) {
    expect_refuses(work_, arguments("run", "tuned.safetensors", more), parts);
  };
  refuses({"--finetune", "distill"}, {"--finetune requires --finetune-steps"});
  refuses({"--finetune", "teach", "--finetune-steps", "3"}, {"--finetune", "teach"});
  for (const std::string steps : {"0", "-1", "many"}) {
    refuses({"--finetune", "distill", "--finetune-steps", steps}, {"--finetune-steps"});
    refuses({"--finetune-steps", steps}, {"--finetune-steps"});
  }
  // A folder of that name which holds something else, be it the original.
  fs::create_directory(work_ / "tuned");
  fs::copy_file(work_ / "run/weights.safetensors", work_ / "tuned/weights.safetensors");
  expect_refuses(work_, arguments("tuned/weights.safetensors", "tuned.safetensors", distill(3)),
                 {"tuned: already exists, expected an empty folder or none"});
}

TEST_F(StructuredTest, FinetuningKeepsALearningRateThatHasDecayed) {
  // Of the steps that there were, not of those that would have been too many for the time.
  expect_success(work_.train({"--run-dir", "decayed", "--set", "optim.decay=linear", "--set",
                              "train.minutes=0.01", "--set", "train.steps=1000000"}));
  expect_success(work_.run({"prune", "--checkpoint", "decayed", "--out", "tuned.safetensors",
                            "--sparsity", "0.5", "--finetune-steps", "2"}));
  const auto optim = checkpoint::read_description(work_ / "tuned.safetensors").config.at("optim");
  EXPECT_EQ(optim.at("decay"), "none");
  // A tenth of the default, because it had come down to nothing.
  EXPECT_NEAR(optim.at("generator").at("lr").get<double>(), 2e-5, 1e-12);
}

}  // namespace
}  // namespace vidgen::test
