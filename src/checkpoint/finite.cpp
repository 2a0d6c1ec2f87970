#include "finite.h"

#include <algorithm>

#include "vidgen/core/clones.h"

namespace vidgen::checkpoint {
namespace {

/// A number is finite unless all bits of its exponent are set: then nothing is larger.
template <class Bits>
VIDGEN_INLINE bool none_has(const void* data, int64_t count, Bits exponent) {
  const auto* numbers = static_cast<const Bits*>(data);
  Bits largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    largest = std::max(largest, static_cast<Bits>(numbers[i] & exponent));
  }
  return largest < exponent;
}

VIDGEN_CLONES bool none_has_16(const void* data, int64_t count, uint16_t exponent) {
  return none_has<uint16_t>(data, count, exponent);
}

VIDGEN_CLONES bool none_has_32(const void* data, int64_t count, uint32_t exponent) {
  return none_has<uint32_t>(data, count, exponent);
}

VIDGEN_CLONES bool none_has_64(const void* data, int64_t count, uint64_t exponent) {
  return none_has<uint64_t>(data, count, exponent);
}

}  // namespace

bool all_finite(const void* data, int64_t count, c10::ScalarType type) {
  switch (type) {
    case c10::ScalarType::Half:
      return none_has_16(data, count, 0x7c00);
    case c10::ScalarType::BFloat16:
      return none_has_16(data, count, 0x7f80);
    case c10::ScalarType::Float:
      return none_has_32(data, count, 0x7f800000);
    case c10::ScalarType::Double:
      return none_has_64(data, count, 0x7ff0000000000000);
    default:
      return true;
  }
}

}  // namespace vidgen::checkpoint
