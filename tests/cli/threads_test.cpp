#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/workspace.h"

/// What the program makes of the machine that it finds. Never how fast.
namespace vidgen::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Environment = std::map<std::string, std::string>;

/// What OpenMP says of the settings that it found: those given, none of ours.
std::string openmp_settings(const Environment& environment) {
  Program::Arguments words{"-u", "OMP_WAIT_POLICY", "-u", "GOMP_SPINCOUNT",
                           "OMP_DISPLAY_ENV=VERBOSE"};
  for (const auto& [name, value] : environment) words.push_back(name + "=" + value);
  words.insert(words.end(), {program_path().string(), "--version"});
  const auto result = run_program("/usr/bin/env", words, {});
  expect_success(result);
  return result.err;
}

TEST(ThreadsTest, WaitAsleepAfterHalfAMillisecond) {
  EXPECT_THAT(openmp_settings({}), HasSubstr("GOMP_SPINCOUNT = '50000'"));
}

TEST(ThreadsTest, WaitAsTheUserSays) {
  EXPECT_THAT(openmp_settings({{"GOMP_SPINCOUNT", "7"}}), HasSubstr("GOMP_SPINCOUNT = '7'"));
  EXPECT_THAT(openmp_settings({{"OMP_WAIT_POLICY", "passive"}}), HasSubstr("GOMP_SPINCOUNT = '0'"));
  EXPECT_THAT(openmp_settings({{"OMP_WAIT_POLICY", "active"}}),
              HasSubstr("GOMP_SPINCOUNT = '30000000000'"));
}

TEST(ThreadsTest, AnotherNumberAtResumeIsSaid) {
  const Workspace work;
  const auto train = [&](const char* steps, const char* threads) {
    auto options = work.options();
    options.environment["OMP_NUM_THREADS"] = threads;
    const auto result = run_program(
        program_path(), Workspace::train_arguments({"--set", std::string("train.steps=") + steps}),
        options);
    expect_success(result);
    return result.err;
  };
  train("1", "1");
  EXPECT_THAT(train("2", "1"), Not(HasSubstr("CPU threads")));
  EXPECT_THAT(train("3", "2"),
              HasSubstr("was computed on 1 CPU threads and goes on on 2, which round differently; "
                        "OMP_NUM_THREADS=1"));
}

/// The precision that train.precision: auto becomes.
std::string automatic_precision(const Workspace& work, const Environment& environment) {
  auto options = work.options();
  options.environment.insert(environment.begin(), environment.end());
  const auto result = run_program(program_path(),
                                  {"bench", "train", "tiny.yaml", "--set", "train.precision=auto",
                                   "--repeats", "1", "--warmup", "0", "--json", "out.json"},
                                  options);
  expect_success(result);
  return core::Json::parse(read_bytes(work / "out.json"))["precision"];
}

TEST(PrecisionTest, AutoIsWhatOneDnnHasInstructionsFor) {
  const Workspace work;
  for (const char* isa : {"AVX2", "AVX512_CORE"}) {
    EXPECT_EQ(automatic_precision(work, {{"ONEDNN_MAX_CPU_ISA", isa}}), "float32") << isa;
  }
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512bf16")) {
    EXPECT_EQ(automatic_precision(work, {}), "bfloat16");
  }
#endif
}

}  // namespace
}  // namespace vidgen::test
