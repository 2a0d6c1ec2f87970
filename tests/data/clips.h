#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/temporary_folder.h"
#include "vidgen/core/random.h"
#include "vidgen/data/cache.h"

namespace vidgen::test {

/// A video of the cache whose pixels tell where they are from: `mark`, frame, row and column,
/// modulo 256. Written without decoding anything, so that tests which watch threads see our code
/// only.
inline data::CachedVideo marked_video(const TemporaryFolder& folder, const std::string& name,
                                      size_t source, uint8_t mark, int64_t frames, int64_t height,
                                      int64_t width, int64_t span) {
  const auto path = folder / (name + ".clips");
  data::VideoReport report;
  report.frames = frames;
  report.clips = frames - span + 1;
  report.fingerprint = core::derive_seed(source, name);
  data::CacheFileWriter writer(path);
  for (int64_t t = 0; t < frames; ++t) {
    video::Frame frame{height, width, 3, {}};
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        frame.pixels.push_back(static_cast<uint8_t>(mark + t));
        frame.pixels.push_back(static_cast<uint8_t>(y));
        frame.pixels.push_back(static_cast<uint8_t>(x));
      }
    }
    writer.append(frame);
  }
  writer.commit("key", report);
  return {{folder / name, name, source, 1}, report, data::CacheFile::open(path, "key")};
}

}  // namespace vidgen::test
