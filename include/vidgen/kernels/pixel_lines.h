#pragma once

#include <cstdint>

namespace vidgen::kernels {

/// What a last layer sums up, before its tanh, in plain memory: channels last and without gaps.
struct PictureSums {
  /// float32, or bfloat16 where so it says.
  const void* data;
  bool bfloat16;
  /// Of the pictures: `side` pixels a side, of 3 channels or 1.
  int64_t pictures, side, channels;
  /// Whether they are phases, as interleave_phases() takes them.
  bool phases;
};

/// tanh_to_rgb() (vidgen/infer/pixels.h) of `sums`: [pictures,side,side,3].
void write_rgb(const PictureSums& sums, uint8_t* rgb);

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

/// The phase (a, b) of doubled pictures, [M,H,W] pixels, into its places in `doubled`, [M,2H,2W]:
/// doubled[m, 2r+a, 2q+b] = phase[m, r, q].
void place_phase(const void* phase, const PictureSizes& sizes, int64_t a, int64_t b, void* doubled);

}  // namespace vidgen::kernels
