#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/workspace.h"
#include "vidgen/core/interrupt.h"

/// How the program is ended: by signals, by who started it, by another one of its kind.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Arguments = Workspace::Arguments;

/// The words of the command that the program tells to go on with.
Arguments command_to_go_on(const std::string& err) {
  const std::string mark = "To go on: vidgen ";
  const size_t begin = err.find(mark);
  if (begin == std::string::npos) return {};
  std::istringstream words(lines_of(err.substr(begin + mark.size())).front());
  return {std::istream_iterator<std::string>(words), {}};
}

Arguments endless() {
  return {"--set", "train.steps=1000000", "--set", "train.checkpoint_every=1000000"};
}

bool comes_to_step(Program& program, const Workspace& work, size_t step) {
  return wait_until([&] {
           return lines_of(read_bytes(work / "run/log.jsonl")).size() >= step || !program.running();
         }) &&
         program.running();
}

class StoppingSignalTest : public ::testing::TestWithParam<int> {};

TEST_P(StoppingSignalTest, SavesAndTellsHowToGoOn) {
  const Workspace work;
  auto arguments = endless();
  // Settings of the command line that the way to go on must not lose.
  arguments.insert(arguments.end(),
                   {"--set", "train.seed=3", "--set", "train.sample_every=900000"});
  Program program(program_path(), work.train_arguments(arguments), work.options());
  ASSERT_TRUE(comes_to_step(program, work, 3));
  program.signal(GetParam());
  const auto result = program.wait();
  EXPECT_EQ(result.exit_code, core::kStoppedExitCode) << result.err << result.signal;
  const auto steps = checkpoint_steps(work / "run");
  ASSERT_EQ(steps.size(), 1u) << result.err;
  EXPECT_EQ(read_log(work / "run").size(), static_cast<size_t>(steps[0]));
  EXPECT_THAT(result.err, HasSubstr("stopped at step " + std::to_string(steps[0])));
  EXPECT_FALSE(fs::exists(work / "run/weights.safetensors"));
  EXPECT_FALSE(fs::exists(work / "run/.vidgen-lock"));
  // It shows what it came to.
  const std::string sheet = checkpoint_file("", steps[0]).stem().string() + ".png";
  EXPECT_TRUE(fs::exists(work / "run/samples" / sheet)) << sheet;
  EXPECT_THAT(read_bytes(work / "run/report.html"), Not(HasSubstr("http-equiv")));

  auto command = command_to_go_on(result.err);
  ASSERT_THAT(command, Not(IsEmpty())) << result.err;
  command.insert(command.end(), {"--set", "train.steps=" + std::to_string(steps[0] + 2)});
  expect_success(work.run(command));
  EXPECT_EQ(newest_step(work / "run"), steps[0] + 2);
  EXPECT_TRUE(fs::exists(work / "run/weights.safetensors"));
}

INSTANTIATE_TEST_SUITE_P(Signals, StoppingSignalTest,
                         ::testing::Values(SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU, SIGALRM,
                                           SIGUSR2),
                         [](const auto& info) { return std::string(::sigabbrev_np(info.param)); });

TEST(SignalTest, Usr1SavesAndPipeDoesNothing) {
  const Workspace work;
  Program program(program_path(), work.train_arguments(endless()), work.options());
  ASSERT_TRUE(comes_to_step(program, work, 3));
  program.signal(SIGPIPE);
  program.signal(SIGUSR1);
  ASSERT_TRUE(wait_until([&] { return newest_step(work / "run") > 0 || !program.running(); }));
  const auto first = newest_step(work / "run");
  ASSERT_TRUE(comes_to_step(program, work, static_cast<size_t>(first) + 2)) << program.err();
  program.signal(SIGUSR1);
  ASSERT_TRUE(wait_until([&] { return newest_step(work / "run") > first || !program.running(); }));
  EXPECT_TRUE(program.running()) << program.err();
}

TEST(SignalTest, SecondInterruptEndsAtOnce) {
  const Workspace work;
  // It is still in its first step when the signals arrive.
  Program program(program_path(),
                  Workspace::train_arguments({"--set", "train.batch_size=256", "--set",
                                              "train.accumulate=64", "--set", "train.steps=1000"}),
                  work.options());
  ASSERT_TRUE(wait_until([&] {
    return program.err().find("from step 0 to 1000") != std::string::npos || !program.running();
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  program.signal(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ASSERT_TRUE(program.running()) << program.err();
  program.signal(SIGINT);
  const auto result = program.wait();
  EXPECT_EQ(result.signal, SIGINT) << result.err;
  EXPECT_THAT(checkpoint_steps(work / "run"), IsEmpty());
  EXPECT_FALSE(fs::exists(work / "run/.vidgen-lock"));
  EXPECT_THAT(work.temporary_files(), IsEmpty());
}

/// `vidgen` with what a shell does with its descriptors or signals.
ProgramResult run_in_shell(const Workspace& work, const std::string& line) {
  auto options = work.options();
  options.environment["VIDGEN"] = program_path().string();
  return run_program("/bin/sh", {"-c", line}, options);
}

TEST(SignalTest, ClosedDescriptorsGetIntoNoFile) {
  const Workspace work;
  const auto result = run_in_shell(work, "exec \"$VIDGEN\" train --config tiny.yaml <&- >&- 2>&-");
  expect_success(result);
  const auto open = run_in_shell(work, "exec \"$VIDGEN\" train --config tiny.yaml --run-dir open");
  expect_success(open);
  for (const char* name : {"weights.safetensors", "checkpoints/step-00000002.safetensors"}) {
    EXPECT_THAT(read_bytes(work / "run" / name), Not(HasSubstr("step 2/2"))) << name;
  }
  EXPECT_EQ(read_log(work / "run").size(), 2u);
  const auto lost = run_in_shell(work, "exec \"$VIDGEN\" inspect run >&-");
  EXPECT_EQ(lost.exit_code, 2);
  EXPECT_THAT(lost.err, HasSubstr("cannot write to standard output"));
}

TEST(SignalTest, WhoDoesNotReadOnDoesNotEndATraining) {
  const Workspace work;
  expect_success(run_in_shell(
      work,
      "\"$VIDGEN\" train --config tiny.yaml --set train.steps=30 2>&1 | head -n 1 >/dev/null"));
  EXPECT_TRUE(fs::exists(work / "run/weights.safetensors"));
  const auto head = run_in_shell(work, "\"$VIDGEN\" config --explain | head -n 1");
  EXPECT_EQ(head.err, "");
}

TEST(SignalTest, HangingUpIsIgnoredWhereNohupSaysSo) {
  const Workspace work;
  auto options = work.options();
  options.environment["VIDGEN"] = program_path().string();
  Program program("/bin/sh",
                  {"-c",
                   "trap '' HUP; exec \"$VIDGEN\" train --config tiny.yaml --set "
                   "train.steps=1000000 --set train.checkpoint_every=1000000"},
                  options);
  ASSERT_TRUE(comes_to_step(program, work, 3));
  program.signal(SIGHUP);
  const auto lines = lines_of(read_bytes(work / "run/log.jsonl")).size();
  EXPECT_TRUE(comes_to_step(program, work, lines + 5)) << program.err();
}

TEST(SignalTest, FilesThatMayNotGrowGiveALine) {
  const Workspace work;
  auto options = work.options();
  options.file_limit = 3000;
  for (const auto& arguments : {Workspace::train_arguments({}),
                                {"data", "synth", "moving-digits", "--out", "digits", "--clips",
                                 "1", "--digits-image", sample_video("digits.png").string()}}) {
    const auto result = run_program(program_path(), arguments, options);
    EXPECT_EQ(result.exit_code, 2) << "signal " << result.signal;
    EXPECT_THAT(result.err, HasSubstr("File too large"));
  }
  EXPECT_THAT(work.temporary_files(), IsEmpty());
}

TEST(SignalTest, WhatCannotGoOnIsEndedByItAndLeavesNothing) {
  const Workspace work;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    Program program(program_path(), {"sample", "--checkpoint", "none", "--out", "a.mp4"},
                    work.options());
    program.wait();
    Program synth(program_path(),
                  {"data", "synth", "moving-digits", "--out", "digits", "--clips", "100000",
                   "--digits-image", sample_video("digits.png").string()},
                  work.options());
    ASSERT_TRUE(wait_until(
        [&] { return fs::exists(work / "digits/clip-000002.avi") || !synth.running(); }));
    synth.signal(signal);
    EXPECT_EQ(synth.wait().signal, signal);
    EXPECT_THAT(work.temporary_files(), IsEmpty());
    EXPECT_FALSE(fs::exists(work / "digits/.vidgen-lock"));
  }
}

TEST(OneWriterTest, ASecondTrainingIsRefused) {
  const Workspace work;
  Program first(program_path(), work.train_arguments(endless()), work.options());
  ASSERT_TRUE(comes_to_step(first, work, 3));
  const auto second = work.train(endless());
  expect_refused(second, {"run: is being written by vidgen train, process ", " on ", ", since 20"});
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait().exit_code, core::kStoppedExitCode);
  int64_t last = 0;
  for (const auto& line : read_log(work / "run")) EXPECT_EQ(line.at("step"), ++last);
  EXPECT_EQ(newest_step(work / "run"), last);
}

TEST(OneWriterTest, AKilledTrainingLocksNothing) {
  const Workspace work;
  auto arguments = endless();
  arguments.back() = "train.checkpoint_every=1";
  Program first(program_path(), work.train_arguments(arguments), work.options());
  ASSERT_TRUE(comes_to_step(first, work, 3));
  first.signal(SIGKILL);
  first.wait();
  EXPECT_TRUE(fs::exists(work / "run/.vidgen-lock"));
  const auto next = std::to_string(newest_step(work / "run") + 1);
  expect_success(work.train({"--set", "train.steps=" + next}));
  EXPECT_FALSE(fs::exists(work / "run/.vidgen-lock"));
}

TEST(OneWriterTest, WithoutLocksALeaseKeepsOthersOut) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer wants to be loaded before all else";
#endif
  const Workspace work;
  auto options = work.options();
  options.environment["LD_PRELOAD"] = VIDGEN_TEST_INJECT_LIBRARY;
  options.environment["VIDGEN_INJECT_UNDER"] = (work / "run").string();
  options.environment["VIDGEN_INJECT"] = "flock:0:" + std::to_string(ENOLCK);
  const auto arguments = work.train_arguments(endless());
  Program first(program_path(), arguments, options);
  ASSERT_TRUE(comes_to_step(first, work, 3)) << first.err();
  expect_refused(run_program(program_path(), arguments, options),
                 {"run: is being written by vidgen train, process "});
  first.signal(SIGKILL);
  first.wait();
  // The process that holds the lease is not there any more.
  expect_success(
      run_program(program_path(), work.train_arguments({"--set", "train.steps=3"}), options));
  EXPECT_FALSE(fs::exists(work / "run/.vidgen-lock-lease"));
}

TEST(OneWriterTest, TwoPrepareOneCacheTogether) {
  const Workspace work;
  fs::create_directory(work / "films");
  for (int i = 0; i < 12; ++i) {
    write_tiny_video(work / ("films/" + std::to_string(i) + ".mp4"), 200, 64);
  }
  const Arguments prepare{"data",      "prepare", "--config",
                          "tiny.yaml", "--set",   "data.sources=films"};
  Program first(program_path(), prepare, work.options()),
      second(program_path(), prepare, work.options());
  const auto one = first.wait(), two = second.wait();
  expect_success(one);
  expect_success(two);
  EXPECT_EQ(one.out, two.out);
  EXPECT_EQ(std::distance(fs::directory_iterator(work / "cache/clips"), {}), 12);
}

TEST(LeftoversTest, KilledSynthAndPrepareGoOn) {
  const Workspace work, whole;
  const Arguments synth{
      "data",    "synth", "moving-digits", "--out",          "digits",
      "--clips", "40",    "--classes",     "--digits-image", sample_video("digits.png").string()};
  {
    Program program(program_path(), synth, work.options());
    ASSERT_TRUE(wait_until([&] { return work.tree().size() > 15 || !program.running(); }));
    program.signal(SIGKILL);
    program.wait();
  }
  auto other = synth;
  other.insert(other.end(), {"--seed", "5"});
  expect_refused(work.run(other), {"digits: was left unfinished with other options"});
  expect_success(work.run(synth));
  expect_success(whole.run(synth));
  const auto made = work.tree();
  EXPECT_EQ(made, whole.tree());
  for (const auto& name : made) {
    if (name.find(".avi") != std::string::npos) {
      EXPECT_TRUE(read_bytes(work / name) == read_bytes(whole / name)) << name;
    }
  }
  expect_refused(work.run(synth), {"digits: is not empty"});

  write_bytes(work / "cache/clips/clip.vidgen-tmp1234.clips", "left");
  expect_success(work.run({"data", "prepare", "--config", "tiny.yaml"}));
  EXPECT_THAT(work.temporary_files(), IsEmpty());
}

}  // namespace
}  // namespace vidgen::test
