#pragma once

#include <filesystem>

namespace vidgen::core {

/// How many CPUs' worth of time the control groups of this process allow it (the quota of any of
/// them binds it), as 1.5; infinity without a quota. /proc and /sys are looked for under `root`.
double cpu_quota(const std::filesystem::path& root = "/");

/// Threads that can compute at the same time: one for each CPU that the calling thread may run on,
/// at most as many as cpu_quota() pays for, rounded; at least 1.
int usable_cpus();

}  // namespace vidgen::core
