#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// What the machine and its control groups let this process have. /proc and /sys are looked for
/// under `root`.
namespace vidgen::core {

/// What a control file (v1: "memory.limit_in_bytes", v2: "memory.max") holds, without the last
/// newline, in the control group of this process and in each one above it up to the root that can
/// be seen from here; its own comes first. A limit of any of them binds the process.
///
/// `controller` names the hierarchy of v1 ("memory", "cpu"); that of v2 is looked through as well.
/// Groups without such a file are passed over, so a file of the other version, or a system without
/// control groups, gives nothing.
std::vector<std::string> cgroup_values(const std::string& controller, const std::string& file,
                                       const std::filesystem::path& root = "/");

/// How many CPUs' worth of time the control groups of this process allow it (the quota of any of
/// them binds it), as 1.5; infinity without a quota.
double cpu_quota(const std::filesystem::path& root = "/");

/// Threads that can compute at the same time: one for each CPU that the calling thread may run on,
/// at most as many as cpu_quota() pays for, rounded; at least 1.
int usable_cpus();

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
/// its own limits leave (RLIMIT_AS, RLIMIT_DATA).
FreeMemory free_memory(const std::filesystem::path& root = "/");

}  // namespace vidgen::core
