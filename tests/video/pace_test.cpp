#include "vidgen/video/pace.h"

#include <gtest/gtest.h>

namespace vidgen::video {
namespace {

Pace pace_of(const std::vector<double>& distances) {
  Pace pace;
  for (const double distance : distances) pace.add(distance);
  return pace;
}

TEST(PaceTest, IsTheRateOfEvenFrames) {
  EXPECT_NEAR(pace_of(std::vector<double>(10, 0.04)).fps(1000), 25, 1e-9);
  EXPECT_NEAR(pace_of(std::vector<double>(10, 2)).fps(0), 0.5, 1e-9);
  EXPECT_NEAR(pace_of(std::vector<double>(10, 0.001)).fps(25), 1000, 1e-9);
}

TEST(PaceTest, LopsidedJitterDoesNotCount) {
  // 33 ms on average, but the median is 29.
  std::vector<double> distances;
  for (int i = 1; i < 90; ++i) {
    distances.push_back((33 + (i * 7) % 11 - ((i - 1) * 7) % 11) / 1000.0);
  }
  EXPECT_NEAR(pace_of(distances).fps(1000), 30.3, 0.2);
}

TEST(PaceTest, PausesAndMissingFramesDoNotCount) {
  std::vector<double> distances(100, 1 / 30.0);
  for (const size_t i : {3u, 20u, 21u, 77u}) distances[i] = 2 / 30.0;
  distances[50] = 100;
  EXPECT_NEAR(pace_of(distances).fps(0), 30, 1e-6);
  EXPECT_EQ(pace_of(distances).longest(), 100);
  EXPECT_NEAR(pace_of(distances).unevenness(), 0.05, 1e-9);
}

TEST(PaceTest, FilmInThirtiethsPlaysAtItsOwnRate) {
  // 3:2 pulldown with the repeated frames left out: 2 and 3 sixtieths in turn.
  std::vector<double> distances;
  for (int i = 0; i < 48; ++i) distances.push_back((i % 2 == 0 ? 2 : 3) / 60.0);
  EXPECT_NEAR(pace_of(distances).fps(29.97), 24, 1e-6);
}

TEST(PaceTest, RoundedStampsTakeTheRateOfTheHeader) {
  EXPECT_EQ(pace_of({0.033, 0.033, 0.034, 0.033}).fps(30000 / 1001.0), 30000 / 1001.0);
  EXPECT_EQ(pace_of({0.04, 0.04}).fps(25.05), 25.05);
  EXPECT_NEAR(pace_of({0.04, 0.04}).fps(25.5), 25, 1e-9);
}

TEST(PaceTest, OneFrameHasTheRateOfTheHeader) {
  EXPECT_EQ(Pace().fps(12), 12);
  EXPECT_EQ(Pace().fps(0), kUnstatedFps);
  EXPECT_EQ(pace_of({0, 0}).fps(12), 12);
  EXPECT_EQ(Pace().median(10), 0.1);
}

}  // namespace
}  // namespace vidgen::video
