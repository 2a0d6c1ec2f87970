#include "vidgen/core/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/error.h"
#include "support/temporary_folder.h"

namespace vidgen::core {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(OutputLockTest, KeepsOthersOutAndNamesTheHolder) {
  const TemporaryFolder folder;
  const auto clip = folder / "clip.mp4";
  set_process_title("vidgen sample");
  {
    const OutputLock lock(clip);
    const auto message = test::error_of([&] { OutputLock second(clip); });
    EXPECT_THAT(message,
                StartsWith(clip.string() + ": is being written by vidgen sample, process " +
                           std::to_string(::getpid()) + " on "));
    EXPECT_THAT(message, HasSubstr(", since 20"));
    EXPECT_THROW(OutputLock second(clip), InUse);
    EXPECT_FALSE(OutputLock::try_lock(clip));
    EXPECT_TRUE(OutputLock::try_lock(folder / "other.mp4"));
    EXPECT_TRUE(OutputLock::try_lock(folder.path())) << "the folder is another output";
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
  EXPECT_TRUE(OutputLock::try_lock(clip));
}

TEST(OutputLockTest, WhatADeadProcessLeftIsNoLock) {
  const TemporaryFolder folder;
  std::ofstream(folder / ".vidgen-lock") << "{\"process\": 1, \"title\": \"x\"";
  EXPECT_TRUE(OutputLock::try_lock(folder.path()));
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(OutputLockTest, LongNamesHaveLocksToo) {
  const TemporaryFolder folder;
  const OutputLock one(folder / (std::string(250, 'a') + "1.mp4"));
  const OutputLock two(folder / (std::string(250, 'a') + "2.mp4"));
}

TEST(OutputLockTest, TheFolderMustBeThere) {
  const TemporaryFolder folder;
  EXPECT_THAT(test::error_of([&] { OutputLock lock(folder / "no/clip.mp4"); }),
              HasSubstr("cannot write " + (folder / "no/clip.mp4").string()));
}

TEST(OutputFolderTest, LeavesNothingWhereNothingWasPut) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "mine");
  { const OutputFolder claim(folder / "mine"); }
  EXPECT_TRUE(fs::is_directory(folder / "mine"));
  {
    const OutputFolder claim(folder / "mine/a/b/");
    EXPECT_TRUE(fs::is_directory(folder / "mine/a/b"));
    EXPECT_THROW(OutputFolder(folder / "mine/a/b"), InUse);
  }
  EXPECT_TRUE(fs::is_empty(folder / "mine"));
  {
    const OutputFolder claim(folder / "mine/a/b");
    std::ofstream(folder / "mine/a/b/file") << "x";
  }
  EXPECT_TRUE(fs::exists(folder / "mine/a/b/file"));
}

}  // namespace
}  // namespace vidgen::core
