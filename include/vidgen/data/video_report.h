#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vidgen/data/options.h"

namespace vidgen::data {

/// Frames of a video that belong together: clips lie within one shot.
struct Shot {
  int64_t begin = 0;
  /// Behind the last.
  int64_t end = 0;
};

/// What decoding a whole video showed.
struct VideoReport {
  std::filesystem::path path{};
  /// Pixels of the source, as shown.
  int64_t width = 0;
  int64_t height = 0;
  /// Frames per second, by the times at which the frames are shown.
  double fps = 0;
  /// From the first frame to the end of the last.
  double seconds = 0;
  /// 0 when the file does not say.
  int64_t frames_promised = 0;
  int64_t frames_read = 0;
  /// After resampling to DataOptions::fps.
  int64_t frames = 0;
  /// Different clips, that is positions where one can start.
  int64_t clips = 0;
  /// Why the video is not used; "" when it is.
  std::string problem{};
  /// What of it is damaged and left out; "" when nothing is.
  std::string damage{};
  /// What else the user may want to know.
  std::vector<std::string> notes{};
  /// Of the content of its file (fingerprint_of()); 0 where it is not in the clip cache.
  uint64_t fingerprint = 0;
  /// Frames (of `frames`) with which another shot begins, by how the picture changes, and those
  /// before which frames are missing. Both grow.
  std::vector<int64_t> cuts{};
  std::vector<int64_t> breaks{};
};

/// The video's frames without a cut or a missing frame within, as the options say.
std::vector<Shot> shots_of(const VideoReport& report, const DataOptions& options);

/// How many clips can start in a shot.
int64_t clips_in(const Shot& shot, const DataOptions& options);

/// Decodes the whole file. What is wrong with it is in `problem` (cannot be opened, too small, too
/// short, with OnError::kStop damaged) or `damage`.
VideoReport inspect_video(const std::filesystem::path& path, const DataOptions& options);

}  // namespace vidgen::data
