#pragma once

#include <cstdint>

namespace vidgen::infer {

/// Pictures without gaps, channels_last: [count,height,width] pixels of so many bytes each.
struct PictureSizes {
  int64_t count, height, width, pixel_bytes;
};

/// What the phase (a, b) of doubled pictures is computed from, `pictures` being [M,H,W] pixels and
/// `windows` [M,H,W,2,2], both without gaps:
/// windows[m, r, q, i, j] = pictures[m, r-1+a+i, q-1+b+j],
/// or a pixel whose bytes are all `outside` where that is beyond the picture's edge.
void gather_windows(const void* pictures, const PictureSizes& sizes, int64_t a, int64_t b,
                    uint8_t outside, void* windows);

}  // namespace vidgen::infer
