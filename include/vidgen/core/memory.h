#pragma once

#include <cstdint>

namespace vidgen::core {

/// Largest resident memory of this process so far, in bytes.
uint64_t peak_memory_bytes();

}  // namespace vidgen::core
