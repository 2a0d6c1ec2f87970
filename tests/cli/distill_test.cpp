#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

/// Half the channels of kTinyConfig, and no data at all.
constexpr const char* kStudentConfig = R"(run_dir: student
data: {size: 16, frames: 10}
model:
  generator: {widths: [4, 4]}
  temporal: {content_dim: 4, motion_dim: 2}
  discriminators:
    - {type: frame, widths: [8, 8]}
    - {type: clip, widths: [8, 8]}
train: {steps: 2, batch_size: 2, precision: float32, log_every: 1, sample_every: 0, checkpoint_every: 1000}
)";

/// A workspace with a finished run of two steps, the teacher.
class DistillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto result = work_.train();
    ASSERT_EQ(result.exit_code, 0) << result.err;
    write_bytes(work_ / "student.yaml", kStudentConfig);
  }
  static Workspace::Arguments distill(const Workspace::Arguments& more = {},
                                      const std::string& teacher = "run") {
    Workspace::Arguments arguments{"distill", "--config", "student.yaml", "--teacher", teacher};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  checkpoint::SafetensorsFile read(const fs::path& file) {
    return checkpoint::read_safetensors(work_ / file);
  }

  Workspace work_;
};

TEST_F(DistillTest, ATeacherIsAllThatAStudentNeeds) {
  fs::remove(work_ / "clip.mp4");
  fs::remove_all(work_ / "cache");
  const auto result = work_.run(distill({"--set", "train.sample_every=2"}));
  expect_success(result);
  EXPECT_THAT(result.err, HasSubstr("student/weights.safetensors"));
  const auto log = read_log(work_ / "student");
  ASSERT_EQ(log.size(), 2u);
  for (const auto& line : log) {
    EXPECT_TRUE(line.contains("loss_g") && line.contains("loss_output")) << line;
    EXPECT_FALSE(line.contains("loss_d") || line.contains("d_real_frame")) << line;
  }
  EXPECT_TRUE(fs::exists(work_ / "student/samples/step-00000002.mp4"));
  EXPECT_TRUE(fs::exists(work_ / "student/report.html"));

  const auto student = read("student/weights.safetensors");
  const auto teacher = read("run/weights.safetensors");
  EXPECT_EQ(student.tensors.at("generator.frame.main.0.weight").size(1), 4);
  for (const auto& [name, tensor] : teacher.tensors) {
    if (name.rfind("generator.temporal", 0) != 0) continue;
    EXPECT_TRUE(tensor.equal(student.tensors.at(name))) << name;
  }
  expect_success(work_.run({"sample", "--checkpoint", "student", "--out", "clips.mp4"}));
  expect_success(work_.run(
      {"prune", "--checkpoint", "student", "--out", "pruned.safetensors", "--sparsity", "0.5"}));
}

TEST_F(DistillTest, TheFilesSayWhoTaughtThem) {
  expect_success(work_.run(distill()));
  for (const fs::path& file :
       {fs::path("student/weights.safetensors"), checkpoint_file("student", 2)}) {
    const auto passes = core::Json::parse(read(file).metadata.at("vidgen.passes"));
    ASSERT_EQ(passes.size(), 1u);
    EXPECT_EQ(passes[0].at("pass"), "distill");
    EXPECT_EQ(passes[0].at("source"), "weights.safetensors");
    EXPECT_EQ(passes[0].at("source_sha1"), passes[0].at("options").at("teacher_sha1"));
  }
  const auto shown = work_.run({"inspect", "student"});
  expect_success(shown);
  EXPECT_THAT(shown.out, HasSubstr("pass      distill "));
  // What was done to the teacher comes first.
  expect_success(work_.run(
      {"prune", "--checkpoint", "run", "--out", "pruned.safetensors", "--sparsity", "0.5"}));
  expect_success(work_.run(distill({"--run-dir", "second"}, "pruned.safetensors")));
  const auto passes =
      core::Json::parse(read("second/weights.safetensors").metadata.at("vidgen.passes"));
  ASSERT_EQ(passes.size(), 2u);
  EXPECT_EQ(passes[0].at("pass"), "prune");
  EXPECT_EQ(passes[1].at("source"), "pruned.safetensors");
}

TEST_F(DistillTest, GoesOnBitwise) {
  const Workspace::Arguments to_4{"--set", "train.steps=4", "--set", "distill.feature=1"};
  auto straight = to_4, first = to_4;
  straight.insert(straight.end(), {"--run-dir", "straight"});
  first[1] = "train.steps=2";
  expect_success(work_.run(distill(straight)));
  expect_success(work_.run(distill(first)));
  // Its configuration knows the teacher, wherever it lies now.
  fs::rename(work_ / "run/weights.safetensors", work_ / "teacher.safetensors");
  const auto resumed = work_.run({"train", "--config", "student/config.yaml", "--set",
                                  "train.steps=4", "--set", "distill.teacher=teacher.safetensors"});
  expect_success(resumed);
  EXPECT_THAT(resumed.err, HasSubstr("step-00000002.safetensors at step 2"));
  const auto got = read(checkpoint_file("student", 4));
  const auto want = read(checkpoint_file("straight", 4));
  ASSERT_EQ(got.tensors.size(), want.tensors.size());
  for (const auto& [name, tensor] : want.tensors) {
    EXPECT_TRUE(tensor.equal(got.tensors.at(name))) << name;
  }
  const auto log = read_log(work_ / "student");
  ASSERT_EQ(log.size(), 4u);
  EXPECT_EQ(log[3].at("loss_output"), read_log(work_ / "straight")[3].at("loss_output"));
}

TEST_F(DistillTest, ARunKeepsItsTeacher) {
  expect_success(work_.run(distill()));
  expect_success(work_.train({"--run-dir", "other", "--set", "train.seed=1"}));
  expect_refuses(work_, distill({"--set", "train.steps=4"}, "other"),
                 {"step-00000002.safetensors: distill.teacher_sha1 is ", " in the checkpoint"});
  expect_refuses(work_,
                 {"distill", "--config", "student/config.yaml", "--teacher", "other", "--set",
                  "train.steps=4"},
                 {"distill.teacher_sha1: found ", "that of other/weights.safetensors"});
}

TEST_F(DistillTest, LessonsMayChange) {
  expect_success(work_.run(distill()));
  const auto seen = work_.run(distill({"--set", "train.steps=4", "--set", "distill.feature=1"}));
  expect_success(seen);
  EXPECT_THAT(seen.err, HasSubstr("distill.feature: 0.0 -> 1.0\n"));
  // Discriminators come, and go again.
  const auto judged = work_.run(distill({"--set", "train.steps=6", "--set", "distill.adversarial=1",
                                         "--set", "data.sources=clip.mp4"}));
  expect_success(judged);
  EXPECT_THAT(judged.err, HasSubstr("begins anew: discriminator.0, discriminator.1, optimizer."));
  const auto alone = work_.run(distill({"--set", "train.steps=8"}));
  expect_success(alone);
  EXPECT_THAT(alone.err, HasSubstr("no longer needed: discriminator.0, discriminator.1, optimi"));
}

TEST_F(DistillTest, DiscriminatorsNeedClips) {
  const auto lost = distill({"--set", "distill.adversarial=0.1"});
  expect_refuses(work_, lost, {"data.sources: is empty"});
  auto found = lost;
  found.insert(found.end(), {"--set", "data.sources=clip.mp4"});
  expect_success(work_.run(found));
  for (const auto& line : read_log(work_ / "student")) {
    for (const char* key : {"loss_d", "loss_g", "loss_output", "d_real_clip", "grad_norm_d"}) {
      EXPECT_TRUE(line.contains(key)) << key;
    }
  }
}

TEST_F(DistillTest, WhatCannotTeachIsRefused) {
  expect_refuses(work_, distill({}, "none"), {"none: no such file or run folder"});
  expect_refuses(work_, distill({}, "clip.mp4"), {"clip.mp4"});
  expect_refuses(work_, distill({}, ""), {"--teacher"});
  expect_refuses(work_, {"distill", "--config", "student.yaml"}, {"--teacher is required"});
  const auto refuses = [&](const std::string& setting, const std::string& problem) {
    expect_refuses(work_, distill({"--set", setting}),
                   {problem, "as in its teacher, run/weights.safetensors"});
  };
  refuses("model.temporal.content_dim=5", "model.temporal.content_dim: found 5, expected 4");
  refuses("model.temporal.type=none", "model.temporal.type: found \"none\", expected \"gru_cell\"");
  refuses("model.class_names=[cats, dogs]",
          "model.class_names: found [\"cats\",\"dogs\"], expected []");
  refuses("data.color=gray", "data.color: found \"gray\", expected \"rgb\"");
  expect_refuses(work_, distill({"--set", "distill.output=0"}),
                 {"distill.output: found 0 with distill.feature 0"});
  expect_refuses(work_, distill({"--set", "distill.output_loss=l3"}),
                 {"distill.output_loss", "l1, mse"});
  EXPECT_FALSE(fs::exists(work_ / "student"));
}

TEST_F(DistillTest, DryRunWritesNothing) {
  const auto before = work_.tree();
  const auto result = work_.run(distill({"--dry-run"}));
  expect_success(result);
  EXPECT_THAT(result.out, HasSubstr("generator\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("discriminators[")));
  EXPECT_EQ(work_.tree(), before);
}

}  // namespace
}  // namespace vidgen::test
