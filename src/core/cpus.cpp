#include "vidgen/core/cpus.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <string>
#include <thread>

#include "vidgen/core/cgroup.h"

namespace vidgen::core {
namespace {

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

}  // namespace

double cpu_quota(const std::filesystem::path& root) {
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

}  // namespace vidgen::core
