#include "source_state.h"

#include <algorithm>
#include <vector>

#include "vidgen/core/checksum.h"
#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/random.h"
#include "vidgen/video/sequence.h"

namespace vidgen::data {
namespace {

namespace fs = std::filesystem;

// What cannot be opened is found when it is opened.
int64_t bytes_of(const fs::path& file) {
  std::error_code error;
  const uintmax_t bytes = fs::file_size(file, error);
  return error ? -1 : static_cast<int64_t>(bytes);
}

int64_t change_of(const fs::path& file) {
  std::error_code ignored;
  return fs::last_write_time(file, ignored).time_since_epoch().count();
}

/// Of a video at most so many bytes are read: a fraction of what decoding it takes.
constexpr uint64_t kMostBytes = 64 << 20;
constexpr uint64_t kPieceBytes = 1 << 20;

/// The checksum of the bytes from `begin` to `end`, with `seed` as its seed.
uint64_t checksum_of_part(const core::InputFile& file, uint64_t begin, uint64_t end,
                          uint64_t seed) {
  std::vector<uint8_t> buffer(std::min(end - begin, kPieceBytes));
  while (begin < end) {
    const size_t count =
        file.read(begin, buffer.data(), std::min<uint64_t>(end - begin, buffer.size()));
    if (count == 0) break;
    seed = core::checksum(buffer.data(), count, seed);
    begin += count;
  }
  return seed;
}

/// Reads at most about `most` bytes.
uint64_t fingerprint_of_file(const fs::path& path, uint64_t most, uint64_t seed) {
  const core::InputFile file(path);
  const uint64_t size = file.size();
  seed = core::checksum(&size, sizeof size, seed);
  if (size <= most) return checksum_of_part(file, 0, size, seed);
  const uint64_t piece = std::min(kPieceBytes, most);
  const uint64_t pieces = most / piece, last = size - piece;
  for (uint64_t i = 0; i < pieces; ++i) {
    const uint64_t begin = pieces == 1 ? 0 : last / (pieces - 1) * i;
    seed = checksum_of_part(file, begin, begin + piece, seed);
  }
  return checksum_of_part(file, last, size, seed);
}

}  // namespace

core::Json source_state(const fs::path& source, const DataOptions& options) {
  const auto pictures = video::pictures_of(source);
  if (!pictures) {
    return {{"bytes", static_cast<uint64_t>(bytes_of(source))}, {"changed", change_of(source)}};
  }
  std::string all;
  for (const fs::path& picture : *pictures) {
    all += core::cat(picture.filename().string(), '/', bytes_of(picture), '/', change_of(picture),
                     '/');
  }
  return {{"pictures", pictures->size()},
          {"digest", core::derive_seed(0, all)},
          {"picture_fps", options.picture_fps}};
}

uint64_t fingerprint_of(const fs::path& source) {
  const auto pictures = video::pictures_of(source);
  if (!pictures) return fingerprint_of_file(source, kMostBytes, 0);
  constexpr uint64_t kFewestBytes = 4096;
  const uint64_t each = std::max<uint64_t>(kFewestBytes, kMostBytes / pictures->size());
  uint64_t seed = 0;
  for (const fs::path& picture : *pictures) seed = fingerprint_of_file(picture, each, seed);
  return seed;
}

}  // namespace vidgen::data
