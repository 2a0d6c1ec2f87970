#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "cli/runs.h"
#include "cli/workspace.h"
#include "vidgen/core/interrupt.h"

/// Disks that fail in every way. $VIDGEN_TEST_FAULTS=all makes every call fail once, and cuts the
/// power more often, instead of some; 1/4 makes every fourth call fail, from the first on, so that
/// 1/4 to 4/4 are all of them, in four processes.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Every `stride`-th fault from `first` on; a stride of 0 is some.
struct FaultChoice {
  uint64_t first = 1, stride = 0;
};

FaultChoice fault_choice() {
  const char* text = std::getenv("VIDGEN_TEST_FAULTS");
  if (!text) return {};
  if (std::string(text) == "all") return {1, 1};
  FaultChoice part;
  if (std::sscanf(text, "%lu/%lu", &part.first, &part.stride) != 2 || part.first < 1 ||
      part.first > part.stride)
    throw std::invalid_argument(core::cat("VIDGEN_TEST_FAULTS=", text, " is not all nor 1/4"));
  return part;
}

constexpr const char* kCalls[] = {"open", "read", "write", "fsync", "rename", "mmap"};

/// A run that writes of everything, and one that was never disturbed.
class FaultTest : public ::testing::Test {
 protected:
  static constexpr int64_t kSteps = 4;

  static void prepare(const Workspace& work) {
    write_bytes(work / "tiny.yaml", kFullConfig);
    write_tiny_video(work / "clip.mp4", 60);
    expect_success(work.run({"data", "prepare", "--config", "tiny.yaml"}));
  }

  static Workspace::Arguments to_the_end() {
    return Workspace::train_arguments(
        {"--set", "train.steps=" + std::to_string(kSteps), "--set", "train.checkpoint_every=2",
         "--set", "train.sample_every=3", "--set", "train.log_every=1", "--set",
         "train.evaluate.every=3", "--set", "train.evaluate.clips=2"});
  }

  ProgramOptions injecting(const Workspace& work, const std::string& plan) const {
    auto options = work.options();
    options.environment["LD_PRELOAD"] = VIDGEN_TEST_INJECT_LIBRARY;
    options.environment["VIDGEN_INJECT_UNDER"] = (work / "run").string();
    options.environment["VIDGEN_INJECT"] = plan;
    return options;
  }

  /// How many calls of each kind a run makes.
  std::vector<uint64_t> count_calls() const {
    const Workspace work;
    prepare(work);
    auto options = injecting(work, "");
    options.environment["VIDGEN_INJECT_COUNTS"] = (work / "counts").string();
    expect_success(run_program(program_path(), to_the_end(), options));
    const auto bytes = read_bytes(work / "counts");
    std::vector<uint64_t> counts(bytes.size() / sizeof(uint64_t));
    std::memcpy(counts.data(), bytes.data(), counts.size() * sizeof(uint64_t));
    return counts;
  }

  /// Plans for the injector: every call fails once, the writes in turn as where a disk is broken,
  /// is full, and takes half of it; or of each way to fail two calls.
  static std::vector<std::string> faults(const std::vector<uint64_t>& counts) {
    const auto part = fault_choice();
    std::vector<std::string> all;
    std::mt19937_64 random(7);
    for (size_t call = 0; call < std::size(kCalls); ++call) {
      const uint64_t calls = counts.at(call);
      const bool writes = kCalls[call] == std::string("write");
      const std::vector<int> ways = writes ? std::vector<int>{EIO, ENOSPC, 0} : std::vector{EIO};
      const auto add = [&](uint64_t which, int way) {
        all.push_back(core::cat(kCalls[call], ":", which, ":", way));
      };
      for (uint64_t i = part.first; part.stride > 0 && i <= calls; i += part.stride)
        add(i, ways[i / part.stride % ways.size()]);
      for (const int way : ways) {
        for (uint64_t i = 0; part.stride == 0 && i < std::min<uint64_t>(calls, 2); ++i)
          add(random() % calls + 1, way);
      }
    }
    return all;
  }
};

TEST_F(FaultTest, OneFailingCallCostsNothing) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer wants to be loaded before all else";
#endif
  const Workspace straight;
  prepare(straight);
  expect_success(straight.run(to_the_end()));
  uint64_t tried = 0, refused = 0;
  const auto disturb = [&](const std::string& plan) {
    SCOPED_TRACE(plan);
    const Workspace work;
    for (const char* name : {"tiny.yaml", "clip.mp4", "cache"})
      fs::copy(straight / name, work / name,
               fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    const auto result = run_program(program_path(), to_the_end(), injecting(work, plan));
    EXPECT_EQ(result.signal, 0);
    EXPECT_THAT(result.exit_code, ::testing::AnyOf(0, 2)) << result.err;
    EXPECT_THAT(result.err, ::testing::Not(HasSubstr("internal fault")));
    if (result.exit_code == 2) {
      EXPECT_THAT(result.err, HasSubstr("vidgen: "));
      EXPECT_THAT(work.temporary_files(), IsEmpty());
    }
    expect_success(work.run(to_the_end()));
    expect_same_runs(work / "run", straight / "run", kSteps);
    EXPECT_THAT(work.temporary_files(), IsEmpty());
    ++tried;
    refused += result.exit_code == 2;
  };
  for (const auto& plan : faults(count_calls())) disturb(plan);
  std::printf("%lu faults, %lu refused\n", tried, refused);
  EXPECT_GT(refused, 0u);
}

/// A file system of its own in a file, which can be copied as a power cut would leave it.
class Disk {
 public:
  explicit Disk(fs::path image, fs::path place)
      : image_(std::move(image)), place_(std::move(place)) {
    fs::create_directories(place_);
  }
  ~Disk() { unmount(); }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  bool make() const {
    return shell("truncate -s 40M '" + image_.string() + "' && mkfs.ext4 -q -F '" +
                 image_.string() + "'");
  }
  bool mount() {
    return mounted_ =
               shell("mount -o loop,commit=1 '" + image_.string() + "' '" + place_.string() + "'");
  }
  void unmount() {
    if (mounted_) shell("umount '" + place_.string() + "'");
    mounted_ = false;
  }
  const fs::path& place() const { return place_; }
  const fs::path& image() const { return image_; }

 private:
  static bool shell(const std::string& command) {
    return std::system((command + " 2>/dev/null").c_str()) == 0;
  }

  fs::path image_, place_;
  bool mounted_ = false;
};

TEST_F(FaultTest, PowerCutsCostAtMostWhatCameAfterTheLastCheckpoint) {
  const Workspace straight, work;
  Disk disk(work / "disk.img", work / "disk");
  if (::geteuid() != 0 || !disk.make() || !disk.mount())
    GTEST_SKIP() << "needs root, mkfs.ext4 and loop devices";
  prepare(work);
  prepare(straight);
  const auto arguments = [](int64_t steps) {
    return Workspace::train_arguments({"--run-dir", "disk/run", "--set", "train.checkpoint_every=1",
                                       "--set", "train.log_every=1", "--set",
                                       "train.steps=" + std::to_string(steps)});
  };
  std::mt19937 random(11);
  const int cuts = fault_choice().stride == 0 ? 3 : 16;
  int64_t reached = 0;
  for (int cut = 0; cut < cuts; ++cut) {
    SCOPED_TRACE(core::cat("cut ", cut));
    {
      Program program(program_path(), arguments(1000000), work.options());
      const auto run = disk.place() / "run";
      ASSERT_TRUE(wait_until([&] { return newest_step(run) > reached + 2 || !program.running(); }));
      ASSERT_TRUE(program.running()) << program.err();
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));
      program.signal(SIGSTOP);
      reached = newest_step(run);
      fs::copy_file(disk.image(), work / "cut.img", fs::copy_options::overwrite_existing);
    }
    disk.unmount();
    fs::rename(work / "cut.img", disk.image());
    ASSERT_TRUE(disk.mount()) << "the journal cannot be replayed";
    const auto run = disk.place() / "run";
    // The newest checkpoint was flushed before it got its name; its name may not have been.
    EXPECT_GE(newest_step(run), reached - 1);
    reached = newest_step(run);
  }
  const int64_t last = reached + 3;
  expect_success(work.run(arguments(last)));
  auto whole = arguments(last);
  fs::create_directory(straight / "disk");
  expect_success(straight.run(whole));
  expect_same_runs(disk.place() / "run", straight / "disk/run", last);
  EXPECT_THAT(work.temporary_files(), IsEmpty());
}

}  // namespace
}  // namespace vidgen::test
