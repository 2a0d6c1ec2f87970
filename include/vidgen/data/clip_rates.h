#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vidgen/data/cache.h"
#include "vidgen/data/options.h"

namespace vidgen::data {

/// The rates, in frames a second, at which the clips of a data set's videos play.
class ClipRates {
 public:
  explicit ClipRates(const DataOptions& options) : options_(options) {}
  /// All videos of a cache, by how often clips are drawn from them.
  ClipRates(const DataOptions& options, const ClipCache& cache);

  /// A video that plays at `fps` before DataOptions::fps and frame_stride; clips are drawn from it
  /// in proportion to `weight`.
  void add(double fps, double weight);
  /// That of most clips (the weighted median). Expects at least one video.
  double usual() const;
  /// What the rates are and how long a clip of the slowest and of the fastest lasts; "" where they
  /// differ by less than 2 %.
  std::string differences() const;

 private:
  DataOptions options_;
  std::vector<std::pair<double, double>> rates_;
};

}  // namespace vidgen::data
