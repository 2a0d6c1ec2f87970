#include <algorithm>
#include <cstring>

#include "vidgen/core/error.h"
#include "vidgen/video/frame.h"

namespace vidgen::video {
namespace {

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

Tiles::Tiles(int64_t rows, int64_t columns, int64_t height, int64_t width, int64_t gap)
    : height_(height),
      width_(width),
      gap_(gap),
      picture_{rows * (height + gap) - gap, columns * (width + gap) - gap, 3, {}} {
  picture_.pixels.assign(static_cast<size_t>(picture_.height * picture_.width * 3), 255);
}

void Tiles::place(const uint8_t* rgb, int64_t row, int64_t column) {
  const int64_t top = row * (height_ + gap_), left = column * (width_ + gap_);
  for (int64_t y = 0; y < height_; ++y) {
    std::memcpy(picture_.pixels.data() + ((top + y) * picture_.width + left) * 3,
                rgb + y * width_ * 3, static_cast<size_t>(width_) * 3);
  }
}

Frame contact_sheet(const std::vector<Clip>& clips, int64_t gap) {
  check_same_size(clips);
  int64_t longest = 0;
  for (const Clip& clip : clips) longest = std::max(longest, clip.frames);
  Tiles tiles(static_cast<int64_t>(clips.size()), longest, clips[0].height, clips[0].width, gap);
  for (size_t row = 0; row < clips.size(); ++row) {
    for (int64_t t = 0; t < clips[row].frames; ++t)
      tiles.place(clips[row].frame(t), static_cast<int64_t>(row), t);
  }
  return tiles.take();
}

Clip grid(const std::vector<Clip>& clips, int64_t rows, int64_t columns, int64_t gap) {
  check_same_size(clips);
  const int64_t count = static_cast<int64_t>(clips.size());
  if (rows < 1 || columns < 1 || count > rows * columns) {
    throw Error(core::cat("a grid of ", rows, "x", columns, " has no room for ", count, " clips"));
  }
  const int64_t frames = clips[0].frames;
  for (const Clip& clip : clips) {
    if (clip.frames != frames) {
      throw Error(
          core::cat("clips of ", frames, " and ", clip.frames, " frames cannot play side by side"));
    }
  }
  Tiles tiles(rows, columns, clips[0].height, clips[0].width, gap);
  Clip result{frames, tiles.picture().height, tiles.picture().width, {}};
  for (int64_t t = 0; t < frames; ++t) {
    for (int64_t i = 0; i < count; ++i) tiles.place(clips[i].frame(t), i / columns, i % columns);
    const auto& pixels = tiles.picture().pixels;
    result.pixels.insert(result.pixels.end(), pixels.begin(), pixels.end());
  }
  return result;
}

}  // namespace vidgen::video
