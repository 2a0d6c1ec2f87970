#include "vidgen/data/frame_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace vidgen::data {
namespace {

using ::testing::ElementsAre;

/// How often each of the frames is shown that start at `times`, the last ending at `end`.
std::vector<int64_t> copies(double fps, const std::vector<double>& times, double end) {
  FrameSchedule schedule(fps);
  std::vector<int64_t> result;
  for (size_t i = 0; i < times.size(); ++i) {
    const int64_t before = schedule.advance(times[i]);
    if (i > 0) result.push_back(before);
  }
  result.push_back(schedule.finish(end));
  return result;
}

TEST(FrameScheduleTest, WithoutARateEachFrameOnce) {
  EXPECT_THAT(copies(0, {0, 5, 5.1}, 9), ElementsAre(1, 1, 1));
}

TEST(FrameScheduleTest, FramesLastUntilTheNextOne) {
  EXPECT_THAT(copies(10, {0, 2, 12}, 14), ElementsAre(20, 100, 20));
  EXPECT_THAT(copies(10, {0, 1, 3}, 6), ElementsAre(10, 20, 30));
}

TEST(FrameScheduleTest, HalfAndDoubleRate) {
  EXPECT_THAT(copies(5, {0, 0.1, 0.2, 0.3, 0.4, 0.5}, 0.6), ElementsAre(1, 0, 1, 0, 1, 0));
  EXPECT_THAT(copies(20, {0, 0.1, 0.2}, 0.3), ElementsAre(2, 2, 2));
}

TEST(FrameScheduleTest, MillisecondsMakeNoJudder) {
  std::vector<double> times;
  for (int i = 0; i < 60; ++i) times.push_back(std::round(i * 1000 / 60.0) / 1000);
  const auto result = copies(30, times, 1);
  for (size_t i = 0; i < result.size(); ++i) EXPECT_EQ(result[i], i % 2 == 0 ? 1 : 0) << i;
}

TEST(FrameScheduleTest, JitterNeitherRepeatsNorDrops) {
  std::vector<double> times;
  for (int i = 0; i < 60; ++i) times.push_back(i / 30.0 + (i % 3 - 1) * 0.007 + 0.007);
  times[0] = 0;
  for (const int64_t count : copies(30, times, 2.007)) EXPECT_EQ(count, 1);
}

TEST(FrameScheduleTest, AtLeastOneFrame) {
  EXPECT_THAT(copies(1, {0}, 0.04), ElementsAre(1));
  EXPECT_THAT(copies(1, {0, 0.04}, 0.08), ElementsAre(0, 1));
}

}  // namespace
}  // namespace vidgen::data
