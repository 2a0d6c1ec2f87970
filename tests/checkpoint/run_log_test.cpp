#include "vidgen/checkpoint/run_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "support/error.h"
#include "support/full_disk.h"
#include "support/temporary_folder.h"
#include "support/videos.h"

namespace vidgen::checkpoint {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string log_line(int64_t step) {
  return "{\"step\":" + std::to_string(step) + ",\"loss_g\":0.5,\"d_real\":null,\"time\":\"[{\"}\n";
}

std::string log_lines(int64_t first, int64_t last) {
  std::string text;
  for (int64_t step = first; step <= last; ++step) text += log_line(step);
  return text;
}

class RunLogTest : public ::testing::Test {
 protected:
  /// The steps of the lines that stay.
  std::vector<int64_t> rewind(int64_t step) {
    std::vector<int64_t> steps;
    log_.rewind(step, [&](const core::Json& entry) { steps.push_back(entry.at("step")); });
    return steps;
  }
  ino_t inode() const {
    struct stat status {};
    ::stat(path_.c_str(), &status);
    return status.st_ino;
  }

  const test::TemporaryFolder folder_;
  const fs::path path_ = folder_ / "log.jsonl";
  const RunLog log_{path_};
};

TEST_F(RunLogTest, GrowsByLines) {
  EXPECT_THAT(rewind(5), IsEmpty());
  EXPECT_FALSE(fs::exists(path_));
  log_.append({{"step", 1}, {"loss", 0.25}});
  log_.append({{"step", 2}});
  log_.flush();
  EXPECT_EQ(test::read_bytes(path_), "{\"step\":1,\"loss\":0.25}\n{\"step\":2}\n");
}

TEST_F(RunLogTest, IsNotWrittenAgainWhereAllStays) {
  test::write_bytes(path_, log_lines(1, 3));
  const auto before = inode();
  EXPECT_THAT(rewind(3), ElementsAre(1, 2, 3));
  EXPECT_EQ(inode(), before);
  EXPECT_EQ(test::read_bytes(path_), log_lines(1, 3));
  // The next line begins on one of its own.
  test::write_bytes(path_, log_lines(1, 3).substr(0, log_lines(1, 3).size() - 1));
  EXPECT_THAT(rewind(3), ElementsAre(1, 2, 3));
  EXPECT_EQ(inode(), before);
  EXPECT_EQ(test::read_bytes(path_), log_lines(1, 3));
  EXPECT_FALSE(fs::exists(log_.damaged()));
}

TEST_F(RunLogTest, LaterStepsAreDroppedOrCopied) {
  test::write_bytes(path_, log_lines(1, 5) + log_lines(2, 3));
  EXPECT_EQ(log_.copy_later(3, folder_ / "later"), 2);
  EXPECT_EQ(test::read_bytes(folder_ / "later"), log_lines(4, 5));
  EXPECT_EQ(test::read_bytes(path_), log_lines(1, 5) + log_lines(2, 3));
  EXPECT_THAT(rewind(3), ElementsAre(1, 2, 3, 2, 3));
  EXPECT_EQ(test::read_bytes(path_), log_lines(1, 3) + log_lines(2, 3));
  EXPECT_FALSE(fs::exists(log_.damaged()));
}

TEST_F(RunLogTest, WhatIsNoLineOfALogIsKeptAside) {
  const std::string deep(100000, '['),
      objects = "{\"step\":1,\"a\":{\"b\":{\"c\":{\"d\":{\"e\":2}}}}}";
  const std::vector<std::string> bad{"",
                                     "no JSON",
                                     "{\"step\":3",
                                     "[1]",
                                     "7",
                                     "{\"loss\":1}",
                                     "{\"step\":\"1\"}",
                                     "{\"step\":1.5}",
                                     "{\"step\":-1}",
                                     "{\"step\":18446744073709551615}",
                                     deep,
                                     objects,
                                     "{\"step\":1,\"a\":" + deep + "}",
                                     "{\"step\":1}{\"step\":2}",
                                     "{\"step\":1,\"text\":\"" + std::string(2000000, 'x') + "\"}",
                                     std::string(5000, '\0'),
                                     "\xff\xfe{\"step\":1}"};
  std::string text = log_line(1), aside;
  for (const auto& one : bad) {
    text += one + "\n" + log_line(2);
    aside += one + "\n";
  }
  test::write_bytes(path_, text);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(rewind(2).size(), bad.size() + 1);
  const auto said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("log.jsonl: " + std::to_string(bad.size()) +
                              " lines, the first line 2, are torn"));
  EXPECT_TRUE(test::read_bytes(log_.damaged()) == aside);
  EXPECT_EQ(rewind(2).size(), bad.size() + 1);
  EXPECT_TRUE(test::read_bytes(log_.damaged()) == aside);
}

TEST_F(RunLogTest, PowerCutsTakeNoLineThatIsWhole) {
  const std::string whole = log_lines(1, 400);
  std::mt19937 random(7);
  for (int cut = 0; cut < 60; ++cut) {
    const size_t at = random() % whole.size();
    const size_t kept =
        whole.rfind('\n', at) == std::string::npos || at == 0 ? 0 : whole.rfind('\n', at - 1) + 1;
    std::string tail = whole.substr(kept, at - kept);
    if (cut % 3 == 1) tail += std::string(random() % 5000 + 1, '\0');
    if (cut % 3 == 2) {
      for (int i = 0; i < 300; ++i) tail += static_cast<char>(random() % 256);
    }
    test::write_bytes(path_, whole.substr(0, kept) + tail);
    fs::remove(log_.damaged());
    ::testing::internal::CaptureStderr();
    const auto steps = rewind(400);
    const auto said = ::testing::internal::GetCapturedStderr();
    // A line that lacks nothing but its newline is whole.
    const bool lost = !tail.empty() && whole.compare(kept, tail.size() + 1, tail + "\n") != 0;
    const auto before = std::count(whole.begin(), whole.begin() + static_cast<int64_t>(kept), '\n');
    EXPECT_EQ(steps.size(), static_cast<size_t>(before) + (tail.empty() || lost ? 0 : 1));
    EXPECT_EQ(said.empty(), !lost);
    EXPECT_TRUE(test::read_bytes(log_.damaged()).substr(0, tail.size()) == (lost ? tail : ""));
    log_.append({{"step", 401}});
    EXPECT_EQ(rewind(500).size(), steps.size() + 1);
  }
}

TEST_F(RunLogTest, StaysAsItIsWhereItCannotBeReadOrWritten) {
  fs::create_directory(path_);
  EXPECT_THAT(test::error_of([&] { rewind(3); }), HasSubstr("log.jsonl: is not a regular file"));
  fs::remove(path_);
  const std::string text = log_lines(1, 200) + "torn\n" + log_lines(201, 300);
  test::write_bytes(path_, text);
  {
    const test::FullDisk full(1);
    EXPECT_THAT(test::error_of([&] { rewind(300); }), HasSubstr("cannot write"));
  }
  EXPECT_TRUE(test::read_bytes(path_) == text);
}

}  // namespace
}  // namespace vidgen::checkpoint
