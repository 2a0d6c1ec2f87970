#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "vidgen/data/cache.h"
#include "vidgen/data/options.h"

namespace vidgen::data {

enum class Split { kTrain, kHoldout };

/// Which of the videos are held out. It depends on a video's name alone, so adding others changes
/// nothing, except that where there are two or more and `holdout` > 0 at least one is held out and
/// at least one is not.
std::vector<bool> holdout_mask(const std::vector<CachedVideo>& videos, double holdout);

/// Clips at random from the videos of one split. May be used from several threads.
class ClipDataset {
 public:
  /// Throws vidgen::Error when the split has no clip.
  ClipDataset(const DataOptions& options, const ClipCache& cache, Split split);

  int64_t frames() const { return options_.frames; }
  int64_t size() const { return options_.size; }
  int64_t channels() const { return options_.channels(); }
  int64_t clip_bytes() const { return frames() * size() * size() * channels(); }
  /// Different clips, not counting crops and mirror images.
  int64_t clip_count() const;

  /// Writes uint8 [frames, size, size, channels], a pure function of (seed, index): the source is
  /// drawn by weight, then the first frame uniformly from all that its videos offer, then crop and
  /// mirroring.
  void clip(uint64_t seed, int64_t index, uint8_t* out) const;

 private:
  struct Video {
    std::shared_ptr<const CacheFile> pixels;
    int64_t clips;
  };
  struct Source {
    double weight;
    int64_t clips = 0;
    std::vector<Video> videos;
  };
  const Source& pick_source(double uniform) const;
  void copy(const CacheFile& pixels, int64_t start, int64_t top, int64_t left, bool flip,
            uint8_t* out) const;

  DataOptions options_;
  std::vector<Source> sources_;
};

}  // namespace vidgen::data
