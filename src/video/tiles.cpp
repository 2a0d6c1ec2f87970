#include <algorithm>
#include <cstring>

#include "vidgen/core/error.h"
#include "vidgen/video/frame.h"

namespace vidgen::video {
namespace {

/// Places of the same size in rows and columns.
struct Tiling {
  int64_t rows, columns, height, width, gap;

  int64_t total_height() const { return rows * (height + gap) - gap; }
  int64_t total_width() const { return columns * (width + gap) - gap; }
  std::vector<uint8_t> white(int64_t images) const {
    return std::vector<uint8_t>(images * total_height() * total_width() * 3, 255);
  }
  /// Copies one tile into its place in an RGB image of the total size.
  void place(const uint8_t* tile, int64_t row, int64_t column, uint8_t* image) const {
    const int64_t top = row * (height + gap), left = column * (width + gap);
    for (int64_t y = 0; y < height; ++y) {
      std::memcpy(image + ((top + y) * total_width() + left) * 3, tile + y * width * 3, width * 3);
    }
  }
};

void check_same_size(const std::vector<Clip>& clips) {
  if (clips.empty()) throw Error("no clips to put together");
  for (const Clip& clip : clips) {
    if (clip.height != clips[0].height || clip.width != clips[0].width) {
      throw Error(core::cat("clips of ", clip.width, "x", clip.height, " and ", clips[0].width, "x",
                            clips[0].height, " pixels cannot be put together"));
    }
  }
}

}  // namespace

Frame contact_sheet(const std::vector<Clip>& clips, int64_t gap) {
  check_same_size(clips);
  int64_t longest = 0;
  for (const Clip& clip : clips) longest = std::max(longest, clip.frames);
  const Tiling tiling{static_cast<int64_t>(clips.size()), longest, clips[0].height, clips[0].width,
                      gap};
  Frame sheet{tiling.total_height(), tiling.total_width(), 3, tiling.white(1)};
  for (int64_t row = 0; row < tiling.rows; ++row) {
    for (int64_t t = 0; t < clips[row].frames; ++t) {
      tiling.place(clips[row].frame(t), row, t, sheet.pixels.data());
    }
  }
  return sheet;
}

Clip grid(const std::vector<Clip>& clips, int64_t rows, int64_t columns, int64_t gap) {
  check_same_size(clips);
  const int64_t count = static_cast<int64_t>(clips.size());
  if (rows < 1 || columns < 1 || count > rows * columns) {
    throw Error(core::cat("a grid of ", rows, "x", columns, " has no room for ", count, " clips"));
  }
  const Tiling tiling{rows, columns, clips[0].height, clips[0].width, gap};
  const int64_t frames = clips[0].frames;
  Clip result{frames, tiling.total_height(), tiling.total_width(), tiling.white(frames)};
  for (int64_t i = 0; i < count; ++i) {
    if (clips[i].frames != frames) {
      throw Error(core::cat("clips of ", frames, " and ", clips[i].frames,
                            " frames cannot play side by side"));
    }
    for (int64_t t = 0; t < frames; ++t) {
      tiling.place(clips[i].frame(t), i / columns, i % columns, result.frame(t));
    }
  }
  return result;
}

}  // namespace vidgen::video
