#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "vidgen/video/frame.h"
#include "vidgen/video/sink.h"

namespace vidgen::video {

/// Writes a clip whole. Throws as open_video() does.
void write_video(const std::filesystem::path& path, const Clip& clip, double fps);

/// Throws vidgen::Error naming the file when there are more pixels than a PNG is encoded of here,
/// 2^28 about.
void check_png_size(const std::filesystem::path& path, int64_t width, int64_t height);
/// An RGB or grey image as the bytes of a PNG file. Throws vidgen::Error when it has no pixels.
std::string encode_png(const Frame& image);
/// Writes an RGB or grey image. Throws vidgen::Error unless the name ends in .png, and when it
/// cannot be written.
void write_png(const std::filesystem::path& path, const Frame& image,
               const Metadata& metadata = {});
/// Reads an image file (PNG, JPEG, whatever FFmpeg opens) as RGB. Throws vidgen::Error as
/// VideoReader does.
Frame read_image(const std::filesystem::path& path);

}  // namespace vidgen::video
