#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"

/// Which file of a run is meant where the run is named.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class NewestStateTest : public ::testing::Test {
 protected:
  Workspace::Arguments to(int64_t steps) {
    return {"--set", "train.steps=" + std::to_string(steps), "--set", "train.checkpoint_every=1"};
  }
  /// The step of what a run stands for, and what was said of it.
  ProgramResult inspect() { return work_.run({"inspect", "run"}); }

  const Workspace work_;
  const fs::path run_ = work_ / "run";
};

TEST_F(NewestStateTest, OfARunThatWentOnAfterItsEndItIsTheCheckpoint) {
  expect_success(work_.train(to(2)));
  const auto finished = inspect();
  EXPECT_THAT(finished.out, HasSubstr("run/weights.safetensors"));
  EXPECT_EQ(finished.err, "");

  // Stopped on the way to step 100000.
  Program program(program_path(), work_.train_arguments(to(100000)), work_.options());
  ASSERT_TRUE(wait_until([&] { return newest_step(run_) > 2 || !program.running(); }));
  program.signal(SIGINT);
  program.wait();
  const std::string newest = fs::relative(checkpoint_file(run_, newest_step(run_)), work_ / "");
  const auto stopped = inspect();
  expect_success(stopped);
  EXPECT_THAT(stopped.out, HasSubstr(newest));
  EXPECT_THAT(stopped.err, HasSubstr("info: " + newest +
                                     " is taken: the run went on after it "
                                     "wrote weights.safetensors"));
  // As the file itself gives it.
  expect_success(work_.run({"sample", "run", "--out", "run.safetensors"}));
  expect_success(work_.run({"sample", newest, "--out", "file.safetensors"}));
  expect_success(work_.run({"sample", "run/weights.safetensors", "--out", "old.safetensors"}));
  EXPECT_TRUE(read_bytes(work_ / "run.safetensors") == read_bytes(work_ / "file.safetensors"));
  EXPECT_FALSE(read_bytes(work_ / "run.safetensors") == read_bytes(work_ / "old.safetensors"));

  expect_success(work_.train(to(newest_step(run_) + 1)));
  EXPECT_THAT(inspect().out, HasSubstr("run/weights.safetensors"));
  EXPECT_EQ(inspect().err, "");
}

TEST_F(NewestStateTest, WhatIsDamagedIsPassedOver) {
  write_tiny_video(work_ / "clip.mp4", 100);
  expect_success(work_.train(to(3)));
  const auto before = work_.tree();
  const std::string weights = "run/weights.safetensors",
                    third = "run/checkpoints/step-00000003.safetensors",
                    second = "run/checkpoints/step-00000002.safetensors";
  const auto expect_taken = [&](const std::vector<std::string>& damaged, const std::string& taken) {
    for (const Workspace::Arguments& arguments :
         {Workspace::Arguments{"inspect", "run"},
          {"sample", "run", "--out", "out.mp4"},
          {"eval", "run", "--clips", "8"},
          {"prune", "run", "--out", "out.safetensors", "--sparsity", "0.5"},
          {"quantize", "run", "--out", "out.safetensors"},
          {"export", "run", "--out", "out.onnx"},
          {"compare", "run", "run", "--clips", "2"},
          {"distill", "tiny.yaml", "--teacher", "run", "--run-dir", "out"}}) {
      SCOPED_TRACE(arguments[0]);
      const auto result = work_.run(arguments);
      expect_success(result);
      for (const auto& file : damaged)
        EXPECT_THAT(result.err, HasSubstr("warning: " + file + ": "));
      EXPECT_THAT(result.err, HasSubstr("; " + taken + " is taken instead"));
      if (arguments.size() < 4) continue;
      for (const char* made : {"out", "out.mp4", "out.safetensors", "out.onnx"})
        fs::remove_all(work_ / made);
    }
  };
  fs::resize_file(work_ / weights, 3000);
  expect_taken({weights}, third);
  fs::resize_file(work_ / third, 0);
  const auto shown = inspect();
  EXPECT_THAT(shown.out, HasSubstr(second));
  EXPECT_THAT(shown.err, HasSubstr("warning: " + weights + ": "));
  EXPECT_THAT(shown.err, HasSubstr("warning: " + third + ": is empty"));
  // Only looked at.
  EXPECT_EQ(work_.tree(), before);
  for (const int64_t step : {1, 2}) fs::resize_file(checkpoint_file(run_, step), 0);
  expect_refuses(
      work_, {"inspect", "run"},
      {"run: none of its files can be read: ", weights + ": ", third + ": ", second + ": "});
}

TEST_F(NewestStateTest, AStudentKnowsTheFileOfItsTeacher) {
  expect_success(work_.train(to(2)));
  expect_success(work_.run({"distill", "tiny.yaml", "--teacher", "run", "--run-dir", "out"}));
  EXPECT_THAT(read_bytes(work_ / "out/config.yaml"), HasSubstr("run/weights.safetensors"));
}

}  // namespace
}  // namespace vidgen::test
