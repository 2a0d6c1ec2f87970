#include "vidgen/video/probe.h"

#include <algorithm>
#include <string>
#include <vector>

#include "vidgen/core/files.h"

namespace vidgen::video {

bool has_video_extension(const std::filesystem::path& path) {
  static const std::vector<std::string> kExtensions = {
      ".mp4", ".m4v", ".mov", ".avi",  ".mkv", ".webm", ".mpg", ".mpeg",
      ".ts",  ".mts", ".wmv", ".m2ts", ".flv", ".ogv",  ".3gp", ".gif"};
  return std::find(kExtensions.begin(), kExtensions.end(), core::lower_extension(path)) !=
         kExtensions.end();
}

}  // namespace vidgen::video
