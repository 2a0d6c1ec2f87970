#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "cli/runs.h"
#include "cli/workspace.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/safetensors.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;

/// Starts training, waits for the moment, and kills the program as a power cut would.
void train_and_kill(const Workspace& work, const Workspace::Arguments& arguments,
                    const std::function<bool()>& moment) {
  Program program(program_path(), work.train_arguments(arguments), work.options());
  ASSERT_TRUE(wait_until([&] { return moment() || !program.running(); }));
  program.signal(SIGKILL);
  const auto result = program.wait();
  ASSERT_EQ(result.signal, SIGKILL) << result.exit_code << result.err;
}

/// Takes away what a program that was killed later than meant had time to save.
void drop_checkpoints_after(const fs::path& run, int64_t step) {
  for (const int64_t saved : checkpoint_steps(run)) {
    if (saved > step) fs::remove(checkpoint_file(run, saved));
  }
}

void check_kill_after_20_of_40_steps(const std::string& config) {
  const Workspace interrupted, straight;
  for (const auto* work : {&interrupted, &straight}) write_bytes(*work / "tiny.yaml", config);
  const auto run = interrupted / "run";
  train_and_kill(interrupted,
                 {"--set", "train.steps=100000", "--set", "train.keep_checkpoints=100000", "--set",
                  "train.checkpoint_every=20"},
                 [&] { return fs::exists(checkpoint_file(run, 20)); });
  drop_checkpoints_after(run, 20);
  ASSERT_EQ(newest_step(run), 20);

  const Workspace::Arguments to_40{"--resume", "auto", "--set", "train.steps=40"};
  const auto resumed = interrupted.train(to_40);
  expect_success(resumed);
  EXPECT_THAT(resumed.err, ::testing::HasSubstr("step-00000020.safetensors at step 20"));
  expect_success(straight.train(to_40));
  expect_same_runs(run, straight / "run", 40);
}

TEST(ResumeTest, KilledAfter20StepsEqualsStraight40) {
  check_kill_after_20_of_40_steps(kTinyConfig);
}

TEST(ResumeTest, EverythingThatKeepsStateIsRestored) {
  check_kill_after_20_of_40_steps(kFullConfig);
}

TEST(ResumeTest, FastConvolutionsGiveTheSameBitsInBfloat16) {
  // A generator wide enough for them (nn::fast_convolution()), in all three directions.
  check_kill_after_20_of_40_steps(R"(run_dir: run
data: {sources: clip.mp4, size: 16, frames: 10}
model:
  generator: {widths: [256, 64]}
  temporal: {content_dim: 4, motion_dim: 2}
  discriminators:
    - {type: clip, widths: [8, 8]}
train: {batch_size: 16, precision: bfloat16, log_every: 1, sample_every: 0, checkpoint_every: 1000}
)");
}

TEST(ResumeTest, AnAugmentationThatAdaptsIsRestored) {
  check_kill_after_20_of_40_steps(
      std::string(kTinyConfig) +
      "augment: {color: 1, translation: 0.125, cutout: 0.5, target: 0.1, adapt_clips: 100}\n");
}

/// Leaves of a checkpoint what was written before these keys and this state existed.
void make_older(const fs::path& path) {
  auto file = checkpoint::read_safetensors(path);
  auto config = core::Json::parse(file.metadata.at("config"));
  const auto erase = [](core::Json& section, const std::string& key) {
    EXPECT_EQ(section.erase(key), 1u) << key;
  };
  erase(config, "augment");
  erase(config.at("data"), "horizontal_flip");
  erase(config.at("model").at("temporal"), "layers");
  erase(config.at("model").at("discriminators").at(0), "minibatch_stddev");
  erase(config.at("model").at("discriminators").at(1), "timestamps");
  erase(config.at("train"), "frames");
  erase(config.at("train").at("evaluate"), "metric");
  file.metadata.at("config") = config.dump();
  for (const char* state : {"best.step", "best.score", "best.restored"}) {
    EXPECT_EQ(file.metadata.erase(state), 1u) << state;
  }
  checkpoint::write_safetensors(path, file.tensors, file.metadata);
}

TEST(ResumeTest, ACheckpointOlderThanAKeyHasItsDefault) {
  const Workspace interrupted, straight;
  expect_success(interrupted.train({"--set", "train.steps=3"}));
  make_older(checkpoint_file(interrupted / "run", 3));
  // A key that is set to something else than its default is another one.
  const Workspace changed;
  fs::copy(interrupted / "run", changed / "run", fs::copy_options::recursive);
  const auto other = changed.train({"--set", "train.steps=6", "--set", "augment.color=1"});
  expect_success(other);
  EXPECT_THAT(other.err, ::testing::HasSubstr("augment.color: 0.0 -> 1.0\n"));
  EXPECT_THAT(other.err, ::testing::Not(::testing::HasSubstr("horizontal_flip")));
  const Workspace::Arguments to_6{"--set", "train.steps=6"};
  expect_success(interrupted.train(to_6));
  expect_success(straight.train(to_6));
  expect_same_runs(interrupted / "run", straight / "run", 6);
}

/// The steps of the sheets that a run made.
std::vector<int64_t> sheet_steps(const fs::path& run) {
  std::vector<int64_t> steps;
  for (const auto& entry : fs::directory_iterator(run / "samples")) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".png" || name == "real") continue;
    EXPECT_TRUE(fs::exists(run / "samples" / (name + ".mp4"))) << name;
    steps.push_back(std::stoll(name.substr(name.find('-') + 1)));
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

TEST(ResumeTest, SamplesDoNotChangeWhatIsTrained) {
  // Batch normalisation, whose statistics a preview computes anew, averages, a growing scale.
  Workspace with, without;
  for (const auto* work : {&with, &without}) write_bytes(*work / "tiny.yaml", kFullConfig);
  const Workspace::Arguments none{"--set", "train.steps=12", "--set", "train.sample_every=0"};
  expect_success(without.train(none));
  EXPECT_THAT(sheet_steps(without / "run"), ::testing::IsEmpty());
  // One after each step, by time; stopped and gone on with in between.
  Workspace::Arguments by_time{"--set", "train.steps=5",
                               "--set", "train.sample_every=1000",
                               "--set", "train.sample_minutes=1e-9"};
  expect_success(with.train(by_time));
  by_time[1] = "train.steps=12";
  expect_success(with.train(by_time));
  EXPECT_THAT(sheet_steps(with / "run"),
              ::testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  const auto got = checkpoint::read_safetensors(checkpoint_file(with / "run", 12));
  const auto want = checkpoint::read_safetensors(checkpoint_file(without / "run", 12));
  ASSERT_EQ(got.tensors.size(), want.tensors.size());
  for (const auto& [name, tensor] : want.tensors) {
    EXPECT_TRUE(tensor.equal(got.tensors.at(name))) << name;
  }
  for (const auto& [name, value] : want.metadata) {
    if (name != "config") {
      EXPECT_EQ(got.metadata.at(name), value) << name;
    }
  }
}

TEST(ResumeTest, EveryStepIsLoggedOnce) {
  const Workspace work;
  const auto run = work / "run";
  train_and_kill(work, {"--set", "train.steps=100000", "--set", "train.checkpoint_every=4"},
                 [&] { return lines_of(read_bytes(run / "log.jsonl")).size() > 5; });
  // A line that the power cut left half written.
  std::ofstream(run / "log.jsonl", std::ios::app) << "{\"step\": 9";
  const int64_t saved = newest_step(run), last = saved + 3;
  const auto resumed = work.train({"--set", "train.steps=" + std::to_string(last)});
  expect_success(resumed);
  EXPECT_THAT(resumed.err, ::testing::HasSubstr(".safetensors at step " + std::to_string(saved)));
  const auto log = read_log(run);
  ASSERT_EQ(log.size(), static_cast<size_t>(last));
  for (size_t i = 0; i < log.size(); ++i) EXPECT_EQ(log[i].at("step"), i + 1);
}

TEST(ResumeTest, ARunOfSomeMinutesGoesOnForTheRestOfThem) {
  const Workspace work;
  Workspace::Arguments arguments{"--set", "train.minutes=0.03",
                                 "--set", "train.steps=1000000",
                                 "--set", "optim.decay=cosine",
                                 "--set", "train.checkpoint_every=5",
                                 "--set", "train.tensorboard=false",
                                 "--set", "train.report=false",
                                 "--set", "train.keep_checkpoints=1000000"};
  const auto straight = work.train(arguments);
  expect_success(straight);
  const auto run = work / "run";
  const int64_t length = newest_step(run);
  EXPECT_LT(length, 1000000);
  EXPECT_THAT(straight.err, ::testing::HasSubstr(": the run has "));
  const auto seconds = [&] {
    const auto newest = checkpoint::read_checkpoint(checkpoint_file(run, newest_step(run)));
    return std::stod(newest.file.metadata.at("run.seconds"));
  };
  EXPECT_GT(seconds(), 0.8 * 1.8);

  drop_checkpoints_after(run, length / 2);
  fs::remove(run / "weights.safetensors");
  const double before = seconds();
  EXPECT_LT(before, 1.8);
  expect_success(work.train(arguments));
  EXPECT_GT(newest_step(run), length / 2);
  EXPECT_GT(seconds(), std::max(before, 0.8 * 1.8));
  EXPECT_TRUE(fs::exists(run / "weights.safetensors"));

  arguments[1] = "train.minutes=0.06";
  const int64_t reached = newest_step(run);
  const auto longer = work.train(arguments);
  expect_success(longer);
  EXPECT_THAT(longer.err, ::testing::HasSubstr("train.minutes: 0.03 -> 0.06\n"));
  EXPECT_GT(newest_step(run), reached);
  EXPECT_GT(seconds(), 0.8 * 3.6);
}

/// When a program is killed: at any time, after its first steps, or while it writes a checkpoint.
enum class Kill { kAnyTime, kTraining, kWriting };

void kill_run(const Workspace& work, const Workspace::Arguments& arguments, Kill kill,
              std::chrono::microseconds wait) {
  const auto run = work / "run";
  const int64_t before = newest_step(run);
  train_and_kill(work, arguments, [&] {
    if (kill != Kill::kAnyTime && newest_step(run) <= before) return false;
    if (kill == Kill::kWriting) return !work.temporary_files().empty();
    std::this_thread::sleep_for(wait);
    return true;
  });
  // What was reached is never lost.
  if (kill == Kill::kAnyTime) {
    EXPECT_GE(newest_step(run), before);
  } else {
    EXPECT_GT(newest_step(run), before);
  }
}

TEST(ResumeTest, TenKillsInARowEqualAStraightRun) {
  const Workspace interrupted, straight;
  const Workspace::Arguments settings{"--set", "train.checkpoint_every=1", "--set",
                                      "train.keep_checkpoints=2"};
  auto endless = settings, to_the_end = settings;
  endless.insert(endless.end(), {"--set", "train.steps=100000"});
  std::mt19937 random(20240229);
  for (const Kill kill :
       {Kill::kTraining, Kill::kWriting, Kill::kTraining, Kill::kAnyTime, Kill::kWriting,
        Kill::kTraining, Kill::kWriting, Kill::kAnyTime, Kill::kTraining, Kill::kWriting}) {
    const unsigned longest = kill == Kill::kAnyTime ? 500000 : 60000;
    kill_run(interrupted, endless, kill, std::chrono::microseconds(random() % longest));
  }

  const auto run = interrupted / "run";
  const int64_t last = newest_step(run) + 5;
  to_the_end.insert(to_the_end.end(), {"--set", "train.steps=" + std::to_string(last)});
  expect_success(interrupted.train(to_the_end));
  expect_success(straight.train(to_the_end));
  expect_same_runs(run, straight / "run", last);
  EXPECT_EQ(checkpoint_steps(run), checkpoint_steps(straight / "run"));
  EXPECT_THAT(interrupted.temporary_files(), ::testing::IsEmpty());
}

TEST(ResumeTest, AnInterruptedCheckpointWriteIsPassedOver) {
  const Workspace work;
  expect_success(work.train());
  const auto good = checkpoint_file(work / "run", 2);
  const auto half = work / "run/checkpoints/step-00000003.vidgen-tmp99.safetensors";
  truncate_copy(good, half, 0.5);
  expect_success(work.train({"--set", "train.steps=4"}));
  EXPECT_FALSE(fs::exists(half));
  EXPECT_EQ(newest_step(work / "run"), 4);
}

TEST(ResumeTest, FromAFileIntoANewRun) {
  const Workspace work;
  expect_success(work.train({"--set", "train.steps=4"}));
  expect_success(work.train({"--set", "train.steps=2", "--run-dir", "first"}));
  const std::string file = checkpoint_file("first", 2);
  expect_success(work.train({"--set", "train.steps=4", "--run-dir", "second", "--resume", file}));
  EXPECT_THAT(checkpoint_steps(work / "first"), ::testing::ElementsAre(2));
  const auto got = checkpoint::read_safetensors(checkpoint_file(work / "second", 4));
  const auto want = checkpoint::read_safetensors(checkpoint_file(work / "run", 4));
  ASSERT_EQ(got.tensors.size(), want.tensors.size());
  for (const auto& [name, tensor] : want.tensors) {
    EXPECT_TRUE(tensor.equal(got.tensors.at(name))) << name;
  }
}

}  // namespace
}  // namespace vidgen::test
