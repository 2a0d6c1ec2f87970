#pragma once

#include <filesystem>

namespace vidgen::video {

/// Whether the name ends like a video's (.mp4, .avi, .mkv, ...), in whatever case.
bool has_video_extension(const std::filesystem::path& path);

}  // namespace vidgen::video
