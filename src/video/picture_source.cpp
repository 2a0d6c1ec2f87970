#include "picture_source.h"

#include "av_source.h"
#include "dicom_source.h"
#include "file_kind.h"
#include "sequence_source.h"
#include "vidgen/core/error.h"
#include "vidgen/video/sequence.h"
#include "webp_source.h"

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

std::unique_ptr<PictureSource> open_pictures(const fs::path& path, const ReaderOptions& options) {
  if (auto pictures = pictures_of(path)) {
    return std::make_unique<SequenceSource>(path, std::move(*pictures), options.picture_fps);
  }
  check_regular(path);
  const FileKind kind = look_at_file(path);
  if (!kind.refusal.empty()) throw Error(path.string() + ": " + kind.refusal);
  switch (kind.player) {
    case FileKind::Player::kWebp:
      return std::make_unique<WebpSource>(path, options.threads);
    case FileKind::Player::kDicom:
      return open_dicom(path);
    default:
      return std::make_unique<AvSource>(path, options.threads);
  }
}

}  // namespace vidgen::video
