#pragma once

#include <cstdint>

namespace vidgen::infer {

/// The four phases of a doubled picture, put into their places. `phases` is [M,H+1,W+1,2,2] pixels
/// of so many bytes each, `doubled` [M,2H,2W] pixels, both without gaps:
/// doubled[m, 2r+a, 2q+b] = phases[m, r+a, q+b, a, b].
void interleave_phases(const void* phases, int64_t pictures, int64_t height, int64_t width,
                       int64_t pixel_bytes, void* doubled);

}  // namespace vidgen::infer
