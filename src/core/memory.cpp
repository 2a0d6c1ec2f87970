#include "vidgen/core/memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include "vidgen/core/cgroup.h"

namespace vidgen::core {
namespace {

/// The number behind a word, 0 where there is none.
uint64_t number_after(std::istream& text, const std::string& key) {
  uint64_t number = 0;
  for (std::string word; text >> word;) {
    if (word != key) continue;
    text >> number;
    break;
  }
  return number;
}

uint64_t kilobytes_in(const std::filesystem::path& file, const std::string& key) {
  std::ifstream text(file);
  return number_after(text, key) * 1024;
}

/// A line of /proc/self/status. (The peak that getrusage() gives cannot be reset, and a process
/// inherits it from the one that started it.)
uint64_t status_bytes(const std::string& key) { return kilobytes_in("/proc/self/status", key); }

/// The files of a version of control groups.
struct GroupFiles {
  const char* limit;
  const char* usage;
  /// Of "memory.stat": of this group and those below it.
  const char* cached[2];
};

constexpr GroupFiles kGroupFiles[] = {
    {"memory.limit_in_bytes",
     "memory.usage_in_bytes",
     {"total_inactive_file", "total_active_file"}},
    {"memory.max", "memory.current", {"inactive_file", "active_file"}},
};

uint64_t left_of(uint64_t limit, uint64_t used) { return limit > used ? limit - used : 0; }

/// The least that a group leaves; all of 64 bits where none has a limit.
uint64_t left_in_groups(const std::filesystem::path& root) {
  uint64_t least = UINT64_MAX;
  for (const auto& files : kGroupFiles) {
    const auto values = [&root](const char* file) { return cgroup_values("memory", file, root); };
    const auto limits = values(files.limit), usages = values(files.usage);
    const auto stats = values("memory.stat");
    // The root of the second version has no such files: the lists end where it begins.
    const size_t groups = std::min({limits.size(), usages.size(), stats.size()});
    for (size_t i = 0; i < groups; ++i) {
      if (limits[i] == "max") continue;
      uint64_t cached = 0;
      for (const char* key : files.cached) {
        std::istringstream stat(stats[i]);
        cached += number_after(stat, key);
      }
      const uint64_t usage = std::strtoull(usages[i].c_str(), nullptr, 10);
      const uint64_t limit = std::strtoull(limits[i].c_str(), nullptr, 10);
      least = std::min(least, left_of(limit, left_of(usage, cached)));
    }
  }
  return least;
}

uint64_t left_of_own(int resource, const char* used) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0 ||
      limit.rlim_cur == RLIM_INFINITY)
    return UINT64_MAX;
  return left_of(limit.rlim_cur, status_bytes(used));
}

}  // namespace

uint64_t resident_memory_bytes() { return status_bytes("VmRSS:"); }

uint64_t peak_memory_bytes() { return status_bytes("VmHWM:"); }

FreeMemory free_memory(const std::filesystem::path& root) {
  const std::vector<FreeMemory> all{
      {kilobytes_in(root / "proc/meminfo", "MemAvailable:"), "of this machine"},
      {left_in_groups(root), "within the limit of the control group"},
      {left_of_own(RLIMIT_AS, "VmSize:"), "within the limit of the address space (ulimit -v)"},
      {left_of_own(RLIMIT_DATA, "VmData:"), "within the limit of data (ulimit -d)"}};
  return *std::min_element(all.begin(), all.end(),
                           [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
}

bool reset_peak_memory() {
  std::ofstream file("/proc/self/clear_refs");
  file << 5;
  file.flush();
  return file.good();
}

}  // namespace vidgen::core
