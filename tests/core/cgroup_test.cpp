#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "vidgen/core/files.h"
#include "vidgen/core/resources.h"

namespace vidgen::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A system's /proc and /sys, as a folder.
class CgroupTest : public testing::Test {
 protected:
  void write(const std::filesystem::path& path, const std::string& text) const {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }

  TemporaryFolder folder;
  std::filesystem::path root = folder.path();
};

constexpr auto kMountOfV1 =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:4 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";

TEST_F(CgroupTest, FirstVersionFromTheOwnGroupUpToTheRoot) {
  write("proc/self/mountinfo", kMountOfV1);
  write("proc/self/cgroup", "4:memory:/user/job 7\n1:cpu,cpuacct:/\n0::/\n");
  write("sys/fs/cgroup/memory/user/job 7/memory.limit_in_bytes", "1000\n");
  write("sys/fs/cgroup/memory/user/memory.limit_in_bytes", "500\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  EXPECT_THAT(cgroup_values("memory", "memory.limit_in_bytes", root),
              ElementsAre("1000", "500", "9223372036854771712"));
  EXPECT_THAT(cgroup_values("cpu", "cpu.cfs_quota_us", root), ElementsAre("-1"));
  EXPECT_THAT(cgroup_values("memory", "memory.max", root), IsEmpty());
}

TEST_F(CgroupTest, SecondVersionPassesOverTheRootThatHasNoLimits) {
  write("proc/self/mountinfo",
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  write("proc/self/cgroup", "0::/user.slice/session.scope\n");
  write("sys/fs/cgroup/user.slice/session.scope/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/user.slice/cpu.max", "50000 100000\n");
  EXPECT_THAT(cgroup_values("cpu", "cpu.max", root), ElementsAre("max 100000", "50000 100000"));
}

TEST_F(CgroupTest, ContainerThatSeesItsOwnGroupOnly) {
  write("proc/self/mountinfo",
        "35 31 0:32 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "7\n");
  write("sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "5\n");
  for (const auto* group : {"/docker/ab", "/", "/docker/abc", "/../other"}) {
    write("proc/self/cgroup", std::string("4:memory:") + group + "\n");
    EXPECT_THAT(cgroup_values("memory", "memory.limit_in_bytes", root), ElementsAre("7")) << group;
  }
  write("proc/self/cgroup", "4:memory:/docker/ab/inner\n");
  EXPECT_THAT(cgroup_values("memory", "memory.limit_in_bytes", root), ElementsAre("5", "7"));
}

TEST_F(CgroupTest, SystemWithoutControlGroups) {
  EXPECT_THAT(cgroup_values("memory", "memory.max", root), IsEmpty());
  write("proc/self/cgroup", "4:memory:/a\n");
  EXPECT_THAT(cgroup_values("memory", "memory.limit_in_bytes", root), IsEmpty());
}

TEST_F(CgroupTest, LeastOfWhatTheGroupsAndTheMachineLeave) {
  write("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    8 kB\n");
  EXPECT_EQ(free_memory(root).bytes, 8 * 1024u);
  EXPECT_EQ(free_memory(root).limit, "of this machine");
  write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  write("proc/self/cgroup", "0::/a/b\n");
  for (const auto* group : {"sys/fs/cgroup/a/b/", "sys/fs/cgroup/a/"}) {
    write(group + std::string("memory.max"), "max\n");
    write(group + std::string("memory.current"), "5000\n");
    write(group + std::string("memory.stat"), "anon 1\ninactive_file 300\nactive_file 20\n");
  }
  EXPECT_EQ(free_memory(root).bytes, 8 * 1024u);
  write("sys/fs/cgroup/a/memory.max", "6000\n");
  EXPECT_EQ(free_memory(root).bytes, 6000 - 5000 + 320u);
  EXPECT_EQ(free_memory(root).limit, "within the limit of the control group");
  write("sys/fs/cgroup/a/b/memory.max", "4000\n");
  EXPECT_EQ(free_memory(root).bytes, 0u);
}

}  // namespace
}  // namespace vidgen::core
