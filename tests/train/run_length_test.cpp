// How long a run of some minutes becomes, by the times that its steps take.
#include <gtest/gtest.h>

#include <functional>

#include "vidgen/train/schedule.h"

namespace vidgen::train {
namespace {

struct Course {
  int64_t step = 0;
  double seconds = 0;
};

/// Seconds that a step takes which begins after so many of the run.
using Pace = std::function<double(double)>;

TrainOptions one_minute(int64_t steps = 1000000) {
  TrainOptions options;
  options.minutes = 1;
  options.steps = steps;
  return options;
}

bool go_on(Course& run, RunLength& length, const Pace& pace) {
  if (run.step >= length.steps()) return false;
  const double seconds = pace(run.seconds);
  run.seconds += seconds;
  length.passed(++run.step, seconds);
  return true;
}

Course whole_run(RunLength length, const Pace& pace) {
  Course run;
  while (go_on(run, length, pace)) {
  }
  EXPECT_EQ(run.step, length.steps());
  return run;
}

Pace changing(double before, double at, double after) {
  return [=](double seconds) { return seconds < at ? before : after; };
}

TEST(RunLengthTest, WithoutMinutesItIsTheSteps) {
  TrainOptions options;
  options.steps = 7;
  const auto run = whole_run(RunLength(options), [](double) { return 1e9; });
  EXPECT_EQ(run.step, 7);
}

TEST(RunLengthTest, SteadyStepsFillTheMinutes) {
  const auto run = whole_run(RunLength(one_minute()), [](double) { return 0.125; });
  EXPECT_EQ(run.step, 480);
  EXPECT_EQ(run.seconds, 60);
}

TEST(RunLengthTest, MinutesAreKeptWhenTheMachineGetsBusyOrIdle) {
  for (const double at : {0.1, 5.0, 20.0, 45.0, 59.0}) {
    for (const auto& [before, after] : {std::pair(0.5, 0.1), std::pair(0.1, 0.5)}) {
      const auto run = whole_run(RunLength(one_minute()), changing(before, at, after));
      EXPECT_NEAR(run.seconds, 60, 0.5) << "from " << before << " to " << after << " at " << at;
    }
  }
}

TEST(RunLengthTest, NeverMoreThanTheSteps) {
  EXPECT_EQ(whole_run(RunLength(one_minute(100)), [](double) { return 0.1; }).step, 100);
}

TEST(RunLengthTest, SaysWhenTheLengthIsAnotherByMoreThanATenth) {
  RunLength length(one_minute());
  EXPECT_FALSE(length.passed(1, 0.5));
  EXPECT_TRUE(length.passed(2, 0.5)) << "of a million";
  EXPECT_EQ(length.steps(), 2 + 118);
  EXPECT_FALSE(length.passed(13, 5.5));
  EXPECT_FALSE(length.passed(14, 0.55)) << "a tenth later";
  EXPECT_EQ(length.steps(), 14 + 105) << "52.95 seconds of 0.504 each";
  EXPECT_TRUE(length.passed(20, 12)) << "and now of 2";
  EXPECT_EQ(length.steps(), 20 + 20);
}

TEST(RunLengthTest, GoesOnFromACheckpointAsIfItHadNotStopped) {
  const auto pace = [](double seconds) { return 0.2 + seconds / 50; };
  RunLength straight(one_minute());
  Course run;
  while (run.step < 30) go_on(run, straight, pace);
  checkpoint::StateSaver saver;
  straight.visit(saver);

  const checkpoint::SafetensorsFile file{saver.metadata, {}};
  checkpoint::StateLoader loader("step.safetensors", file);
  RunLength resumed(one_minute());
  resumed.visit(loader);
  Course other = run;
  while (go_on(run, straight, pace)) {
    ASSERT_TRUE(go_on(other, resumed, pace));
    ASSERT_EQ(straight.steps(), resumed.steps()) << "after step " << run.step;
  }
  EXPECT_FALSE(go_on(other, resumed, pace));
}

}  // namespace
}  // namespace vidgen::train
