#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/workspace.h"
#include "vidgen/core/interrupt.h"

/// vidgen bench quality: when it ends a run, what it says of it, and what it refuses.
namespace vidgen::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Arguments = Workspace::Arguments;

/// A folder with enough clips to compare, and metrics that take no time.
class BenchQualityTest : public ::testing::Test {
 protected:
  BenchQualityTest() { write_tiny_video(work_ / "clip.mp4", 80); }

  static Arguments arguments(const Arguments& more) {
    Arguments all{"bench",
                  "quality",
                  "tiny.yaml",
                  "--set",
                  "train.evaluate.metric=motion",
                  "--set",
                  "train.report=false",
                  "--set",
                  "train.tensorboard=false"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  core::Json measure(const Arguments& more) {
    auto all = arguments(more);
    all.insert(all.end(), {"--json", "out.json"});
    const auto result = work_.run(all);
    expect_success(result);
    out_ = result.out;
    return core::Json::parse(read_bytes(work_ / "out.json"));
  }

  const Workspace work_;
  std::string out_;
};

TEST_F(BenchQualityTest, StopsARunThatMeetsItsTargets) {
  const auto report = measure({"--target", "motion=1000000", "--target", "swd=1000000", "--seeds",
                               "2", "--run-dir", "runs", "--set", "train.evaluate.every=2", "--set",
                               "train.steps=100000", "--set", "train.seed=7"});
  EXPECT_EQ(report["targets"], (core::Json{{"motion", 1e6}, {"swd", 1e6}}));
  EXPECT_TRUE(report["max_minutes"].is_null());
  ASSERT_EQ(report["seeds"].size(), 2u);
  double minutes = 0;
  for (size_t i = 0; i < 2; ++i) {
    const auto& row = report["seeds"][i];
    EXPECT_EQ(row["seed"], 7 + i);
    EXPECT_EQ(row["reached"], true);
    EXPECT_EQ(row["ended_by"], "targets");
    EXPECT_EQ(row["step"], 2);
    EXPECT_EQ(row["steps"], 2);
    EXPECT_GT(row["training_minutes"], 0);
    EXPECT_GT(row["minutes"], row["training_minutes"]);
    minutes += row["minutes"].get<double>() / 2;
    for (const char* metric : {"motion", "swd"}) {
      EXPECT_GT(row["values"][metric], 0);
      EXPECT_EQ(row["best"][metric]["value"], row["values"][metric]);
      EXPECT_EQ(row["best"][metric]["step"], 2);
    }
  }
  EXPECT_EQ(report["median"]["step"], 2);
  EXPECT_NEAR(report["median"]["minutes"].get<double>(), minutes, 1e-9);
  EXPECT_THAT(out_, AllOf(HasSubstr("training minutes"), HasSubstr("best swd"), HasSubstr("median"),
                          Not(HasSubstr("not reached"))));

  // It is the run that vidgen train makes.
  expect_success(
      work_.train({"--set", "train.seed=8", "--set", "train.evaluate={every: 2, metric: motion}",
                   "--set", "train.steps=2"}));
  const auto measured = read_log(work_ / "runs/seed-8"), trained = read_log(work_ / "run");
  ASSERT_EQ(measured.size(), 2u);
  EXPECT_EQ(measured.back()["loss_g"], trained.back()["loss_g"]);
  EXPECT_EQ(measured.back()["motion"], trained.back()["motion"]);
  EXPECT_EQ(report["seeds"][1]["values"]["motion"], trained.back()["motion"]);
  EXPECT_TRUE(read_bytes(work_ / "runs/seed-8/weights.safetensors").size() > 0);
  expect_success(work_.run({"inspect", "runs/seed-8"}));
  expect_refuses(work_,
                 arguments({"--target", "motion=1", "--run-dir", "runs", "--set", "train.seed=8",
                            "--set", "train.evaluate.every=1"}),
                 {"runs/seed-8", "already holds a run", "--run-dir"});
}

TEST_F(BenchQualityTest, SaysWhatIsNotReached) {
  const auto before = work_.tree().size();
  const auto report = measure({"--target", "motion=0", "--seeds", "1", "--set",
                               "train.evaluate.every=1", "--set", "train.steps=3"});
  const auto& row = report["seeds"][0];
  EXPECT_EQ(row["reached"], false);
  EXPECT_EQ(row["ended_by"], "length");
  EXPECT_EQ(row["steps"], 3);
  for (const char* key : {"minutes", "training_minutes", "step"}) {
    EXPECT_TRUE(row[key].is_null()) << key;
    EXPECT_TRUE(report["median"][key].is_null()) << key;
  }
  EXPECT_TRUE(row["values"].is_null());
  EXPECT_GT(row["best"]["motion"]["value"], 0);
  EXPECT_THAT(out_, HasSubstr("not reached"));
  // Only the figures are left.
  EXPECT_EQ(work_.tree().size(), before + 1);
}

TEST_F(BenchQualityTest, GivesUpInTime) {
  const auto report =
      measure({"--target", "motion=0", "--seeds", "1", "--max-minutes", "0.005", "--set",
               "train.evaluate.every=1", "--set", "train.steps=100000000"});
  EXPECT_EQ(report["max_minutes"], 0.005);
  EXPECT_EQ(report["seeds"][0]["reached"], false);
  EXPECT_EQ(report["seeds"][0]["ended_by"], "max_minutes");
}

TEST_F(BenchQualityTest, RefusesWhatCannotBeMeasured) {
  const auto refuses = [this](const Arguments& more, const std::vector<std::string>& parts) {
    expect_refuses(work_, arguments(more), parts);
  };
  refuses({"--target", "fid=1"},
          {"--target", "unknown metric \"fid\"", "swd, swd_video, psnr, ssim, motion"});
  refuses({"--target", "swd"}, {"--target", "found swd", "expected METRIC=VALUE"});
  refuses({"--target", "swd=good"}, {"--target", "swd", "found good", "expected a number"});
  refuses({"--target", "swd=-1"}, {"--target", "found -1", "at least 0"});
  refuses({"--target", "swd=1", "--target", "swd=2"}, {"--target swd", "given twice"});
  refuses({}, {"--target"});
  refuses({"--target", "swd=1"},
          {"train.evaluate.every", "found 0", "--set train.evaluate.every=100"});
  refuses({"--target", "swd=1", "--set", "train.evaluate.every=5"},
          {"train.evaluate.every", "found 5", "at most 2"});
  refuses({"--target", "swd=1", "--set", "train.evaluate.every=1", "--set",
           "train.seed=9223372036854775807"},
          {"train.seed", "2 seeds"});
  refuses({"--target", "swd=1", "--seeds", "0"}, {"--seeds"});
}

TEST_F(BenchQualityTest, StopsWhenAskedTo) {
  Program program(program_path(),
                  arguments({"--target", "motion=0", "--run-dir", "runs", "--set",
                             "train.evaluate.every=1", "--set", "train.steps=100000000"}),
                  work_.options());
  ASSERT_TRUE(wait_until([&] {
    return lines_of(read_bytes(work_ / "runs/seed-0/log.jsonl")).size() >= 3 || !program.running();
  }));
  program.signal(SIGINT);
  const auto result = program.wait();
  EXPECT_EQ(result.exit_code, core::kStoppedExitCode) << result.err << result.signal;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("begins anew"));
  EXPECT_FALSE(std::filesystem::exists(work_ / "runs/seed-1"));
}

}  // namespace
}  // namespace vidgen::test
