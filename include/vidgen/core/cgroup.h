#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vidgen::core {

/// What a control file (v1: "memory.limit_in_bytes", v2: "memory.max") holds, without the newline,
/// in the control group of this process and in each one above it up to the root that can be seen
/// from here; its own comes first. A limit of any of them binds the process.
///
/// `controller` names the hierarchy of v1 ("memory", "cpu"); that of v2 is looked through as well.
/// Groups without such a file are passed over, so a file of the other version, or a system without
/// control groups, gives nothing. /proc and /sys are looked for under `root`.
std::vector<std::string> cgroup_values(const std::string& controller, const std::string& file,
                                       const std::filesystem::path& root = "/");

}  // namespace vidgen::core
