#pragma once

#include <string>

#include "vidgen/video/sink.h"

/// Metadata in the form of containers that FFmpeg does not write as it is.
namespace vidgen::video {

/// Throws vidgen::Error naming the file unless every container can hold it.
void check_metadata(const std::filesystem::path& path, const Metadata& metadata);

/// Under the keys that FFmpeg knows of an AVI.
Metadata avi_metadata(Metadata metadata);
/// The end of a GIF: a comment, where there is metadata, and the trailer.
std::string gif_end(const Metadata& metadata);
/// The chunks of a PNG.
std::string png_chunks(const Metadata& metadata);

}  // namespace vidgen::video
