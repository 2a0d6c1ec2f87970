#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "vidgen/data/options.h"

namespace vidgen::data {

/// One video of a source.
struct ManifestEntry {
  /// Absolute, the source's links resolved. Of numbered pictures FOLDER/shot_#.png.
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
  /// Where it is inside its source, the same however the source's own path is spelled; of a source
  /// that is a file, its name.
  std::string inside{};
};

struct VideoList {
  std::vector<ManifestEntry> videos;
  /// How many files of the sources' folders are no videos, by extension in lower case.
  std::map<std::string, int64_t> not_taken{};
  /// A line for each entry of a folder that is passed over as it cannot be read, and for each link
  /// that is not followed as it leads to a folder once more.
  std::vector<std::string> warnings{};
};

/// The videos of all sources, those of a folder sorted by path. A folder, with all folders inside
/// it and those that links lead to, gives whatever is a video by its name (video::kind_of_name())
/// or content and is not hidden, and its numbered pictures (video::find_sequences()); a file that
/// is named itself is always taken. Throws vidgen::Error naming a source that does not exist or
/// holds no video, with OnError::kStop an entry that cannot be read, and with DataOptions::classes
/// a video in no folder of a class, and the class when there is one only.
VideoList find_videos(const DataOptions& options);

/// The same without what was passed over.
std::vector<ManifestEntry> list_videos(const DataOptions& options);

/// "not taken: 12 files (.jpg 10, .txt 2)"; "" when there are none.
std::string format_not_taken(const std::map<std::string, int64_t>& not_taken);

/// The names of the classes by label; none without DataOptions::classes.
std::vector<std::string> class_names(const std::vector<ManifestEntry>& entries);

/// "2 classes with their clips: cats (12), dogs (30)".
std::string format_classes(const std::map<std::string, int64_t>& clips);

}  // namespace vidgen::data
