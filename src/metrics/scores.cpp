#include "vidgen/metrics/scores.h"

#include <algorithm>
#include <cmath>

#include "vidgen/core/error.h"
#include "vidgen/core/text.h"
#include "vidgen/metrics/coherence.h"
#include "vidgen/metrics/diversity.h"
#include "vidgen/metrics/features.h"
#include "vidgen/metrics/sliced_wasserstein.h"

namespace vidgen::metrics {
namespace {

using core::cat;

/// Frames of the patches of swd_video.
constexpr int64_t kVideoPatchFrames = 7;

double mean_of(const torch::Tensor& values) { return values.mean().item<double>(); }

using Measure = std::function<void(const torch::Tensor& generated, std::vector<Score>& scores)>;

/// One row a level, after their mean.
Measure sliced_wasserstein_of(const ClipSets& real, const std::string& name,
                              const std::string& title, const SlicedWassersteinOptions& options) {
  const SlicedWasserstein to_real(real.real, options);
  const auto floors = to_real.distance(real.other_real);
  const auto mean = [](const std::vector<LevelDistance>& all) {
    double sum = 0;
    for (const auto& level : all) sum += level.distance;
    return sum / static_cast<double>(all.size());
  };
  return [=](const torch::Tensor& generated, std::vector<Score>& scores) {
    const auto levels = to_real.distance(generated);
    scores.push_back({name, title, mean(levels), mean(floors)});
    for (size_t i = 0; i < levels.size() && levels.size() > 1; ++i) {
      scores.push_back({cat(name, ".", levels[i].size),
                        cat(title, ", at ", levels[i].size, " pixels"), levels[i].distance,
                        floors[i].distance});
    }
  };
}

/// The distance between distributions, in standard deviations of `real`.
double normalised_distance(const torch::Tensor& values, const torch::Tensor& real) {
  const double distance = wasserstein_1d(values, real);
  return distance == 0 ? 0 : distance / real.std(0, false).item<double>();
}

double ratio_of_means(const torch::Tensor& values, const torch::Tensor& real) {
  return mean_of(values) / mean_of(real);
}

struct CoherenceMetric {
  const char* name;
  const char* title;
  int64_t min_frames;
  torch::Tensor (*measure)(const torch::Tensor&);
};

constexpr CoherenceMetric kCoherence[] = {
    {"psnr", "PSNR of consecutive frames (dB)", 2,
     [](const torch::Tensor& clips) { return frame_psnr(clips).mean(1); }},
    {"ssim", "SSIM of consecutive frames", 2,
     [](const torch::Tensor& clips) { return frame_ssim(clips).mean(1); }},
    {"motion", "Motion energy (grey levels)", 2, motion_energy},
    {"flicker", "Flicker", 3, flicker},
};

/// `compare` takes the values of a set of clips and those of the real ones.
Measure per_clip(const ClipSets& real, const std::string& name, const std::string& title,
                 const std::function<torch::Tensor(const torch::Tensor& clips)>& measure,
                 double (*compare)(const torch::Tensor&, const torch::Tensor&)) {
  Score known{name, title, 0, 0, ideal_score(name)};
  known.real = measure(real.real);
  known.real_mean = mean_of(known.real);
  known.floor = compare(measure(real.other_real), known.real);
  return [=](const torch::Tensor& generated, std::vector<Score>& scores) {
    Score score = known;
    score.generated = measure(generated);
    score.generated_mean = mean_of(score.generated);
    score.value = compare(score.generated, score.real);
    scores.push_back(std::move(score));
  };
}

Measure diversity_of(const ClipSets& real) {
  Score known{"diversity", "Distance between clips, generated / real", 0, 0, /*ideal=*/1};
  known.real_mean = mean_pairwise_distance(real.real);
  known.floor = mean_pairwise_distance(real.other_real) / known.real_mean;
  return [known](const torch::Tensor& generated, std::vector<Score>& scores) {
    Score score = known;
    score.generated_mean = mean_pairwise_distance(generated);
    score.value = score.generated_mean / score.real_mean;
    scores.push_back(std::move(score));
  };
}

void check_names(const std::vector<std::string>& names) {
  const auto& known = score_names();
  for (const auto& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Error(cat("unknown metric \"", name, "\", expected one of ", core::join(known)));
    }
  }
}

}  // namespace

const std::vector<std::string>& score_names() {
  static const std::vector<std::string> names{"swd",    "swd_video", "psnr",      "ssim",
                                              "motion", "flicker",   "diversity", "nearest"};
  return names;
}

double ideal_score(const std::string& name) {
  return name == "diversity" || name == "nearest" ? 1 : 0;
}

bool is_better(const std::string& name, double value, double other) {
  const double ideal = ideal_score(name);
  return std::abs(value - ideal) < std::abs(other - ideal);
}

Scorer::Scorer(const ClipSets& real, const ScoreOptions& options) {
  check_names(options.names);
  const auto wanted = [&options](const std::string& name) {
    return options.names.empty() ||
           std::find(options.names.begin(), options.names.end(), name) != options.names.end();
  };
  SlicedWassersteinOptions swd;
  swd.patches = options.patches;
  swd.seed = options.seed;
  if (wanted("swd")) {
    measures_.emplace_back(
        "swd", sliced_wasserstein_of(real, "swd", "Sliced Wasserstein distance, frames", swd));
  }
  swd.patch_frames = kVideoPatchFrames;
  if (wanted("swd_video") && real.real.size(1) > 1) {
    measures_.emplace_back(
        "swd_video",
        sliced_wasserstein_of(real, "swd_video", "Sliced Wasserstein distance, motion", swd));
  }
  for (const auto& metric : kCoherence) {
    if (wanted(metric.name) && real.real.size(1) >= metric.min_frames) {
      measures_.emplace_back(metric.name, per_clip(real, metric.name, metric.title, metric.measure,
                                                   normalised_distance));
    }
  }
  if (wanted("diversity")) measures_.emplace_back("diversity", diversity_of(real));
  if (wanted("nearest") && real.training.defined() && real.training.size(0) > 0) {
    const auto measure = [training = real.training](const torch::Tensor& clips) {
      return nearest_distances(clips, training);
    };
    measures_.emplace_back(
        "nearest",
        per_clip(real, "nearest", "Distance to the nearest training clip, generated / real",
                 measure, ratio_of_means));
  }
}

std::vector<Score> Scorer::score(const torch::Tensor& generated) const {
  std::vector<Score> scores;
  for (const auto& named : measures_) named.second(generated, scores);
  return scores;
}

bool Scorer::computes(const std::string& name) const {
  return std::any_of(measures_.begin(), measures_.end(),
                     [&name](const auto& named) { return named.first == name; });
}

std::vector<Score> score_clips(const ClipSets& clips, const ScoreOptions& options) {
  return Scorer(clips, options).score(clips.generated);
}

std::vector<Score> score_features(const ClipSets& clips, const Extractor& extractor,
                                  uint64_t seed) {
  const auto generated = extractor(clips.generated), real = extractor(clips.real);
  const auto other = extractor(clips.other_real);
  KernelDistanceOptions kernel;
  kernel.seed = seed;
  std::vector<Score> scores{
      {"frechet", "Fréchet distance", frechet_distance(generated, real),
       frechet_distance(other, real)},
      {"kid", "Kernel distance", kernel_distance_of_subsets(generated, real, kernel),
       kernel_distance_of_subsets(other, real, kernel)}};
  const auto ours = precision_recall(generated, real), floor = precision_recall(other, real);
  scores.push_back({"precision", "Precision", ours.precision, floor.precision, /*ideal=*/1});
  scores.push_back({"recall", "Recall", ours.recall, floor.recall, /*ideal=*/1});
  return scores;
}

}  // namespace vidgen::metrics
