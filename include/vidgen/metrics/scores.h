#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

/// All metrics of a set of generated clips, each beside what real clips get against other real
/// ones.
namespace vidgen::metrics {

/// Clips, uint8 RGB [N,T,H,W,3], T, H and W the same in all.
struct ClipSets {
  torch::Tensor generated;
  torch::Tensor real;
  /// Real clips that have no frame in common with `real`: they take the generated ones' place for
  /// the floor.
  torch::Tensor other_real;
  /// What the generator was trained on, without `real` and `other_real`; undefined or empty where
  /// there is none.
  torch::Tensor training;
};

struct Score {
  /// As in score_names(); a part of a metric has a suffix: "swd.32" is one level of "swd".
  std::string name;
  /// For people.
  std::string title;
  double value = 0;
  /// The same number for `other_real` in place of `generated`. A value near it cannot be told from
  /// a perfect one with so few clips.
  double floor = 0;
  /// What a perfect generator would get: 0 for distances, 1 for ratios.
  double ideal = 0;
  /// The means of the quantity that is compared; NaN for metrics that do not compare quantities.
  double generated_mean = std::numeric_limits<double>::quiet_NaN();
  double real_mean = std::numeric_limits<double>::quiet_NaN();
  /// That quantity for each clip; undefined where it has no value for each.
  torch::Tensor generated{};
  torch::Tensor real{};
};

/// The names of the metrics that need no extractor:
///   swd        sliced Wasserstein distance of patches of frames, each level and their mean
///   swd_video  the same of patches of how 7 consecutive frames differ
///   psnr, ssim, motion, flicker   of consecutive frames, a value for each clip: the Wasserstein-1
///              distance between the values' distributions, over the standard deviation of the real
///              ones
///   diversity  mean distance of two generated clips over that of two real ones: near 0 when all
///              clips are the same
///   nearest    mean distance of generated clips to the nearest training clip over that of real
///              ones: below 1 when training clips are copied
const std::vector<std::string>& score_names();

struct ScoreOptions {
  /// Of score_names(); empty means all.
  std::vector<std::string> names;
  /// The same seed gives the same numbers.
  uint64_t seed = 0;
  /// Patches of the sliced Wasserstein distances.
  int64_t patches = 8192;
};

/// The metrics in the order of score_names(). Those that the clips do not allow are left out:
/// flicker needs 3 frames, swd_video and the others of consecutive frames 2, `nearest` training
/// clips. Throws
/// vidgen::Error for an unknown name.
std::vector<Score> score_clips(const ClipSets& clips, const ScoreOptions& options);

/// score_clips() of several sets of generated clips against the same real ones: what depends on the
/// real ones alone is computed once.
class Scorer {
 public:
  /// Does not look at real.generated. Throws vidgen::Error for an unknown name.
  Scorer(const ClipSets& real, const ScoreOptions& options);
  std::vector<Score> score(const torch::Tensor& generated) const;
  /// Whether a metric of score_names() was asked for and the clips allow it.
  bool computes(const std::string& name) const;

 private:
  using Measure = std::function<void(const torch::Tensor& generated, std::vector<Score>& scores)>;
  /// By the metric's name.
  std::vector<std::pair<std::string, Measure>> measures_;
};

/// What a perfect generator would get of a metric of score_names().
double ideal_score(const std::string& name);
/// Whether `value` of a metric is better than `other`: nearer to the ideal. What is not a number is
/// never better.
bool is_better(const std::string& name, double value, double other);

/// Takes clips, gives a feature vector for each of their samples (a frame, or a clip): [M,D].
using Extractor = std::function<torch::Tensor(const torch::Tensor& clips)>;

/// Frechet distance, kernel distance, precision and recall of what the extractor makes of the
/// clips: "frechet", "kid", "precision", "recall". `training` is not used.
std::vector<Score> score_features(const ClipSets& clips, const Extractor& extractor, uint64_t seed);

}  // namespace vidgen::metrics
