#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "vidgen/data/options.h"

namespace vidgen::data {

/// One video file of a source.
struct ManifestEntry {
  /// Absolute.
  std::filesystem::path path;
  /// As the source is written in the configuration, followed by where the file is inside it: the
  /// same on every machine.
  std::string name;
  /// Position in DataOptions::sources.
  size_t source = 0;
  double weight = 1;
  /// With DataOptions::classes the folder that stands for its class, and the place of that name
  /// among those of all entries, sorted.
  std::string class_name{};
  int64_t label = 0;
};

/// The files of all sources, those of a folder sorted by path. A folder gives the files with a
/// video's extension that are not hidden; a file that is named itself is always taken. Throws
/// vidgen::Error naming a source that does not exist or holds no video, and with
/// DataOptions::classes a video in no folder of a class, and the class when there is one only.
std::vector<ManifestEntry> list_videos(const DataOptions& options);

/// The names of the classes by label; none without DataOptions::classes.
std::vector<std::string> class_names(const std::vector<ManifestEntry>& entries);

/// "2 classes with their clips: cats (12), dogs (30)".
std::string format_classes(const std::map<std::string, int64_t>& clips);

}  // namespace vidgen::data
