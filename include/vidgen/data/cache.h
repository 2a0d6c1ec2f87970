#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vidgen/data/cache_file.h"
#include "vidgen/data/manifest.h"
#include "vidgen/data/options.h"
#include "vidgen/data/video_report.h"

namespace vidgen::data {

/// A source video that clips can be taken from.
struct CachedVideo {
  ManifestEntry entry;
  VideoReport report;
  std::shared_ptr<const CacheFile> pixels;
};

/// All usable videos of the sources, decoded, scaled and checked when read; in the order of
/// list_videos().
///
/// Each video has one cache file, decoded once and streamed to the disk, so memory does not depend
/// on its length. It is used as long as the source's path, size and time of change and the settings
/// that change pixels stay the same, and made again otherwise. What of a video is damaged is
/// remembered too, but not that it could not be read.
struct ClipCache {
  std::vector<CachedVideo> videos;
  /// By label, of all videos of the sources, usable or not; none without DataOptions::classes.
  std::vector<std::string> class_names{};
  /// Tells these videos from others by their places inside the sources and their sizes, wherever
  /// the sources are.
  std::string identity{};
};

/// Opens the cache, first making what is missing, several files at a time, with a progress line on
/// stderr. Unusable videos are logged by name and skipped with OnError::kSkip, and so is what of
/// others is damaged. Throws vidgen::Error naming file and reason for the first of them with
/// OnError::kStop, when none is usable, and when the cache cannot be written (disk full).
ClipCache prepare_clips(const DataOptions& options);

}  // namespace vidgen::data
