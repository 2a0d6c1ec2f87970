#include "vidgen/data/evaluation.h"

#include <algorithm>
#include <set>

#include "vidgen/core/error.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/random.h"
#include "vidgen/core/resources.h"

namespace vidgen::data {
namespace {

/// The smallest set of which two clips can be compared.
constexpr int64_t kFewestClips = 2;

std::vector<ClipPlace> part(const std::vector<ClipPlace>& places, int64_t first, int64_t count) {
  const auto end = static_cast<int64_t>(places.size());
  const auto begin = places.begin();
  return {begin + std::min(first, end), begin + std::min(first + count, end)};
}

/// Those of a set whose classes are asked for, in their random order.
std::vector<ClipPlace> chosen_places(const ClipDataset& dataset, uint64_t seed,
                                     const std::vector<std::string>& classes) {
  auto places = dataset.separate_clips(seed);
  if (classes.empty() || !dataset.has_classes()) return places;
  const std::set<std::string> wanted(classes.begin(), classes.end());
  const auto& names = dataset.class_names();
  const auto unwanted = [&](const ClipPlace& place) {
    return wanted.count(names.at(static_cast<size_t>(dataset.label_at(place)))) == 0;
  };
  places.erase(std::remove_if(places.begin(), places.end(), unwanted), places.end());
  return places;
}

/// None without classes.
std::vector<std::string> classes_of(const ClipDataset& dataset,
                                    const std::vector<ClipPlace>& places) {
  std::vector<std::string> names;
  if (!dataset.has_classes()) return names;
  for (const auto& place : places) {
    names.push_back(dataset.class_names().at(static_cast<size_t>(dataset.label_at(place))));
  }
  return names;
}

using PlacesByClass = std::vector<std::vector<ClipPlace>>;

/// By label, each class in the order of `places`.
PlacesByClass by_class(const ClipDataset& dataset, const std::vector<ClipPlace>& places) {
  PlacesByClass classes(dataset.class_names().size());
  for (const auto& place : places) {
    classes.at(static_cast<size_t>(dataset.label_at(place))).push_back(place);
  }
  return classes;
}

/// The first of each class, the second of each, and so on.
std::vector<ClipPlace> in_turn(const PlacesByClass& classes) {
  std::vector<ClipPlace> places;
  size_t longest = 0;
  for (const auto& one : classes) longest = std::max(longest, one.size());
  for (size_t i = 0; i < longest; ++i) {
    for (const auto& one : classes) {
      if (i < one.size()) places.push_back(one[i]);
    }
  }
  return places;
}

struct PlaceSets {
  std::vector<ClipPlace> real;
  std::vector<ClipPlace> other_real;
  std::vector<ClipPlace> rest;
};

PlaceSets divide(const std::vector<ClipPlace>& places, int64_t count) {
  return {part(places, 0, count), part(places, count, count),
          part(places, 2 * count, static_cast<int64_t>(places.size()))};
}

/// Both sets take one clip of each class in turn. Where only one of a class is left, one of the
/// sets takes it.
PlaceSets divide_by_class(const PlacesByClass& classes, int64_t count) {
  PlacesByClass firsts, seconds, singles;
  for (const auto& places : classes) {
    auto& first = firsts.emplace_back();
    auto& second = seconds.emplace_back();
    for (size_t i = 0; i + 1 < places.size(); i += 2) {
      first.push_back(places[i]);
      second.push_back(places[i + 1]);
    }
    if (places.size() % 2 == 1) singles.push_back({places.back()});
  }
  PlaceSets sets{in_turn(firsts), in_turn(seconds), {}};
  for (const auto& place : in_turn(singles)) {
    (sets.real.size() > sets.other_real.size() ? sets.other_real : sets.real).push_back(place);
  }
  for (auto* set : {&sets.real, &sets.other_real}) {
    const auto beyond = part(*set, count, static_cast<int64_t>(set->size()));
    sets.rest.insert(sets.rest.end(), beyond.begin(), beyond.end());
    *set = part(*set, 0, count);
  }
  return sets;
}

/// Two sets of real clips, as many generated ones, and what measuring takes of one again.
void check_memory_for(const ClipDataset& dataset, int64_t count) {
  constexpr double kSets = 4;
  const double bytes = kSets * static_cast<double>(count) *
                       static_cast<double>(dataset.frames() * dataset.size() * dataset.size() * 3);
  const auto left = core::free_memory();
  if (bytes <= static_cast<double>(left.bytes)) return;
  throw Error(core::cat("out of memory: sets of ", count, " clips take about ",
                        core::format_bytes(static_cast<uint64_t>(bytes)), ", ",
                        core::format_bytes(left.bytes), " are free ", left.limit,
                        "; lower their number (--clips, train.evaluate.clips)"));
}

}  // namespace

torch::Tensor read_clips(const ClipDataset& dataset, const std::vector<ClipPlace>& places) {
  auto clips = torch::empty({static_cast<int64_t>(places.size()), dataset.frames(), dataset.size(),
                             dataset.size(), dataset.channels()},
                            torch::kU8);
  constexpr int64_t kWidth = 2;  // of [T,H,W,C]
  for (size_t i = 0; i < places.size(); ++i) {
    auto clip = clips[static_cast<int64_t>(i)];
    if (dataset.clip_at(places[i], clip.data_ptr<uint8_t>())) clip.copy_(clip.flip(kWidth));
  }
  return dataset.channels() == 3 ? clips : clips.expand({-1, -1, -1, -1, 3}).contiguous();
}

torch::Tensor draw_clips(const ClipDataset& dataset, int64_t count, uint64_t seed) {
  const auto places = dataset.separate_clips(core::derive_seed(seed, "shown"));
  if (!dataset.has_classes()) return read_clips(dataset, part(places, 0, count));
  return read_clips(dataset, part(in_turn(by_class(dataset, places)), 0, count));
}

EvaluationClips draw_evaluation_clips(const ClipDataset& real, const ClipDataset* training,
                                      const EvaluationOptions& options) {
  const uint64_t seed = core::derive_seed(options.seed, "real");
  const auto places = chosen_places(real, seed, options.classes);
  EvaluationClips clips;
  clips.available = static_cast<int64_t>(places.size());
  const int64_t parts = !training && options.training_count > 0 ? 3 : 2;
  const int64_t count = std::min(options.count, clips.available / parts);
  if (count < kFewestClips) {
    throw Error(core::cat("too few real clips: ", clips.available, " of ", real.frames(),
                          " frames that share none, expected at least ", parts * kFewestClips));
  }
  check_memory_for(real, count);
  const auto sets =
      real.has_classes() ? divide_by_class(by_class(real, places), count) : divide(places, count);
  clips.real = read_clips(real, sets.real);
  clips.other_real = read_clips(real, sets.other_real);
  clips.classes = classes_of(real, sets.real);
  clips.other_classes = classes_of(real, sets.other_real);
  clips.training =
      training
          ? read_clips(*training, part(training->separate_clips(seed), 0, options.training_count))
          : read_clips(real, part(sets.rest, 0, options.training_count));
  return clips;
}

EvaluationClips draw_evaluation_clips(const DataOptions& data, const ClipCache& cache,
                                      const EvaluationOptions& options) {
  const ClipDataset training(data, cache, Split::kTrain);
  const auto held_out = validation_mask(cache.videos, data.validation_split);
  if (std::find(held_out.begin(), held_out.end(), true) == held_out.end()) {
    return draw_evaluation_clips(training, nullptr, options);
  }
  auto clips =
      draw_evaluation_clips(ClipDataset(data, cache, Split::kValidation), &training, options);
  clips.held_out = true;
  return clips;
}

}  // namespace vidgen::data
