#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// The inner loops of augment.h, for one clip in plain memory, [T,H,W,C] without gaps.
namespace vidgen::kernels {

struct ClipSize {
  int64_t frames, height, width, channels;

  int64_t numbers() const { return frames * height * width * channels; }
};

/// What becomes of a clip: a pixel is what was `down` lines below and `right` columns to the right
/// of it, recoloured,
///   own * x + grey * mean of the channels + level * mean of the clip + offset,
/// and 0 where that was beyond the edges, or in lines `top` to `bottom` - 1 and columns `left` to
/// `right_end` - 1, which are cut out.
struct PixelChange {
  float own = 1, grey = 0, level = 0, offset = 0;
  int64_t down = 0, right = 0;
  int64_t top = 0, bottom = 0, left = 0, right_end = 0;
};

template <class Number>
void change_pixels(const Number* clip, const ClipSize& size, const PixelChange& change,
                   float* changed);

/// The gradient of the clip from that of what it became.
template <class Number>
void change_gradients(const float* gradient, const ClipSize& size, const PixelChange& change,
                      Number* of_clip);

}  // namespace vidgen::kernels
