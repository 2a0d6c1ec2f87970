#include "vidgen/metrics/scores.h"

#include <algorithm>

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

/// One row a level, after their mean.
void add_sliced_wasserstein(const ClipSets& clips, const std::string& name,
                            const std::string& title, const SlicedWassersteinOptions& options,
                            std::vector<Score>& scores) {
  const auto levels = sliced_wasserstein(clips.generated, clips.real, options);
  const auto floors = sliced_wasserstein(clips.other_real, clips.real, options);
  const auto mean = [](const std::vector<LevelDistance>& all) {
    double sum = 0;
    for (const auto& level : all) sum += level.distance;
    return sum / static_cast<double>(all.size());
  };
  const auto add = [&](const std::string& suffix, const std::string& what, double value,
                       double floor) {
    Score score;
    score.name = name + suffix;
    score.title = title + what;
    score.value = value;
    score.floor = floor;
    scores.push_back(std::move(score));
  };
  add("", "", mean(levels), mean(floors));
  for (size_t i = 0; i < levels.size() && levels.size() > 1; ++i) {
    add(cat(".", levels[i].size), cat(", at ", levels[i].size, " pixels"), levels[i].distance,
        floors[i].distance);
  }
}

/// The distance between distributions, in standard deviations of `real`.
double normalised_distance(const torch::Tensor& values, const torch::Tensor& real) {
  const double distance = wasserstein_1d(values, real);
  return distance == 0 ? 0 : distance / real.std(0, false).item<double>();
}

using PerClip = torch::Tensor (*)(const torch::Tensor&);

struct CoherenceMetric {
  const char* name;
  const char* title;
  int64_t min_frames;
  PerClip measure;
};

constexpr CoherenceMetric kCoherence[] = {
    {"psnr", "PSNR of consecutive frames (dB)", 2,
     [](const torch::Tensor& clips) { return frame_psnr(clips).mean(1); }},
    {"ssim", "SSIM of consecutive frames", 2,
     [](const torch::Tensor& clips) { return frame_ssim(clips).mean(1); }},
    {"motion", "Motion energy (grey levels)", 2, motion_energy},
    {"flicker", "Flicker", 3, flicker},
};

Score score_coherence(const ClipSets& clips, const CoherenceMetric& metric) {
  Score score;
  score.name = metric.name;
  score.title = metric.title;
  score.generated = metric.measure(clips.generated);
  score.real = metric.measure(clips.real);
  score.value = normalised_distance(score.generated, score.real);
  score.floor = normalised_distance(metric.measure(clips.other_real), score.real);
  score.generated_mean = mean_of(score.generated);
  score.real_mean = mean_of(score.real);
  return score;
}

Score score_diversity(const ClipSets& clips) {
  Score score;
  score.name = "diversity";
  score.title = "Distance between clips, generated / real";
  score.ideal = 1;
  score.generated_mean = mean_pairwise_distance(clips.generated);
  score.real_mean = mean_pairwise_distance(clips.real);
  score.value = score.generated_mean / score.real_mean;
  score.floor = mean_pairwise_distance(clips.other_real) / score.real_mean;
  return score;
}

Score score_nearest(const ClipSets& clips) {
  Score score;
  score.name = "nearest";
  score.title = "Distance to the nearest training clip, generated / real";
  score.ideal = 1;
  score.generated = nearest_distances(clips.generated, clips.training);
  score.real = nearest_distances(clips.real, clips.training);
  score.generated_mean = mean_of(score.generated);
  score.real_mean = mean_of(score.real);
  score.value = score.generated_mean / score.real_mean;
  score.floor = mean_of(nearest_distances(clips.other_real, clips.training)) / score.real_mean;
  return score;
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

std::vector<Score> score_clips(const ClipSets& clips, const ScoreOptions& options) {
  check_names(options.names);
  const auto wanted = [&options](const std::string& name) {
    return options.names.empty() ||
           std::find(options.names.begin(), options.names.end(), name) != options.names.end();
  };
  std::vector<Score> scores;
  SlicedWassersteinOptions swd;
  swd.patches = options.patches;
  swd.seed = options.seed;
  if (wanted("swd")) {
    add_sliced_wasserstein(clips, "swd", "Sliced Wasserstein distance, frames", swd, scores);
  }
  swd.patch_frames = kVideoPatchFrames;
  if (wanted("swd_video") && clips.real.size(1) > 1) {
    add_sliced_wasserstein(clips, "swd_video", "Sliced Wasserstein distance, motion", swd, scores);
  }
  for (const auto& metric : kCoherence) {
    if (wanted(metric.name) && clips.real.size(1) >= metric.min_frames) {
      scores.push_back(score_coherence(clips, metric));
    }
  }
  if (wanted("diversity")) scores.push_back(score_diversity(clips));
  if (wanted("nearest") && clips.training.defined() && clips.training.size(0) > 0) {
    scores.push_back(score_nearest(clips));
  }
  return scores;
}

std::vector<Score> score_features(const ClipSets& clips, const Extractor& extractor,
                                  uint64_t seed) {
  const auto generated = extractor(clips.generated), real = extractor(clips.real);
  const auto other = extractor(clips.other_real);
  KernelDistanceOptions kernel;
  kernel.seed = seed;
  std::vector<Score> scores;
  const auto add = [&](const std::string& name, const std::string& title, double value,
                       double floor, double ideal) {
    Score score;
    score.name = name;
    score.title = title;
    score.value = value;
    score.floor = floor;
    score.ideal = ideal;
    scores.push_back(std::move(score));
  };
  add("frechet", "Fréchet distance", frechet_distance(generated, real),
      frechet_distance(other, real), 0);
  add("kid", "Kernel distance", kernel_distance_of_subsets(generated, real, kernel),
      kernel_distance_of_subsets(other, real, kernel), 0);
  const auto ours = precision_recall(generated, real), floor = precision_recall(other, real);
  add("precision", "Precision", ours.precision, floor.precision, 1);
  add("recall", "Recall", ours.recall, floor.recall, 1);
  return scores;
}

}  // namespace vidgen::metrics
