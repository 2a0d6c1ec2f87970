#include "vidgen/data/manifest.h"

#include <algorithm>

#include "decode.h"
#include "vidgen/video/reader.h"

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

}  // namespace

std::vector<ManifestEntry> list_videos(const DataOptions& options) {
  std::vector<ManifestEntry> entries;
  for (size_t i = 0; i < options.sources.size(); ++i) {
    const SourceOptions& source = options.sources[i];
    const auto add = [&](const fs::path& path) {
      entries.push_back({fs::absolute(path).lexically_normal(), path.lexically_normal().string(), i,
                         source.weight});
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
  return entries;
}

VideoReport inspect_video(const fs::path& path, const DataOptions& options) {
  VideoReport report = decode_video(path, options, /*threads=*/0, nullptr);
  judge(report, options);
  return report;
}

}  // namespace vidgen::data
