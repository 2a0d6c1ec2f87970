#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vidgen/data/cache.h"
#include "vidgen/metrics/class_scores.h"
#include "vidgen/metrics/scores.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/train/options.h"

namespace vidgen::train {

/// Measures generators as train.evaluate says. The numbers are those that `vidgen eval` gives with
/// as many clips and train.seed as its seed: a function of the weights and the options, whatever
/// the step.
class Evaluator {
 public:
  /// With fewer real clips a warning is given. The mean over n clips is off by 1/sqrt(n) of how
  /// much they differ, which is a seventh at 50 and a third at 10: generators that differ by less
  /// are then ranked by chance.
  static constexpr int64_t kFewClips = 50;

  /// Reads the real clips, held-out ones where there are some, and computes what depends on them
  /// alone. `more` are further metrics of metrics::score_names(). Throws vidgen::Error when there
  /// are too few clips, or too few frames for a metric, or one is unknown.
  Evaluator(const RunOptions& options, const data::ClipCache& cache,
            std::vector<std::string> more = {});

  struct Result {
    /// Of train.evaluate.metric.
    double score = 0;
    /// The metric of this name.
    double diversity = 0;
    /// The class whose clips differ least, measured by what real ones of it do; nothing where clips
    /// have no classes, or too few clips of each.
    std::optional<metrics::ClassScores> least_diverse_class;
    /// Of the further metrics, by their names.
    std::map<std::string, double> more{};
  };
  Result evaluate(const models::VideoGenerator& generator) const;

 private:
  const RunOptions options_;
  const std::vector<std::string> more_;
  /// Clips in each set.
  int64_t clips_ = 0;
  std::unique_ptr<const metrics::Scorer> scorer_;
  /// Of the real clips, and so of the generated ones. A student of a teacher with classes may have
  /// videos without: each class in turn.
  models::ConditionSampler conditions_;
  /// For diversity alone. Null without classes.
  std::unique_ptr<const metrics::ClassScorer> class_scorer_;
};

}  // namespace vidgen::train
