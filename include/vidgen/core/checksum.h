#pragma once

#include <cstddef>
#include <cstdint>

namespace vidgen::core {

/// XXH3-64 of bytes: tells contents apart that differ by accident, not by intent.
uint64_t checksum(const void* data, size_t bytes, uint64_t seed = 0);

}  // namespace vidgen::core
