#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace vidgen::core {

/// Resident memory of this process, in bytes.
uint64_t resident_memory_bytes();

/// Largest resident memory of this process since it began, or since reset_peak_memory(), in bytes.
uint64_t peak_memory_bytes();

/// Lets peak_memory_bytes() begin anew from what is resident now. False where the system does not
/// allow it.
bool reset_peak_memory();

/// Memory that this process can still take.
struct FreeMemory {
  uint64_t bytes = 0;
  /// What ends it, in words: "of this machine", "within the limit of the control group", "within
  /// the limit of the address space (ulimit -v)".
  std::string limit;
};

/// The least of what the machine has available, what the limits of all control groups above the
/// process leave (files that the system keeps in memory count as free: it lets them go) and what
/// its own limits leave (RLIMIT_AS, RLIMIT_DATA). /proc and /sys are looked for under `root`.
FreeMemory free_memory(const std::filesystem::path& root = "/");

}  // namespace vidgen::core
