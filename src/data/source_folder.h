#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vidgen::data {

/// What a source's folder holds, with all folders inside it and those that links lead to.
struct FolderContent {
  /// Inside the folder, sorted; numbered pictures as "shots/shot_#.png".
  std::vector<std::filesystem::path> videos;
  /// How many files are no videos, by their extension in lower case.
  std::map<std::string, int64_t> not_taken;
  /// What cannot be read and is passed over, each by name: links to nothing, pipes, folders without
  /// permission, ...
  std::vector<std::string> problems;
  /// Folders that a link leads to once more, which is not followed.
  std::vector<std::string> repeated;
};

/// Throws vidgen::Error when the folder itself cannot be listed. With `classes` a folder is listed
/// once for each class, whose folder may be a link, else once.
FolderContent list_folder(const std::filesystem::path& folder, bool classes);

}  // namespace vidgen::data
