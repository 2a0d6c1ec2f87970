#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vidgen/core/random.h"
#include "vidgen/data/cache.h"
#include "vidgen/data/options.h"

namespace vidgen::data {

enum class Split { kTrain, kValidation };

/// Which of the videos are held out. It depends on a video's content alone, so neither adding
/// others nor where it lies nor what it is called changes anything, and copies are on the same
/// side; except that where there are two contents or more and `validation_split` > 0 at least one
/// is held out and at least one is not.
std::vector<bool> validation_mask(const std::vector<CachedVideo>& videos, double validation_split);

/// Where a clip of a data set begins.
struct ClipPlace {
  /// Of the data set's own lists.
  size_t source = 0;
  size_t video = 0;
  int64_t start = 0;
  /// What crop and mirroring are drawn from.
  uint64_t seed = 0;
};

/// Clips at random from the videos of one split. May be used from several threads.
class ClipDataset {
 public:
  /// Throws vidgen::Error when the split has no clip, or none of a class to train on.
  ClipDataset(const DataOptions& options, const ClipCache& cache, Split split);

  int64_t frames() const { return options_.frames; }
  int64_t size() const { return options_.size; }
  int64_t channels() const { return options_.channels(); }
  int64_t clip_bytes() const { return frames() * size() * size() * channels(); }
  /// Different clips, not counting crops and mirror images.
  int64_t clip_count() const;
  /// The same of each class; nothing without DataOptions::classes.
  std::map<std::string, int64_t> class_counts() const;

  /// Writes uint8 [frames, size, size, channels] and returns whether the clip is to be mirrored
  /// left to right, which whoever uses it does (models::to_float, on the device). A pure function
  /// of (seed, index): the source is drawn by weight, then the first frame uniformly from all that
  /// its videos offer, then crop and mirroring.
  bool clip(uint64_t seed, int64_t index, uint8_t* out) const;
  /// The label of that clip's class.
  int64_t label(uint64_t seed, int64_t index) const;
  /// Whether clips have classes.
  bool has_classes() const { return !class_names_.empty(); }
  /// By label; none without classes.
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// Whether any clip is to be mirrored.
  bool mirrors() const { return options_.horizontal_flip; }

  /// All clips that lie one after another in the videos, so that no two share a frame, in a random
  /// order, a pure function of the seed: the first n are drawn by the sources' weights without
  /// repetition.
  std::vector<ClipPlace> separate_clips(uint64_t seed) const;
  /// As clip(), of a place that separate_clips() gave.
  bool clip_at(const ClipPlace& place, uint8_t* out) const;
  /// The label of that clip's class.
  int64_t label_at(const ClipPlace& place) const;

 private:
  /// One shot of a video: frames from `begin` on, in which so many clips can start.
  struct Video {
    std::shared_ptr<const CacheFile> pixels;
    uint64_t fingerprint;
    int64_t begin;
    int64_t clips;
    int64_t label;
  };
  struct Pick {
    const Video* video;
    int64_t start;
  };
  struct Source {
    double weight;
    int64_t clips = 0;
    std::vector<Video> videos;
  };
  const Source& pick_source(double uniform) const;
  Pick pick(core::CounterRandom& random) const;
  /// A square of the options' size, at random; returns whether it is to be mirrored.
  bool copy_square(const CacheFile& pixels, int64_t start, core::CounterRandom& random,
                   uint8_t* out) const;

  DataOptions options_;
  std::vector<Source> sources_;
  std::vector<std::string> class_names_;
};

}  // namespace vidgen::data
