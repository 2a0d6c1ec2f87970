#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vidgen/video/frame.h"

namespace vidgen::video {

/// Writes frames as an H.264 MP4 file that browsers play. The file appears under its name when
/// finish() returns; without it, or after an error, nothing is left. Odd sizes grow by one pixel
/// (the edge is repeated), as H.264 stores colour at half the resolution. Every failure (disk full,
/// no such folder) throws vidgen::Error naming the file.
class VideoWriter {
 public:
  /// Frames per second below 1 or above 240 become 1 or 240, which a line on stderr says.
  VideoWriter(const std::filesystem::path& path, int64_t width, int64_t height, double fps);
  ~VideoWriter();
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;

  /// `rgb` is uint8 [height, width, 3].
  void write(const uint8_t* rgb);
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether write_video() takes a file of this name.
bool is_video_name(const std::filesystem::path& path);

/// Writes a clip whole: H.264 for .mp4; FFV1, which loses nothing, for .avi; for .gif 256 colours
/// chosen for this clip, repeated for ever. Rates that players do not keep to (below 1 or above 240
/// frames a second, of a GIF above 50) become the nearest, which a line on stderr says. Throws
/// vidgen::Error for another extension (naming those known), an empty clip and whatever VideoWriter
/// throws for.
void write_video(const std::filesystem::path& path, const Clip& clip, double fps);

/// An RGB or grey image as the bytes of a PNG file. Throws vidgen::Error when it has no pixels.
std::string encode_png(const Frame& image);
/// Writes an RGB or grey image. Throws vidgen::Error unless the name ends in .png, and when it
/// cannot be written.
void write_png(const std::filesystem::path& path, const Frame& image);
/// Reads an image file (PNG, JPEG, whatever FFmpeg opens) as RGB. Throws vidgen::Error as
/// VideoReader does.
Frame read_image(const std::filesystem::path& path);

}  // namespace vidgen::video
