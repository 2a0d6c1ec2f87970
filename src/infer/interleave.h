#pragma once

#include <cstdint>

namespace vidgen::infer {

/// Pictures without gaps, channels_last: [count,height,width] pixels of so many bytes each.
struct PictureSizes {
  int64_t count, height, width, pixel_bytes;
};

/// The four phases of doubled pictures, put into their places. `sizes` are those before doubling:
/// `phases` is [M,H+1,W+1,2,2] pixels, `doubled` [M,2H,2W], both without gaps:
/// doubled[m, 2r+a, 2q+b] = phases[m, r+a, q+b, a, b].
void interleave_phases(const void* phases, const PictureSizes& sizes, void* doubled);

/// What the phase (a, b) of doubled pictures is computed from, `pictures` being [M,H,W] pixels and
/// `windows` [M,H,W,2,2], both without gaps:
/// windows[m, r, q, i, j] = pictures[m, r-1+a+i, q-1+b+j],
/// or a pixel whose bytes are all `outside` where that is beyond the picture's edge.
void gather_windows(const void* pictures, const PictureSizes& sizes, int64_t a, int64_t b,
                    uint8_t outside, void* windows);

}  // namespace vidgen::infer
