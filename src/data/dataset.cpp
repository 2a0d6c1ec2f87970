#include "vidgen/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "vidgen/core/error.h"

namespace vidgen::data {
namespace {

/// In [0, 1), the same for a content wherever and whenever it is computed.
double position_of(uint64_t fingerprint) {
  return static_cast<double>(core::derive_seed(fingerprint, "holdout") >> 11) * 0x1p-53;
}

/// What a clip is drawn from.
core::CounterRandom random_of(uint64_t seed, int64_t index) {
  return {core::derive_seed(seed, "data"), static_cast<uint64_t>(index)};
}

}  // namespace

std::vector<bool> validation_mask(const std::vector<CachedVideo>& videos, double validation_split) {
  std::vector<bool> mask(videos.size(), false);
  if (validation_split <= 0 || videos.empty()) return mask;
  std::vector<double> positions;
  for (const CachedVideo& video : videos) {
    positions.push_back(position_of(video.report.fingerprint));
  }
  const auto [first, last] = std::minmax_element(positions.begin(), positions.end());
  if (*first == *last) return mask;
  for (size_t i = 0; i < videos.size(); ++i) {
    const double position = positions[i];
    mask[i] = position == *first || (position < validation_split && position != *last);
  }
  return mask;
}

ClipDataset::ClipDataset(const DataOptions& options, const ClipCache& cache, Split split)
    : options_(options), class_names_(cache.class_names) {
  for (const SourceOptions& source : options.sources) sources_.push_back({source.weight, 0, {}});
  const std::vector<bool> held_out = validation_mask(cache.videos, options.validation_split);
  for (size_t i = 0; i < cache.videos.size(); ++i) {
    const CachedVideo& video = cache.videos[i];
    if (held_out[i] != (split == Split::kValidation)) continue;
    Source& source = sources_.at(video.entry.source);
    for (const Shot& shot : shots_of(video.report, options)) {
      const int64_t clips = clips_in(shot, options);
      if (clips == 0) continue;
      source.videos.push_back(
          {video.pixels, video.report.fingerprint, shot.begin, clips, video.entry.label});
      source.clips += clips;
    }
  }
  sources_.erase(std::remove_if(sources_.begin(), sources_.end(),
                                [](const Source& s) { return s.clips == 0 || s.weight <= 0; }),
                 sources_.end());
  if (sources_.empty()) {
    throw Error(core::cat("data.sources: no clips to ",
                          split == Split::kTrain ? "train on" : "hold out for evaluation", " in ",
                          cache.videos.size(), " usable videos with data.validation_split ",
                          options.validation_split));
  }
  if (split != Split::kTrain) return;
  for (const auto& [name, clips] : class_counts()) {
    if (clips > 0) continue;
    throw Error(core::cat(
        "data.sources: no clips of the class \"", name,
        "\" to train on: its videos cannot be used, or are held out (data.validation_split ",
        options.validation_split, ")"));
  }
}

int64_t ClipDataset::clip_count() const {
  int64_t count = 0;
  for (const Source& source : sources_) count += source.clips;
  return count;
}

std::map<std::string, int64_t> ClipDataset::class_counts() const {
  std::map<std::string, int64_t> counts;
  for (const std::string& name : class_names_) counts[name] = 0;
  if (!has_classes()) return counts;
  for (const Source& source : sources_) {
    for (const Video& video : source.videos) {
      counts[class_names_.at(static_cast<size_t>(video.label))] += video.clips;
    }
  }
  return counts;
}

const ClipDataset::Source& ClipDataset::pick_source(double uniform) const {
  double total = 0;
  for (const Source& source : sources_) total += source.weight;
  double rest = uniform * total;
  for (const Source& source : sources_) {
    rest -= source.weight;
    if (rest < 0) return source;
  }
  return sources_.back();
}

ClipDataset::Pick ClipDataset::pick(core::CounterRandom& random) const {
  const Source& source = pick_source(random.uniform());
  int64_t start = random.below(source.clips);
  auto video = source.videos.begin();
  for (; start >= video->clips; ++video) start -= video->clips;
  return {&*video, video->begin + start};
}

bool ClipDataset::clip(uint64_t seed, int64_t index, uint8_t* out) const {
  auto random = random_of(seed, index);
  const Pick chosen = pick(random);
  return copy_square(*chosen.video->pixels, chosen.start, random, out);
}

int64_t ClipDataset::label(uint64_t seed, int64_t index) const {
  auto random = random_of(seed, index);
  return pick(random).video->label;
}

std::vector<ClipPlace> ClipDataset::separate_clips(uint64_t seed) const {
  // The smallest of exponential variates with these rates comes first: a draw by weight.
  std::vector<std::pair<double, ClipPlace>> order;
  std::set<std::pair<uint64_t, int64_t>> taken;  // two sources can have the same file, or copies
  core::CounterRandom random(core::derive_seed(seed, "separate clips"), 0);
  for (size_t s = 0; s < sources_.size(); ++s) {
    const Source& source = sources_[s];
    for (size_t v = 0; v < source.videos.size(); ++v) {
      const Video& video = source.videos[v];
      if (!taken.insert({video.fingerprint, video.begin}).second) continue;
      for (int64_t start = 0; start < video.clips; start += options_.span()) {
        const double key = -std::log1p(-random.uniform()) * static_cast<double>(source.clips);
        order.push_back({key / source.weight, {s, v, video.begin + start, random.next()}});
      }
    }
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<ClipPlace> places;
  for (const auto& item : order) places.push_back(item.second);
  return places;
}

bool ClipDataset::clip_at(const ClipPlace& place, uint8_t* out) const {
  core::CounterRandom random(place.seed, 0);
  return copy_square(*sources_.at(place.source).videos.at(place.video).pixels, place.start, random,
                     out);
}

int64_t ClipDataset::label_at(const ClipPlace& place) const {
  return sources_.at(place.source).videos.at(place.video).label;
}

bool ClipDataset::copy_square(const CacheFile& pixels, int64_t start, core::CounterRandom& random,
                              uint8_t* out) const {
  // With a crop in the middle the cache holds frames of the final size, so both are 0.
  const int64_t top = random.below(pixels.height() - options_.size + 1);
  const int64_t left = random.below(pixels.width() - options_.size + 1);
  const bool mirrored = options_.horizontal_flip && random.below(2) == 1;
  if (pixels.height() == options_.size && pixels.width() == options_.size) {
    pixels.read(start, options_.frames, options_.frame_stride, out);
    return mirrored;
  }
  // Each thread keeps the memory for the next clip.
  thread_local std::vector<uint8_t> buffer;
  const int64_t row_bytes = options_.size * channels();
  const int64_t frame_bytes = pixels.height() * pixels.width() * channels();
  buffer.resize(static_cast<size_t>(options_.frames * frame_bytes));
  pixels.read(start, options_.frames, options_.frame_stride, buffer.data());
  for (int64_t t = 0; t < options_.frames; ++t) {
    const uint8_t* frame = buffer.data() + t * frame_bytes;
    for (int64_t y = 0; y < options_.size; ++y, out += row_bytes) {
      const int64_t pixel = (top + y) * pixels.width() + left;
      std::memcpy(out, frame + pixel * channels(), static_cast<size_t>(row_bytes));
    }
  }
  return mirrored;
}

}  // namespace vidgen::data
