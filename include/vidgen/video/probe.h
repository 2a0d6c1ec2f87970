#pragma once

#include <filesystem>

namespace vidgen::video {

/// What a file is by its name alone.
enum class NameKind {
  /// Of a container that is made for videos (.mp4, .mkv, .mxf, ...).
  kVideo,
  /// A picture, which may be animated, or one of a numbered sequence (video/sequence.h).
  kPicture,
  /// No video for certain: text, sound, subtitles, archives, what cameras write beside their videos
  /// (.thm, .lrv), ...
  kOther,
  /// Its content decides.
  kUnknown,
};

NameKind kind_of_name(const std::filesystem::path& path);

/// Whether the content of a file is a video: something that one of FFmpeg's demuxers recognises for
/// sure and a decoder shows a picture of, an animation, a DICOM recording; neither single pictures
/// nor sound with a cover. Throws vidgen::Error, naming it and the reason, when the file cannot be
/// read.
bool holds_video(const std::filesystem::path& path);

/// As holds_video() of a picture's file, faster: whether it is animated (PNG, WebP, AVIF, HEIF), or
/// holds several pictures (TIFF), which is refused by name when it is opened.
bool is_animated(const std::filesystem::path& path);

}  // namespace vidgen::video
