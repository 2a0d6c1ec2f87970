#include <gtest/gtest.h>
#include <sched.h>

#include <cmath>
#include <fstream>
#include <thread>

#include "vidgen/core/files.h"
#include "vidgen/core/resources.h"

namespace vidgen::core {
namespace {

/// A system's /proc and /sys, as a folder.
class CpuQuotaTest : public testing::Test {
 protected:
  void write(const std::filesystem::path& path, const std::string& text) const {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }

  TemporaryFolder folder;
  std::filesystem::path root = folder.path();
};

TEST_F(CpuQuotaTest, IsTheLeastOfTheGroupsAboveInTheFirstVersion) {
  EXPECT_TRUE(std::isinf(cpu_quota(root))) << "no control groups";
  write("proc/self/mountinfo", "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
  write("proc/self/cgroup", "1:cpu:/outer/inner\n");
  write("sys/fs/cgroup/cpu/outer/inner/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/outer/inner/cpu.cfs_period_us", "100000\n");
  EXPECT_TRUE(std::isinf(cpu_quota(root)));
  write("sys/fs/cgroup/cpu/outer/cpu.cfs_quota_us", "75000\n");
  write("sys/fs/cgroup/cpu/outer/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(cpu_quota(root), 1.5);
  write("sys/fs/cgroup/cpu/outer/inner/cpu.cfs_quota_us", "50000\n");
  EXPECT_EQ(cpu_quota(root), 0.5);
}

TEST_F(CpuQuotaTest, OfTheSecondVersion) {
  write("proc/self/mountinfo", "32 31 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  write("proc/self/cgroup", "0::/box\n");
  write("sys/fs/cgroup/box/cpu.max", "max 100000\n");
  EXPECT_TRUE(std::isinf(cpu_quota(root)));
  write("sys/fs/cgroup/box/cpu.max", "400000 100000\n");
  EXPECT_EQ(cpu_quota(root), 4);
}

TEST(UsableCpusTest, FollowWhereTheThreadMayRun) {
  EXPECT_GE(usable_cpus(), 1);
  std::thread([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(::sched_getcpu(), &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(usable_cpus(), 1);
  }).join();
}

}  // namespace
}  // namespace vidgen::core
