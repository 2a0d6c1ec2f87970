#pragma once

#include <memory>

#include "vidgen/data/cache.h"
#include "vidgen/metrics/scores.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/train/options.h"

namespace vidgen::train {

/// Measures generators as train.evaluate says. The numbers are those that `vidgen eval` gives with
/// as many clips and train.seed as its seed: a function of the weights and the options, whatever
/// the step.
class Evaluator {
 public:
  /// Reads the real clips, held-out ones where there are some, and computes what depends on them
  /// alone. Throws vidgen::Error when there are too few, or too few frames for the metric.
  Evaluator(const RunOptions& options, const data::ClipCache& cache);

  struct Result {
    /// Of train.evaluate.metric.
    double score = 0;
    /// The metric of this name.
    double diversity = 0;
  };
  Result evaluate(const models::VideoGenerator& generator) const;

 private:
  const RunOptions options_;
  /// Clips in each set.
  int64_t clips_ = 0;
  std::unique_ptr<const metrics::Scorer> scorer_;
};

}  // namespace vidgen::train
