#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace vidgen::video {

/// What a file's content is, as far as it decides who plays it.
struct FileKind {
  enum class Player { kFfmpeg, kWebp, kDicom };
  Player player = Player::kFfmpeg;
  /// One picture, whose file may hold more of them, but no animation.
  bool still = false;
  /// Whether FFmpeg is sure of a format.
  bool certain = false;
  /// Why it is not played, though FFmpeg takes it for a video or a picture: "is a PDF, not a
  /// video".
  std::string refusal;
};

enum class Probe {
  /// As FFmpeg looks at a file that it opens: at up to 1 MiB, and its name.
  kWhole,
  /// At the beginning alone, to tell a video from all that may be in a folder.
  kQuick
};

/// Throws vidgen::Error, naming the file and the reason, when it cannot be read.
FileKind look_at_file(const std::filesystem::path& path, Probe probe = Probe::kWhole);

/// The same by the first few bytes alone, which is enough for animated pictures; of nothing else
/// anything is said.
FileKind look_at_picture(const std::filesystem::path& path);
/// Whether it is a file of the MP4 family that holds a sequence of pictures (animated AVIF, HEIF).
bool is_picture_track(const std::filesystem::path& path);

/// The number in so many bytes; those behind the end of `data` are 0.
uint64_t number_at(std::string_view data, size_t at, size_t bytes, bool big_endian);

}  // namespace vidgen::video
