#pragma once

#include <torch/types.h>

#include <functional>
#include <vector>

#include "vidgen/core/json.h"

namespace vidgen::bench {

/// How often something is run: first without, then with a clock.
struct Repeats {
  int64_t warmup = 2;
  int64_t repeats = 10;
};

/// Seconds that the repeats of one thing took.
struct Samples {
  std::vector<double> seconds;

  double median() const;
  /// {"median":, "min":, "max":, "repeats":}, in seconds.
  core::Json json() const;
};

/// Waits until the device has done what it was given.
void synchronize(torch::Device device);

/// Runs `work` again and again; the clock stops when the device is done.
Samples measure(const std::function<void()>& work, const Repeats& repeats, torch::Device device);

/// As measure(), of several things in turn, so that what slows the machine down for a while slows
/// all of them.
std::vector<Samples> measure_in_turn(const std::vector<std::function<void()>>& works,
                                     const Repeats& repeats, torch::Device device);

}  // namespace vidgen::bench
