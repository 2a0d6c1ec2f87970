#include "picture_source.h"

#include "file_kind.h"
#include "vidgen/core/error.h"
#include "vidgen/video/sequence.h"

namespace vidgen::video {
namespace {

namespace fs = std::filesystem;

void check_regular(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const auto fail = [&](const std::string& reason) { throw Error(path.string() + ": " + reason); };
  if (status.type() == fs::file_type::not_found) fail("no such file");
  if (error) fail(error.message());
  if (status.type() == fs::file_type::directory) fail("is a folder, expected a video file");
  if (status.type() != fs::file_type::regular) fail("is not a regular file");
  const uintmax_t size = fs::file_size(path, error);
  if (error) fail(error.message());
  if (size == 0) fail("the file is empty");
}

}  // namespace

void PictureSource::accept(bool gap) {
  after_gap_ = (gap || damaged_) && any_accepted_;
  any_accepted_ = true;
  damaged_ = false;
}

void PictureSource::leave_out(double seconds, const std::string& reason) {
  if (damage_.places == 0) {
    damage_.first_seconds = seconds;
    damage_.reason = reason;
  }
  damage_.places += !damaged_;
  ++damage_.pictures;
  damaged_ = true;
}

std::unique_ptr<PictureSource> open_pictures(const fs::path& path, const ReaderOptions& options) {
  if (auto pictures = pictures_of(path)) {
    return open_sequence(path, std::move(*pictures), options.picture_fps);
  }
  check_regular(path);
  const FileKind kind = look_at_file(path);
  if (!kind.refusal.empty()) throw Error(path.string() + ": " + kind.refusal);
  switch (kind.player) {
    case FileKind::Player::kWebp:
      return open_webp(path, options.threads);
    case FileKind::Player::kDicom:
      return open_dicom(path);
    default:
      return open_with_ffmpeg(path, options.threads);
  }
}

}  // namespace vidgen::video
