#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/safetensors.h"

/// Runs that go on from another checkpoint than the newest: it is damaged, or an older one is asked
/// for.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// A run of four steps with checkpoints of 1 to 4, and what six steps give that never stopped.
class FallbackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    expect_success(work_.train(to(6)));
    wanted_ = read_bytes(checkpoint_file(run_, 6));
    wanted_weights_ = read_bytes(run_ / "weights.safetensors");
    fs::remove_all(run_);
    expect_success(work_.train(to(4)));
    fs::copy(run_, work_ / "four", fs::copy_options::recursive);
  }

  static Workspace::Arguments to(int64_t steps, const Workspace::Arguments& more = {}) {
    Workspace::Arguments all{"--set", "train.steps=" + std::to_string(steps),
                             "--set", "train.checkpoint_every=1",
                             "--set", "train.keep_checkpoints=4",
                             "--set", "train.sample_every=2",
                             "--set", "train.sample_minutes=0",
                             "--set", "train.sample_clips=1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  void start_over() {
    fs::remove_all(run_);
    fs::copy(work_ / "four", run_, fs::copy_options::recursive);
  }

  std::vector<int64_t> logged(const fs::path& folder) {
    std::vector<int64_t> steps;
    for (const auto& line : read_log(folder)) steps.push_back(line.at("step"));
    return steps;
  }

  /// The run is at step 6, and nobody can tell that it went back.
  void expect_as_if_never_stopped() {
    EXPECT_TRUE(read_bytes(checkpoint_file(run_, 6)) == wanted_);
    EXPECT_TRUE(read_bytes(run_ / "weights.safetensors") == wanted_weights_);
    EXPECT_THAT(logged(run_), ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_THAT(work_.temporary_files(), ::testing::IsEmpty());
  }

  const Workspace work_;
  const fs::path run_ = work_ / "run";
  const fs::path newest_ = checkpoint_file(run_, 4);
  std::string wanted_, wanted_weights_;
};

void cut_short(const fs::path& path) { fs::resize_file(path, fs::file_size(path) * 9 / 10); }

void make_garbage(const fs::path& path) {
  std::string bytes = read_bytes(path);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7919 >> 5);
  write_bytes(path, bytes);
}

void damage_header(const fs::path& path) {
  std::string bytes = read_bytes(path);
  bytes.replace(bytes.find("\"dtype\""), 7, "\"dtyqe\"");
  write_bytes(path, bytes);
}

void lose_tensor(const fs::path& path) {
  auto file = checkpoint::read_safetensors(path);
  file.tensors.erase("discriminator.0.net.main.2.weight");
  checkpoint::write_safetensors(path, file.tensors, file.metadata);
}

void lose_metadata(const fs::path& path) {
  auto file = checkpoint::read_safetensors(path);
  file.metadata.erase("step");
  checkpoint::write_safetensors(path, file.tensors, file.metadata);
}

TEST_F(FallbackTest, ADamagedCheckpointIsPassedOver) {
  const std::vector<std::pair<std::string, std::function<void(const fs::path&)>>> damages{
      {"go beyond", cut_short},
      {"is empty", [](const fs::path& path) { fs::resize_file(path, 0); }},
      {"not a safetensors file", make_garbage},
      {"unknown key \"dtyqe\"", damage_header},
      {"tensor discriminator.0.net.main.2.weight is missing", lose_tensor},
      {"its metadata has no \"step\"", lose_metadata}};
  for (const auto& [reason, damage] : damages) {
    SCOPED_TRACE(reason);
    start_over();
    damage(newest_);
    const auto bytes = read_bytes(newest_);
    const auto resumed = work_.train(to(6));
    expect_success(resumed);
    EXPECT_THAT(resumed.err, HasSubstr("warning: run/checkpoints/step-00000004.safetensors: "));
    EXPECT_THAT(resumed.err, HasSubstr(reason));
    EXPECT_THAT(resumed.err, HasSubstr("kept as run/checkpoints/step-00000004.safetensors.damaged"
                                       ", going on from step-00000003.safetensors"));
    expect_as_if_never_stopped();
    EXPECT_TRUE(read_bytes(newest_.string() + ".damaged") == bytes);
    EXPECT_THAT(checkpoint_steps(run_), ElementsAre(3, 4, 5, 6));
    // The end of the run that was lost.
    EXPECT_TRUE(read_bytes(run_ / "aside/weights.safetensors") ==
                read_bytes(work_ / "four/weights.safetensors"));
    EXPECT_THAT(logged(run_ / "aside"), ElementsAre(4));
  }
}

TEST_F(FallbackTest, ACheckpointThatTheDiskDoesNotGiveBackIsPassedOver) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer wants to be loaded before all else";
#endif
  auto options = work_.options();
  options.environment["LD_PRELOAD"] = VIDGEN_TEST_FAILING_READ_LIBRARY;
  options.environment["VIDGEN_TEST_FAILING_READ"] = "step-00000004.safetensors";
  options.environment["VIDGEN_TEST_FAILING_READ_FROM"] = "0";
  const auto resumed = run_program(program_path(), work_.train_arguments(to(6)), options);
  expect_success(resumed);
  EXPECT_THAT(resumed.err, HasSubstr("cannot read run/checkpoints/step-00000004.safetensors: "
                                     "Input/output error; kept as "));
  expect_as_if_never_stopped();
  EXPECT_TRUE(fs::exists(newest_.string() + ".damaged"));
}

TEST_F(FallbackTest, SeveralAreKeptAsideAndNotCounted) {
  for (const int64_t step : {3, 4}) cut_short(checkpoint_file(run_, step));
  write_bytes(newest_.string() + ".damaged", "from another time");
  const auto resumed = work_.train(to(6));
  expect_success(resumed);
  EXPECT_THAT(resumed.err, HasSubstr("step-00000004.safetensors.damaged.2"));
  EXPECT_THAT(resumed.err, HasSubstr("step-00000003.safetensors.damaged,"));
  expect_as_if_never_stopped();
  EXPECT_EQ(read_bytes(newest_.string() + ".damaged"), "from another time");
  EXPECT_TRUE(fs::exists(newest_.string() + ".damaged.2"));
  EXPECT_TRUE(fs::exists(checkpoint_file(run_, 3).string() + ".damaged"));
  EXPECT_THAT(checkpoint_steps(run_), ElementsAre(3, 4, 5, 6));
}

TEST_F(FallbackTest, WhereNoneIsWholeNothingIsBegunAnew) {
  for (const int64_t step : {1, 2, 3, 4}) cut_short(checkpoint_file(run_, step));
  expect_refuses(work_, work_.train_arguments(to(6)),
                 {"run: no checkpoint can be gone on from: ", "step-00000004.safetensors: ",
                  "step-00000003.safetensors: ", "step-00000002.safetensors: ",
                  "step-00000001.safetensors: ", "begin anew in another --run-dir"});
  const std::string damaged = "run/checkpoints/step-00000004.safetensors";
  expect_refuses(work_, work_.train_arguments(to(6, {"--resume", damaged})), {damaged + ": "});
}

TEST_F(FallbackTest, AnotherConfigurationIsNoDamage) {
  expect_refuses(work_, work_.train_arguments(to(6, {"--set", "train.seed=1"})),
                 {"step-00000004.safetensors: train.seed is 0"});
  auto file = checkpoint::read_safetensors(newest_);
  file.metadata["vidgen.format"] = "2";
  checkpoint::write_safetensors(newest_, file.tensors, file.metadata);
  expect_refuses(work_, work_.train_arguments(to(6)),
                 {"step-00000004.safetensors: has format version 2"});
}

TEST_F(FallbackTest, ADryRunChangesNothing) {
  cut_short(newest_);
  const auto before = work_.tree();
  const auto shown = work_.train(to(6, {"--dry-run"}));
  expect_success(shown);
  EXPECT_THAT(shown.err, HasSubstr("a run would go on from step-00000003.safetensors"));
  EXPECT_EQ(work_.tree(), before);
}

TEST_F(FallbackTest, AnOlderCheckpointIsGoneBackTo) {
  const std::string older = "run/checkpoints/step-00000002.safetensors";
  const auto resumed = work_.train(to(6, {"--resume", older}));
  expect_success(resumed);
  EXPECT_THAT(
      resumed.err,
      HasSubstr("run: goes on from step 2; what it had of later steps is kept in run/aside: "
                "weights.safetensors, 2 checkpoints, 2 files of samples, 2 lines of the "
                "log\n"));
  expect_as_if_never_stopped();
  for (const char* name : {"weights.safetensors", "checkpoints/step-00000003.safetensors",
                           "checkpoints/step-00000004.safetensors", "samples/step-00000004.png",
                           "samples/step-00000004.mp4"}) {
    EXPECT_TRUE(read_bytes(run_ / "aside" / name) == read_bytes(work_ / "four" / name)) << name;
  }
  EXPECT_THAT(logged(run_ / "aside"), ElementsAre(3, 4));
  // What was set aside is a run as well.
  expect_success(work_.run({"sample", "run/aside", "--out", "clips.mp4"}));

  // Once more.
  const auto again = work_.train(to(7, {"--resume", "run/checkpoints/step-00000005.safetensors"}));
  expect_success(again);
  EXPECT_THAT(again.err, HasSubstr("is kept in run/aside.2: "));
  EXPECT_THAT(logged(run_), ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(logged(run_ / "aside.2"), ElementsAre(6));
}

TEST_F(FallbackTest, TheNewestByItsNameIsWhereTheRunIs) {
  const auto resumed = work_.train(to(
      4,
      {"--resume", (run_ / "checkpoints/../checkpoints" / "step-00000004.safetensors").string()}));
  expect_success(resumed);
  EXPECT_THAT(resumed.err, Not(HasSubstr("aside")));
  EXPECT_FALSE(fs::exists(run_ / "aside"));
}

TEST_F(FallbackTest, WeightsOfARunWithoutCheckpointsAreNotWrittenOver) {
  fs::remove_all(run_ / "checkpoints");
  const auto anew = work_.train(to(2));
  expect_success(anew);
  EXPECT_THAT(anew.err,
              HasSubstr("run: goes on from step 0; what it had of later steps is kept in"));
  EXPECT_TRUE(read_bytes(run_ / "aside/weights.safetensors") ==
              read_bytes(work_ / "four/weights.safetensors"));
  EXPECT_THAT(logged(run_ / "aside"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(logged(run_), ElementsAre(1, 2));
}

/// What an evaluated run leaves besides.
class BestFallbackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_tiny_video(work_ / "clip.mp4", 60);
    expect_success(train(6));
    best_ = std::stoll(checkpoint::read_safetensors(best_file_).metadata.at("step"));
    ASSERT_GT(best_, 0);
  }
  ProgramResult train(int64_t steps, const Workspace::Arguments& more = {}) {
    Workspace::Arguments all{"--set", "train.steps=" + std::to_string(steps),
                             "--set", "train.evaluate.every=1",
                             "--set", "train.evaluate.metric=swd",
                             "--set", "train.checkpoint_every=1",
                             "--set", "train.keep_checkpoints=100"};
    all.insert(all.end(), more.begin(), more.end());
    return work_.train(all);
  }

  const Workspace work_;
  const fs::path best_file_ = work_ / "run/best.safetensors";
  int64_t best_ = 0;
};

TEST_F(BestFallbackTest, TheBestIsGoneBackTo) {
  const auto resumed = train(7, {"--resume", "run/best.safetensors"});
  expect_success(resumed);
  EXPECT_THAT(resumed.err,
              HasSubstr("resumed from run/best.safetensors at step " + std::to_string(best_)));
  EXPECT_EQ(newest_step(work_ / "run"), 7);
  EXPECT_EQ(read_log(work_ / "run").size(), 7u);
  // It is of no later step.
  EXPECT_FALSE(fs::exists(work_ / "run/aside/best.safetensors"));
}

TEST_F(BestFallbackTest, ABestOfLaterStepsIsKeptAside) {
  const auto bytes = read_bytes(best_file_);
  if (best_ == 1) GTEST_SKIP() << "the first is the best";
  expect_success(
      train(best_ - 1, {"--resume", checkpoint_file(work_ / "run", best_ - 1).string()}));
  EXPECT_TRUE(read_bytes(work_ / "run/aside/best.safetensors") == bytes);
  // And none is shown that this run has not reached.
  if (fs::exists(best_file_)) {
    EXPECT_LT(std::stoll(checkpoint::read_safetensors(best_file_).metadata.at("step")), best_);
  }
}

TEST_F(BestFallbackTest, ABestThatIsDamagedIsKept) {
  fs::resize_file(best_file_, fs::file_size(best_file_) / 2);
  const auto bytes = read_bytes(best_file_);
  const auto resumed = train(7);
  expect_success(resumed);
  EXPECT_THAT(resumed.err, HasSubstr("kept as run/best.safetensors.damaged"));
  EXPECT_TRUE(read_bytes(work_ / "run/best.safetensors.damaged") == bytes);
}

TEST_F(BestFallbackTest, AScoreThatIsNoneDoesNotFreezeIt) {
  for (const char* score : {"nan", "-inf", ""}) {
    SCOPED_TRACE(score);
    const int64_t step = newest_step(work_ / "run");
    const auto path = checkpoint_file(work_ / "run", step);
    auto file = checkpoint::read_safetensors(path);
    file.metadata["best.step"] = "1";
    file.metadata["best.score"] = score;
    if (!*score) file.metadata.erase("best.score");
    checkpoint::write_safetensors(path, file.tensors, file.metadata);
    const auto resumed = train(step + 1);
    expect_success(resumed);
    EXPECT_THAT(resumed.err, HasSubstr("the score of the best generator so far (step 1) is "
                                       "missing or not finite"));
    const auto best = checkpoint::read_safetensors(best_file_).metadata;
    EXPECT_EQ(best.at("best.step"), std::to_string(step + 1));
    EXPECT_TRUE(std::isfinite(std::stod(best.at("best.score"))));
  }
}

}  // namespace
}  // namespace vidgen::test
