#include "vidgen/data/manifest.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "vidgen/core/json.h"
#include "vidgen/core/text.h"
#include "vidgen/video/probe.h"

namespace vidgen::data {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> videos_in_folder(const fs::path& folder) {
  std::vector<fs::path> files;
  try {
    fs::recursive_directory_iterator entry(folder), end;
    for (; entry != end; ++entry) {
      const bool hidden = entry->path().filename().string().front() == '.';
      if (hidden && entry->is_directory()) entry.disable_recursion_pending();
      if (hidden || !entry->is_regular_file()) continue;
      if (video::has_video_extension(entry->path())) files.push_back(entry->path());
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(core::cat(folder.string(), ": cannot list the folder: ", error.code().message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The folder directly below `source` that the file is in.
std::string class_of(const fs::path& file, const fs::path& source) {
  const fs::path inside = file.lexically_relative(source);
  if (std::distance(inside.begin(), inside.end()) < 2) {
    throw Error(file.string() +
                ": has no class, expected it in a folder of the source that is named after its "
                "class (data.classes)");
  }
  const std::string name = inside.begin()->string();
  try {
    core::Json(name).dump();
  } catch (const core::Json::exception&) {
    throw Error((source / *inside.begin()).string() + ": its name, that of a class, is not UTF-8");
  }
  return name;
}

void set_labels(std::vector<ManifestEntry>& entries) {
  const std::vector<std::string> names = class_names(entries);
  if (names.size() < 2) {
    throw Error(core::cat("data.classes: found one class, \"", names.front(),
                          "\", expected a folder of videos for each of at least two"));
  }
  for (ManifestEntry& entry : entries) {
    entry.label = std::lower_bound(names.begin(), names.end(), entry.class_name) - names.begin();
  }
}

}  // namespace

std::vector<ManifestEntry> list_videos(const DataOptions& options) {
  std::vector<ManifestEntry> entries;
  for (size_t i = 0; i < options.sources.size(); ++i) {
    const SourceOptions& source = options.sources[i];
    const auto add = [&](const fs::path& path) {
      entries.push_back({fs::absolute(path).lexically_normal(), path.lexically_normal().string(), i,
                         source.weight});
      if (options.classes) entries.back().class_name = class_of(path, source.path);
    };
    std::error_code error;
    const fs::file_status status = fs::status(source.path, error);
    if (status.type() == fs::file_type::not_found) {
      throw Error(source.path + ": no such file or folder (a source of videos)");
    }
    if (error) throw Error(source.path + ": " + error.message());
    if (status.type() != fs::file_type::directory) {
      add(source.path);
      continue;
    }
    const std::vector<fs::path> files = videos_in_folder(source.path);
    if (files.empty()) throw Error(source.path + ": no video found in this folder");
    for (const fs::path& file : files) add(file);
  }
  if (entries.empty()) throw Error("no video found: there are no sources");
  if (options.classes) set_labels(entries);
  return entries;
}

std::vector<std::string> class_names(const std::vector<ManifestEntry>& entries) {
  std::set<std::string> names;
  for (const ManifestEntry& entry : entries) {
    if (!entry.class_name.empty()) names.insert(entry.class_name);
  }
  return {names.begin(), names.end()};
}

std::string format_classes(const std::map<std::string, int64_t>& clips) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : clips) parts.push_back(core::cat(name, " (", count, ")"));
  return core::cat(parts.size(), " classes with their clips: ", core::join(parts));
}

}  // namespace vidgen::data
