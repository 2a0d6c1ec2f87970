#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vidgen::video {

/// One image: uint8 [height, width, channels], row by row; 3 channels are RGB, 1 is grey.
struct Frame {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 3;
  std::vector<uint8_t> pixels;
};

/// One video in memory: uint8 RGB [frames, height, width, 3].
struct Clip {
  int64_t frames = 0;
  int64_t height = 0;
  int64_t width = 0;
  std::vector<uint8_t> pixels;

  int64_t frame_bytes() const { return height * width * 3; }
  const uint8_t* frame(int64_t index) const { return pixels.data() + index * frame_bytes(); }
  uint8_t* frame(int64_t index) { return pixels.data() + index * frame_bytes(); }
};

/// Scaled to height x width pixels: averages areas when it shrinks, bicubic when it grows.
Frame resize(const Frame& frame, int64_t height, int64_t width);
/// The rectangle whose upper left corner is (top, left); it must lie inside.
Frame crop(const Frame& frame, int64_t top, int64_t left, int64_t height, int64_t width);
/// The luma (BT.601) of an RGB frame, one channel. A grey frame comes back as it is.
Frame to_gray(const Frame& frame);

/// Mean absolute difference of two frames of the same form, in levels of 0 to 255.
double mean_difference(const Frame& a, const Frame& b);

/// White pixels between the images of a sheet or a grid.
constexpr int64_t kSheetGap = 2;

/// Pixels of a line of headings.
constexpr int64_t kHeadingHeight = 14;

/// Pictures of the same size in rows and columns, kSheetGap white pixels between, below a line of
/// headings in black on white where there are any, one for each column. Places that nothing was put
/// in are white.
class Tiles {
 public:
  Tiles(int64_t rows, int64_t columns, int64_t height, int64_t width,
        const std::vector<std::string>& headings = {});

  /// `rgb` is uint8 [height,width,3].
  void place(const uint8_t* rgb, int64_t row, int64_t column);
  const Frame& picture() const { return picture_; }
  Frame take() { return std::move(picture_); }

 private:
  int64_t height_, width_, top_;
  Frame picture_;
};

/// The version of OpenCV that this was built with: "4.6.0".
const char* opencv_version();

}  // namespace vidgen::video
