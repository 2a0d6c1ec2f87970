#include "vidgen/metrics/class_scores.h"

#include <algorithm>
#include <map>

#include "vidgen/metrics/diversity.h"

namespace vidgen::metrics {
namespace {

/// All classes together take as many patches as one set, but each enough to tell.
constexpr int64_t kFewestPatches = 1024;

using PlacesOfClass = std::map<std::string, std::vector<int64_t>>;

PlacesOfClass places_of(const std::vector<std::string>& classes) {
  PlacesOfClass places;
  for (size_t i = 0; i < classes.size(); ++i) {
    places[classes[i]].push_back(static_cast<int64_t>(i));
  }
  return places;
}

torch::Tensor clips_at(const torch::Tensor& clips, const std::vector<int64_t>& places) {
  return clips.index_select(0, torch::tensor(places, torch::kLong));
}

ScoreOptions options_of_a_class(ScoreOptions options, size_t classes, int64_t clips) {
  options.patches = std::max(kFewestPatches,
                             options.patches / static_cast<int64_t>(std::max<size_t>(1, classes)));
  auto& names = options.names;
  if (names.empty()) names = score_names();
  const auto unwanted = [clips](const std::string& name) {
    return name == "nearest" || name == "diversity" || clips < kFewestForDistances;
  };
  names.erase(std::remove_if(names.begin(), names.end(), unwanted), names.end());
  names.emplace_back("diversity");
  return options;
}

}  // namespace

const Score& ClassScores::diversity() const {
  return *std::find_if(scores.begin(), scores.end(),
                       [](const Score& score) { return score.name == "diversity"; });
}

ClassScorer::ClassScorer(const ClipSets& real, const std::vector<std::string>& classes,
                         const std::vector<std::string>& other_classes,
                         const ScoreOptions& options) {
  TORCH_CHECK(real.real.size(0) == static_cast<int64_t>(classes.size()) &&
                  real.other_real.size(0) == static_cast<int64_t>(other_classes.size()),
              "expected the class of each real clip");
  const auto places = places_of(classes), others = places_of(other_classes);
  classes_ = places.size();
  for (const auto& [name, own] : places) {
    const auto other = others.find(name);
    if (other == others.end()) continue;
    const auto fewest = static_cast<int64_t>(std::min(own.size(), other->second.size()));
    if (fewest < kFewestForDiversity) continue;
    const ClipSets sets{{}, clips_at(real.real, own), clips_at(real.other_real, other->second), {}};
    if (mean_pairwise_distance(sets.real) == 0) continue;
    parts_.push_back({name, torch::tensor(own, torch::kLong),
                      Scorer(sets, options_of_a_class(options, classes_, fewest))});
  }
}

std::vector<ClassScores> ClassScorer::score(const torch::Tensor& generated) const {
  std::vector<ClassScores> result;
  for (const auto& part : parts_) {
    result.push_back({part.name, part.places.size(0),
                      part.scorer.score(generated.index_select(0, part.places))});
  }
  return result;
}

const ClassScores* least_diverse(const std::vector<ClassScores>& classes) {
  const auto least = std::min_element(classes.begin(), classes.end(),
                                      [](const ClassScores& a, const ClassScores& b) {
                                        return a.diversity().value < b.diversity().value;
                                      });
  return least == classes.end() ? nullptr : &*least;
}

}  // namespace vidgen::metrics
