#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vidgen/data/cache.h"

namespace vidgen::data {

/// What tells the videos of a run from those of another time: the content of each, its class and
/// its place inside its source, wherever the sources are and whatever the videos are called.
class VideoSet {
 public:
  VideoSet() = default;
  explicit VideoSet(const std::vector<CachedVideo>& videos);
  /// What text() gave; nothing where it is something else.
  static std::optional<VideoSet> parse(const std::string& text);

  /// For a checkpoint: 20 characters a video, and of more than 4096 videos their number and a
  /// checksum only.
  std::string text() const;

  /// "3 files more (a.mp4, b.mp4, c.mp4), 1 gone, 2 changed (d.mp4, e.mp4)", counted from `before`;
  /// "" where they are the same. A file that has the name of one before, and another content, is a
  /// changed one.
  std::string changes_since(const VideoSet& before) const;

 private:
  struct Video {
    uint64_t content = 0;
    /// A hash of its place inside its source.
    uint64_t place = 0;
    std::string name{};
  };

  /// Sorted. None where a text has only the number and the digest.
  std::vector<Video> videos_;
  size_t count_ = 0;
  uint64_t digest_ = 0;
};

}  // namespace vidgen::data
