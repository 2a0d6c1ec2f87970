#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "vidgen/video/writer.h"

namespace vidgen::test {

/// A real video of Debian's opencv-doc; $VIDGEN_TEST_VIDEOS names another folder that holds them.
inline std::filesystem::path sample_video(const std::string& name) {
  const char* folder = std::getenv("VIDGEN_TEST_VIDEOS");
  return std::filesystem::path(folder ? folder : "/usr/share/doc/opencv-doc/examples/data") / name;
}

/// Runs the ffmpeg tool, for files that open_video() does not make; throws when it fails.
inline void ffmpeg(const std::string& arguments) {
  const std::string command = "ffmpeg -nostdin -v error -y " + arguments;
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command + ": failed");
}

/// Smooth colours that differ from frame to frame: red grows to the right, green downwards, blue
/// with time.
inline video::Clip gradient_clip(int64_t frames, int64_t height, int64_t width) {
  video::Clip clip{frames, height, width, {}};
  for (int64_t t = 0; t < frames; ++t) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        clip.pixels.push_back(static_cast<uint8_t>(x * 255 / std::max<int64_t>(width - 1, 1)));
        clip.pixels.push_back(static_cast<uint8_t>(y * 255 / std::max<int64_t>(height - 1, 1)));
        clip.pixels.push_back(static_cast<uint8_t>(t * 255 / std::max<int64_t>(frames - 1, 1)));
      }
    }
  }
  return clip;
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// The first part of a file, as a broken download leaves it.
inline void truncate_copy(const std::filesystem::path& from, const std::filesystem::path& to,
                          double fraction) {
  const std::string bytes = read_bytes(from);
  write_bytes(to,
              bytes.substr(0, static_cast<size_t>(fraction * static_cast<double>(bytes.size()))));
}

}  // namespace vidgen::test
