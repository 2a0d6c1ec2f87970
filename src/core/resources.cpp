#include "vidgen/core/resources.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <thread>

#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

namespace fs = std::filesystem;

// A mount of the hierarchy: the group that is seen at its top, and where it is mounted.
struct CgroupMount {
  std::string group;
  std::string folder;
};

bool has(const std::string& list, const std::string& word) {
  const auto words = split_list(list);
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The group of this process in the hierarchy of the controller (v1), or in that of v2, which is
// the one without names: lines of "number:controllers:group".
std::string group_of_process(const fs::path& root, const std::string& controller) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : has(names, controller)) return line.substr(second + 1);
  }
  return "";
}

std::vector<CgroupMount> mounts_of(const fs::path& root, const std::string& controller) {
  std::vector<CgroupMount> mounts;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream text(line);
    const std::vector<std::string> words{std::istream_iterator<std::string>(text), {}};
    // Fields of varying number end with a dash; type, source and options follow.
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    if (controller.empty() ? dash[1] == "cgroup2" : dash[1] == "cgroup" && has(dash[3], controller))
      mounts.push_back({words[3], words[4]});
  }
  return mounts;
}

// The group's folder below that of the mount's top, "" where the mount does not show the group.
std::string below(const std::string& group, const std::string& top) {
  if (top == "/") return group;
  if (group == top) return "/";
  return group.rfind(top + "/", 0) == 0 ? group.substr(top.size()) : "";
}

void add_values(const fs::path& root, const std::string& controller, const std::string& file,
                std::vector<std::string>& values) {
  const auto group = group_of_process(root, controller);
  const auto mounts = mounts_of(root, controller);
  if (group.empty() || mounts.empty()) return;
  auto mount = std::find_if(mounts.begin(), mounts.end(),
                            [&](const auto& m) { return !below(group, m.group).empty(); });
  // In a container whose /proc names groups of the host, the mount shows the container's own.
  const auto group_folder = mount == mounts.end() ? "/" : below(group, mount->group);
  if (mount == mounts.end()) mount = mounts.begin();
  const auto mounted = root / fs::path(mount->folder).relative_path();
  for (fs::path inner = fs::path(group_folder).relative_path();; inner = inner.parent_path()) {
    std::ifstream input(mounted / inner / file);
    std::string value{std::istreambuf_iterator<char>(input), {}};
    if (!value.empty() && value.back() == '\n') value.pop_back();
    if (!value.empty()) values.push_back(value);
    if (inner.empty()) return;
  }
}

constexpr double kNoQuota = std::numeric_limits<double>::infinity();

// "max" and -1 are no limit.
double ratio(const std::string& quota, const std::string& period) {
  const double time = std::strtod(quota.c_str(), nullptr);
  const double of = std::strtod(period.c_str(), nullptr);
  return time > 0 && of > 0 ? time / of : kNoQuota;
}

int cpus_of_thread() {
  cpu_set_t cpus;
  if (::sched_getaffinity(0, sizeof cpus, &cpus) == 0) return CPU_COUNT(&cpus);
  // More CPUs than the set can hold.
  return static_cast<int>(std::max(std::thread::hardware_concurrency(), 1u));
}

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

uint64_t kilobytes_in(const fs::path& file, const std::string& key) {
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
uint64_t left_in_groups(const fs::path& root) {
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

std::vector<std::string> cgroup_values(const std::string& controller, const std::string& file,
                                       const fs::path& root) {
  std::vector<std::string> values;
  add_values(root, controller, file, values);
  add_values(root, "", file, values);
  return values;
}

double cpu_quota(const fs::path& root) {
  double least = kNoQuota;
  const auto quotas = cgroup_values("cpu", "cpu.cfs_quota_us", root);
  const auto periods = cgroup_values("cpu", "cpu.cfs_period_us", root);
  for (size_t i = 0; i < std::min(quotas.size(), periods.size()); ++i)
    least = std::min(least, ratio(quotas[i], periods[i]));
  for (const auto& both : cgroup_values("cpu", "cpu.max", root)) {
    std::istringstream words(both);
    std::string quota, period;
    words >> quota >> period;
    least = std::min(least, ratio(quota, period));
  }
  return least;
}

int usable_cpus() {
  const double paid = std::max(std::round(cpu_quota()), 1.0);
  return static_cast<int>(std::min<double>(cpus_of_thread(), paid));
}

uint64_t resident_memory_bytes() { return status_bytes("VmRSS:"); }

uint64_t peak_memory_bytes() { return status_bytes("VmHWM:"); }

FreeMemory free_memory(const fs::path& root) {
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
