#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/video/reader.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Frames that can be decoded.
int64_t count_frames(const fs::path& path) {
  video::VideoReader reader(path);
  int64_t frames = 0;
  while (reader.skip()) ++frames;
  return frames;
}

TEST(TrainTest, FillsTheRunFolder) {
  const Workspace work;
  const auto result =
      work.train({"--set", "train.steps=6", "--set", "train.sample_every=3", "--set",
                  "train.sample_clips=2", "--set", "train.checkpoint_every=2", "--set",
                  "train.keep_checkpoints=2", "--run-dir", "runs/first"});
  expect_success(result);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("runs/first/weights.safetensors"));

  const auto run = work / "runs/first";
  EXPECT_THAT(checkpoint_steps(run), ElementsAre(4, 6));
  for (const std::string name : {"step-00000003", "step-00000006"}) {
    EXPECT_EQ(count_frames(run / "samples" / (name + ".mp4")), 10);
    const auto sheet = video::read_image(run / "samples" / (name + ".png"));
    EXPECT_GE(sheet.width, 10 * 16);
    EXPECT_GE(sheet.height, 2 * 16);
    EXPECT_LT(sheet.height, 3 * 16);
  }
  EXPECT_FALSE(fs::exists(run / "samples/step-00000002.png"));
  EXPECT_FALSE(checkpoint::read_safetensors(run / "weights.safetensors").tensors.empty());
  EXPECT_FALSE(fs::exists(work / "run"));
  EXPECT_THAT(work.temporary_files(), IsEmpty());
}

/// When each file of the samples was written last.
std::map<std::string, fs::file_time_type> sample_times(const fs::path& run) {
  std::map<std::string, fs::file_time_type> times;
  for (const auto& entry : fs::directory_iterator(run / "samples")) {
    times[entry.path().filename().string()] = fs::last_write_time(entry.path());
  }
  return times;
}

TEST(TrainTest, SamplesComeAtTheStartAndAtTheEnd) {
  const Workspace work;
  Workspace::Arguments arguments{"--set", "train.sample_every=500", "--set",
                                 "train.sample_clips=3"};
  expect_success(work.train(arguments));
  const auto run = work / "run";
  const auto first = sample_times(run);
  EXPECT_EQ(first.size(), 6u);
  for (const std::string name : {"step-00000000", "step-00000002", "real"}) {
    EXPECT_EQ(count_frames(run / "samples" / (name + ".mp4")), 10);
    EXPECT_EQ(first.count(name + ".png"), 1u);
  }
  // As many clips of as many frames.
  const auto real = video::read_image(run / "samples/real.png");
  const auto made = video::read_image(run / "samples/step-00000000.png");
  EXPECT_EQ(real.width, made.width);
  EXPECT_LT(real.height, made.height) << "the video has only two clips that share no frame";

  // What is there is not made again, nor is there anything new to show.
  expect_success(work.train(arguments));
  const auto again = sample_times(run);
  for (const std::string name : {"step-00000000.png", "step-00000002.png", "step-00000002.mp4"}) {
    EXPECT_EQ(again.at(name), first.at(name)) << name;
  }
  arguments.insert(arguments.end(), {"--set", "train.steps=3"});
  expect_success(work.train(arguments));
  const auto longer = sample_times(run);
  EXPECT_EQ(longer.size(), 8u);
  EXPECT_EQ(longer.count("step-00000003.png"), 1u);
  EXPECT_EQ(longer.at("step-00000002.png"), first.at("step-00000002.png"));
}

TEST(TrainTest, LogHasOneLineAStep) {
  const Workspace work;
  expect_success(work.train({"--set", "train.steps=4", "--set", "train.scaler.mode=on"}));
  const auto log = read_log(work / "run");
  ASSERT_EQ(log.size(), 4u);
  for (size_t i = 0; i < log.size(); ++i) {
    EXPECT_EQ(log[i].at("step"), i + 1);
    for (const std::string key :
         {"loss_d", "loss_g", "grad_norm_d", "grad_norm_g", "d_real_frame", "d_fake_frame",
          "d_real_clip", "d_fake_clip", "scale_d", "scale_g", "skipped_d", "skipped_g",
          "clips_per_second", "seconds"}) {
      EXPECT_TRUE(log[i].contains(key) && log[i][key].is_number()) << key << log[i];
    }
    EXPECT_TRUE(log[i].at("time").is_string());
  }
}

TEST(TrainTest, SavedConfigurationIsTheWholeOne) {
  const Workspace work;
  expect_success(work.train({"--set", "train.seed=9", "--run-dir", "elsewhere"}));
  const std::string saved = read_bytes(work / "elsewhere/config.yaml");
  EXPECT_THAT(saved, HasSubstr("seed: 9\n"));
  EXPECT_THAT(saved, HasSubstr("run_dir: \"elsewhere\"\n"));
  const auto again = work.run({"config", "--config", "elsewhere/config.yaml"});
  expect_success(again);
  EXPECT_EQ(again.out, saved);
  const auto on =
      work.run({"train", "--config", "elsewhere/config.yaml", "--set", "train.steps=3"});
  expect_success(on);
  EXPECT_THAT(on.err, HasSubstr("at step 2"));
  EXPECT_EQ(read_log(work / "elsewhere").size(), 3u);
}

TEST(TrainTest, DryRunWritesNothing) {
  const Workspace work;
  const auto before = work.tree();
  const auto result = work.train({"--dry-run"});
  expect_success(result);
  for (const std::string part : {"generator\n", "discriminators[0]\n", "discriminators[1]\n",
                                 "parameters", "peak memory", "a step", "float32"}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
  EXPECT_THAT(result.out, ::testing::ContainsRegex(
                              "the whole run   about [0-9]+:[0-9]+: [0-9]+:[0-9]+ in 2 steps\n"));
  EXPECT_THAT(result.out, HasSubstr("An estimate from a few steps"));
  EXPECT_EQ(work.tree(), before);
}

TEST(TrainTest, DryRunCountsWhatARunDoesBesidesSteps) {
  const Workspace work;
  write_tiny_video(work / "clip.mp4", 60);
  const auto shown =
      work.train({"--dry-run", "--set", "train.steps=10000", "--set", "train.sample_every=1000",
                  "--set", "train.sample_minutes=0", "--set", "train.evaluate.every=5000"});
  expect_success(shown);
  EXPECT_THAT(shown.out, ::testing::ContainsRegex(
                             "about [0-9:]+: [0-9:]+ in 10000 steps, [0-9:]+ in 11 sheets of "
                             "samples, [0-9:]+ in 2 evaluations\n"));
  const auto limited =
      work.train({"--dry-run", "--set", "train.steps=100000000", "--set", "train.minutes=5"});
  expect_success(limited);
  EXPECT_THAT(limited.out, ::testing::ContainsRegex("about (5:00|4:59), as train.minutes 5 allows: "
                                                    "(5:00|4:59) in [0-9]+ steps\n"));
}

TEST(TrainTest, AnExistingRunIsNeverStartedAnew) {
  const Workspace work;
  expect_success(work.train());
  expect_refuses(work, work.train_arguments({"--resume", "none"}),
                 {"run: already holds a run (step-00000002.safetensors)"});
  fs::copy_file(checkpoint_file(work / "run", 2), work / "copy.safetensors");
  expect_refuses(work, work.train_arguments({"--resume", "copy.safetensors"}),
                 {"run: already holds a run"});
  expect_refuses(work, work.train_arguments({"--set", "train.seed=1"}),
                 {"step-00000002.safetensors: train.seed is 0 in the checkpoint and 1"});
}

TEST(TrainTest, AFinishedRunStaysAsItIs) {
  const Workspace work;
  expect_success(work.train());
  const std::string checkpoint = read_bytes(checkpoint_file(work / "run", 2));
  const std::string log = read_bytes(work / "run/log.jsonl");
  ASSERT_FALSE(checkpoint.empty() || log.empty());
  expect_success(work.train());
  EXPECT_EQ(read_bytes(checkpoint_file(work / "run", 2)), checkpoint);
  EXPECT_EQ(read_bytes(work / "run/log.jsonl"), log);
}

TEST(TrainTest, QuietPrintsNothing) {
  const Workspace work;
  const auto result = work.run({"--quiet", "train", "--config", "tiny.yaml"});
  expect_success(result);
  EXPECT_EQ(result.out + result.err, "");
  EXPECT_TRUE(fs::exists(work / "run/weights.safetensors"));
}

}  // namespace
}  // namespace vidgen::test
