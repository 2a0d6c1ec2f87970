#pragma once

#include <cstdint>
#include <filesystem>

#include "libav.h"
#include "picture_source.h"

/// What a container says before a picture is decoded, as far as it can be believed.
namespace vidgen::video {

/// Whether the format has this name, or one that holds it.
bool is_format(const AVFormatContext& input, const char* name);
/// A picture that comes with sound, which FFmpeg gives as a video.
bool is_cover(const AVStream& stream);
bool is_movie(const AVStream& stream);
/// Whether the format keeps how long each picture is shown, from which FFmpeg computes a rate.
bool has_durations(const AVFormatContext& input);
/// Whether a GIF ends without the mark of its end.
bool lacks_end(const AVFormatContext& input, const std::filesystem::path& path);
/// Whether a file that was just opened has an index that reaches to its end, as only an AVI may
/// lack it.
bool has_index(const AVFormatContext& input);
/// How many pictures are to be read, 0 being all: an FLI or FLC file stores one more, which leads
/// back to the first.
int64_t pictures_to_read(const AVFormatContext& input, const AVStream& stream);

/// All but SourceHeader::indexed.
SourceHeader describe(AVFormatContext& input, AVStream& stream);

}  // namespace vidgen::video
