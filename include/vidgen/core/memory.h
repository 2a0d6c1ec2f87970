#pragma once

#include <cstdint>

namespace vidgen::core {

/// Resident memory of this process, in bytes.
uint64_t resident_memory_bytes();

/// Largest resident memory of this process since it began, or since reset_peak_memory(), in bytes.
uint64_t peak_memory_bytes();

/// Lets peak_memory_bytes() begin anew from what is resident now. False where the system does not
/// allow it.
bool reset_peak_memory();

}  // namespace vidgen::core
