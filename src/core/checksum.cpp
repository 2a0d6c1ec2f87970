#include "vidgen/core/checksum.h"

#include <xxhash.h>

namespace vidgen::core {

uint64_t checksum(const void* data, size_t bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(data, bytes, seed);
}

}  // namespace vidgen::core
