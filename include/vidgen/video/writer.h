#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vidgen/video/frame.h"

namespace vidgen::video {

/// Writes a video frame by frame: H.264 for .mp4, which browsers play; FFV1, which loses nothing,
/// for .avi; for .gif 256 colours chosen for this video, repeated for ever. Memory does not grow
/// with the frames; those of a GIF, whose colours are known at the end only, wait in a nameless
/// file in the same folder. The file appears under its name when finish() returns; without it, or
/// after an error, nothing is left. In an MP4 odd sizes grow by one pixel (the edge is repeated),
/// as H.264 stores colour at half the resolution. Every failure (disk full, no such folder, another
/// extension, no frames) throws vidgen::Error naming the file.
class VideoWriter {
 public:
  /// Rates that players do not keep to (below 1 or above 240 frames a second, of a GIF above 50)
  /// become the nearest, which a line on stderr says.
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

/// Whether VideoWriter takes a file of this name.
bool is_video_name(const std::filesystem::path& path);

/// Writes a clip whole. Throws as VideoWriter does.
void write_video(const std::filesystem::path& path, const Clip& clip, double fps);

/// Throws vidgen::Error naming the file when there are more pixels than a PNG is encoded of here,
/// 2^28 about.
void check_png_size(const std::filesystem::path& path, int64_t width, int64_t height);
/// An RGB or grey image as the bytes of a PNG file. Throws vidgen::Error when it has no pixels.
std::string encode_png(const Frame& image);
/// Writes an RGB or grey image. Throws vidgen::Error unless the name ends in .png, and when it
/// cannot be written.
void write_png(const std::filesystem::path& path, const Frame& image);
/// Reads an image file (PNG, JPEG, whatever FFmpeg opens) as RGB. Throws vidgen::Error as
/// VideoReader does.
Frame read_image(const std::filesystem::path& path);

}  // namespace vidgen::video
