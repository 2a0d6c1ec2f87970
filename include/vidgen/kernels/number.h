#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>
#include <cstring>

#include "vidgen/core/clones.h"

namespace vidgen::kernels {

VIDGEN_INLINE void store(float value, float* to) { *to = value; }

/// To the nearest, as c10::BFloat16 does, but without a branch.
VIDGEN_INLINE void store(float value, c10::BFloat16* to) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  to->x = static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : nearest);
}

/// Returns function<lanes>(...) for how many of so many channels are done at once.
#define VIDGEN_BY_LANES(count, function, ...)            \
  if (count % 16 == 0) return function<16>(__VA_ARGS__); \
  if (count % 8 == 0) return function<8>(__VA_ARGS__);   \
  if (count % 4 == 0) return function<4>(__VA_ARGS__);   \
  return function<1>(__VA_ARGS__)

}  // namespace vidgen::kernels
