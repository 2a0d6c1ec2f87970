#include "vidgen/bench/samples.h"

#include <torch/cuda.h>

#include <algorithm>
#include <chrono>

namespace vidgen::bench {

double Samples::median() const {
  auto sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

core::Json Samples::json() const {
  const auto [least, most] = std::minmax_element(seconds.begin(), seconds.end());
  return {{"median", median()}, {"min", *least}, {"max", *most}, {"repeats", seconds.size()}};
}

void synchronize(torch::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize();
}

Samples measure(const std::function<void()>& work, const Repeats& repeats, torch::Device device) {
  return measure_in_turn({work}, repeats, device).front();
}

std::vector<Samples> measure_in_turn(const std::vector<std::function<void()>>& works,
                                     const Repeats& repeats, torch::Device device) {
  std::vector<Samples> samples(works.size());
  for (int64_t i = 0; i < repeats.warmup + repeats.repeats; ++i) {
    for (size_t k = 0; k < works.size(); ++k) {
      synchronize(device);
      const auto start = std::chrono::steady_clock::now();
      works[k]();
      synchronize(device);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      if (i >= repeats.warmup) samples[k].seconds.push_back(elapsed.count());
    }
  }
  return samples;
}

}  // namespace vidgen::bench
