#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>

#include "cli/workspace.h"

/// The log of a run that goes on after a power cut.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

Workspace::Arguments to_step(int64_t count) {
  return {"--set", "train.steps=" + std::to_string(count)};
}

TEST(RunLogTest, FifteenPowerCuts) {
  const Workspace work;
  const auto log = work / "run/log.jsonl", aside = work / "run/log.jsonl.damaged";
  expect_success(work.train(to_step(10)));
  std::mt19937 random(3);
  for (int cut = 0; cut < 15; ++cut) {
    SCOPED_TRACE(cut);
    const std::string before = read_bytes(log);
    // In the last lines: what checkpoints have behind them is on the disk.
    size_t at = before.size() - 1 - random() % 600;
    while (before[at - 1] == '}' || before[at - 1] == '\n') --at;
    std::string after = before.substr(0, at);
    if (cut % 3 == 1) after += std::string(random() % 4096 + 1, '\0');
    if (cut % 3 == 2) {
      for (int i = 0; i < 200; ++i) after += static_cast<char>(random() % 256);
    }
    write_bytes(log, after);
    fs::remove(aside);
    const size_t good = after.rfind('\n', at - 1) + 1;
    const auto resumed = work.train(to_step(11 + cut));
    expect_success(resumed);
    EXPECT_THAT(resumed.err, HasSubstr("run/log.jsonl: "));
    EXPECT_THAT(resumed.err, HasSubstr("kept aside in run/log.jsonl.damaged"));
    const auto now = read_bytes(log), kept = read_bytes(aside);
    EXPECT_EQ(now.substr(0, good), before.substr(0, good));
    EXPECT_TRUE(kept.substr(0, after.size() - good) == after.substr(good));
    EXPECT_EQ(read_log(work / "run").back().at("step"), 11 + cut);
  }
}

TEST(RunLogTest, ALogThatCannotBeReadIsNotShortened) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer wants to be loaded before all else";
#endif
  const Workspace work;
  expect_success(work.train(to_step(3)));
  const auto before = read_bytes(work / "run/log.jsonl");
  auto options = work.options();
  options.environment["LD_PRELOAD"] = VIDGEN_TEST_FAILING_READ_LIBRARY;
  options.environment["VIDGEN_TEST_FAILING_READ"] = "log.jsonl";
  options.environment["VIDGEN_TEST_FAILING_READ_FROM"] = "100";
  const auto resumed = run_program(program_path(), work.train_arguments(to_step(5)), options);
  EXPECT_EQ(resumed.exit_code, 2);
  EXPECT_THAT(lines_of(resumed.err).back(),
              HasSubstr("cannot read run/log.jsonl: Input/output error"));
  EXPECT_EQ(read_bytes(work / "run/log.jsonl"), before);
  expect_success(work.train(to_step(5)));
  EXPECT_EQ(read_bytes(work / "run/log.jsonl").substr(0, before.size()), before);
  EXPECT_EQ(read_log(work / "run").size(), 5u);
}

TEST(RunLogTest, LinesOfOtherProgramsAreKeptAside) {
  const Workspace work;
  expect_success(work.train(to_step(2)));
  const auto log = work / "run/log.jsonl";
  const std::string good = read_bytes(log), deep(1000000, '[');
  const std::string strange = "{\"step\":1,\"seconds\":\"many\",\"clips_per_second\":null}\n";
  write_bytes(log, good + deep + "\n" + strange + "{\"step\":1,\"a\":" + deep + "\n");
  const auto resumed = work.train(to_step(3));
  expect_success(resumed);
  EXPECT_THAT(resumed.err, HasSubstr("2 lines, the first line 3, are torn"));
  EXPECT_EQ(read_bytes(log).substr(0, good.size() + strange.size()), good + strange);
  EXPECT_TRUE(read_bytes(log.string() + ".damaged") == deep + "\n{\"step\":1,\"a\":" + deep + "\n");
}

}  // namespace
}  // namespace vidgen::test
