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

}  // namespace vidgen::kernels
