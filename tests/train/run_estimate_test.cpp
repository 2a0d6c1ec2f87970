#include <gtest/gtest.h>

#include "vidgen/train/schedule.h"

namespace vidgen::train {
namespace {

TrainOptions estimate_options(int64_t steps) {
  TrainOptions options;
  options.steps = steps;
  options.sample_every = 500;
  options.sample_minutes = 0;
  return options;
}

RunCosts costs(double step, double preview, double evaluation) {
  RunCosts costs;
  costs.step = step;
  costs.preview = preview;
  costs.evaluation = evaluation;
  return costs;
}

TEST(RunEstimateTest, IsStepsSamplesAndEvaluations) {
  auto options = estimate_options(2000);
  options.evaluate.every = 600;
  const auto estimate = estimate_run(options, costs(0.5, 3, 20));
  EXPECT_EQ(estimate.steps, 2000);
  EXPECT_EQ(estimate.previews, 5);  // of steps 0, 500, 1000, 1500 and 2000
  EXPECT_EQ(estimate.evaluations, 3);
  EXPECT_DOUBLE_EQ(estimate.in_steps, 1000);
  EXPECT_DOUBLE_EQ(estimate.in_previews, 15);
  EXPECT_DOUBLE_EQ(estimate.in_evaluations, 60);
  EXPECT_DOUBLE_EQ(estimate.total(), 1075);
}

TEST(RunEstimateTest, SamplesByTimeAreCounted) {
  auto options = estimate_options(300);
  options.sample_minutes = 1;
  // Every 75 steps.
  EXPECT_EQ(estimate_run(options, costs(0.8, 1, 0)).previews, 5);
  options.sample_every = 0;
  EXPECT_EQ(estimate_run(options, costs(0.8, 1, 0)).previews, 0);
}

TEST(RunEstimateTest, AsManyStepsAsFitIntoTheMinutes) {
  auto options = estimate_options(100000);
  options.minutes = 10;
  options.sample_every = 100;
  options.evaluate.every = 100;
  // A hundred steps take 50 s, and what comes with them 10 s.
  const auto estimate = estimate_run(options, costs(0.5, 2, 8));
  EXPECT_EQ(estimate.steps, 1000);
  EXPECT_EQ(estimate.evaluations, 10);
  EXPECT_NEAR(estimate.total(), 600, 3);
  // All of them fit.
  options.steps = 50;
  EXPECT_EQ(estimate_run(options, costs(0.5, 2, 8)).steps, 50);
}

TEST(RunEstimateTest, TheTimeOfAStepIsAMedian) {
  int calls = 0;
  const auto of = [&calls](std::vector<double> times) {
    calls = 0;
    return median_time([&calls, times] { return times.at(static_cast<size_t>(calls++)); });
  };
  EXPECT_EQ(of({0.1, 0.9, 0.2, 0.1, 0.3, 7}), 0.2);
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(of({3, 1}), 3);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace vidgen::train
