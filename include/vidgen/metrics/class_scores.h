#pragma once

#include <string>
#include <vector>

#include "vidgen/metrics/scores.h"

/// Metrics of each class for itself: clips may be all the same within every class though the
/// classes differ, which metrics of all clips together do not show.
namespace vidgen::metrics {

/// Fewest clips of a class in each set for `diversity` within it: six pairs of clips.
constexpr int64_t kFewestForDiversity = 4;
/// Fewest for the other metrics, which compare distributions.
constexpr int64_t kFewestForDistances = 8;

struct ClassScores {
  std::string name;
  /// Clips of it in `generated` and in `real`, which has as many.
  int64_t clips = 0;
  /// `diversity` always, and the metrics that were asked for and that so many clips allow.
  std::vector<Score> scores;

  /// Of `diversity`: its value, and the mean distances that it is the ratio of.
  const Score& diversity() const;
};

/// Scores sets of generated clips class by class against the same real ones.
class ClassScorer {
 public:
  /// `classes` names the class of each clip in real.real, and of each generated one to come,
  /// `other_classes` that of each in real.other_real. Classes with too few clips, or with real ones
  /// that are all the same, are left out, and so is `nearest`, which looks at no class. Throws
  /// vidgen::Error for an unknown name of a metric.
  ClassScorer(const ClipSets& real, const std::vector<std::string>& classes,
              const std::vector<std::string>& other_classes, const ScoreOptions& options);
  /// In the order of the classes' names.
  std::vector<ClassScores> score(const torch::Tensor& generated) const;
  /// Classes that there are, and how many of them are scored.
  size_t classes() const { return classes_; }
  size_t scored() const { return parts_.size(); }

 private:
  struct Part {
    std::string name;
    /// Where the clips are in the set.
    torch::Tensor places;
    Scorer scorer;
  };
  size_t classes_ = 0;
  std::vector<Part> parts_;
};

/// The class whose clips differ least from each other, measured by what real ones do; null of none.
const ClassScores* least_diverse(const std::vector<ClassScores>& classes);

}  // namespace vidgen::metrics
