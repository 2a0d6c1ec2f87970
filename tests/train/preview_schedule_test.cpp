#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "vidgen/train/schedule.h"

namespace vidgen::train {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Steps of so many seconds each, of which the schedule made a preview.
std::vector<int64_t> previews(const TrainOptions& options, double seconds) {
  const PreviewSchedule::Clock::time_point start;
  const auto at = [&](int64_t step) {
    return start + std::chrono::milliseconds(
                       static_cast<int64_t>(1000 * seconds * static_cast<double>(step)));
  };
  PreviewSchedule schedule(options, start);
  std::vector<int64_t> made;
  const auto make = [&](int64_t step) {
    schedule.made(step, at(step));
    made.push_back(step);
  };
  if (schedule.is_missing(0)) make(0);
  for (int64_t step = 1; step <= options.steps; ++step) {
    if (schedule.is_due(step, at(step))) make(step);
  }
  if (schedule.is_missing(options.steps)) make(options.steps);
  return made;
}

TrainOptions schedule_options(int64_t steps, int64_t every, double minutes) {
  TrainOptions options;
  options.steps = steps;
  options.sample_every = every;
  options.sample_minutes = minutes;
  return options;
}

TEST(PreviewScheduleTest, StartEndAndStepsBetween) {
  EXPECT_THAT(previews(schedule_options(7, 3, 0), 100), ElementsAre(0, 3, 6, 7));
  EXPECT_THAT(previews(schedule_options(6, 3, 0), 100), ElementsAre(0, 3, 6));
  EXPECT_THAT(previews(schedule_options(2, 500, 0), 100), ElementsAre(0, 2));
}

TEST(PreviewScheduleTest, ShortRunsShowSomethingByTime) {
  // Four minutes with steps of 0.8 s.
  EXPECT_THAT(previews(schedule_options(300, 500, 1), 0.8), ElementsAre(0, 75, 150, 225, 300));
  // A step that takes longer than the time has one each.
  EXPECT_THAT(previews(schedule_options(3, 500, 1), 90), ElementsAre(0, 1, 2, 3));
  // The time begins anew with each, whatever it was made for.
  EXPECT_THAT(previews(schedule_options(100, 40, 1), 1), ElementsAre(0, 40, 80, 100));
  EXPECT_THAT(previews(schedule_options(100, 70, 1), 1), ElementsAre(0, 60, 70, 100));
}

TEST(PreviewScheduleTest, NoneAtAll) {
  EXPECT_THAT(previews(schedule_options(300, 0, 1), 100), IsEmpty());
}

TEST(PreviewScheduleTest, WhatIsThereIsNotMadeAgain) {
  const PreviewSchedule::Clock::time_point now;
  PreviewSchedule schedule(schedule_options(6, 3, 0), now);
  schedule.made(6, now);
  EXPECT_FALSE(schedule.is_missing(6));
  EXPECT_FALSE(schedule.is_due(6, now));
  EXPECT_TRUE(schedule.is_due(9, now));
}

}  // namespace
}  // namespace vidgen::train
