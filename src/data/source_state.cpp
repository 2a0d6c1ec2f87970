#include "source_state.h"

#include <cstdint>

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

}  // namespace vidgen::data
