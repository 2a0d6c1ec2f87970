#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/video/reader.h"

/// Commands as people type them: without the names of options, with names that hold anything.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Arguments = Workspace::Arguments;

/// A workspace with a finished run of two steps.
class TypedTest : public ::testing::Test {
 protected:
  void SetUp() override { expect_success(work_.run({"train", "tiny.yaml"})); }

  torch::Tensor clips(const Arguments& more) {
    Arguments arguments{"sample", "run", "--out", "clips.safetensors"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_success(work_.run(arguments));
    return checkpoint::read_safetensors(work_ / "clips.safetensors").tensors.at("clips");
  }

  int64_t frames(const fs::path& file) {
    video::VideoReader reader(work_ / file);
    int64_t count = 0;
    while (reader.skip()) ++count;
    return count;
  }

  void expect_sample_refused(Arguments more, const std::vector<std::string>& parts) {
    more.insert(more.begin(), {"sample", "run"});
    expect_refuses(work_, more, parts);
  }

  Workspace work_;
};

TEST_F(TypedTest, WhatACommandWorksOnNeedsNoOption) {
  const auto plain = work_.run({"sample", "--checkpoint", "run", "--out", "a.safetensors"});
  expect_success(plain);
  expect_success(work_.run({"sample", "run", "--out", "b.safetensors"}));
  EXPECT_EQ(read_bytes(work_ / "a.safetensors"), read_bytes(work_ / "b.safetensors"));
  write_tiny_video(work_ / "long.mp4", 50);
  expect_success(
      work_.run({"eval", "--data", "long.mp4", "--clips", "2", "--metrics", "swd,psnr", "run"}));
  expect_success(work_.run({"prune", "run", "--out", "p.safetensors", "--sparsity", "0.5"}));
  expect_success(work_.run({"quantize", "run", "--out", "q.safetensors", "--clips", "2"}));
  expect_success(work_.run({"export", "run", "--out", "m.onnx"}));
  expect_success(work_.run({"data", "prepare", "--set", "data.size=16", "tiny.yaml"}));
  EXPECT_EQ(work_.run({"config", "tiny.yaml"}).out,
            work_.run({"config", "--config", "tiny.yaml"}).out);
  expect_success(work_.run({"distill", "tiny.yaml", "--teacher", "run", "--run-dir", "student",
                            "--set", "train.steps=1"}));
  expect_refuses(work_, {"sample", "run", "--checkpoint", "run", "--out", "a.mp4"},
                 {"--checkpoint: given 2 times"});
}

TEST_F(TypedTest, SeedsAreThoseOfTheSingleCommands) {
  const auto all = clips({"--seeds", "3-5,9"});
  ASSERT_EQ(all.size(0), 4);
  EXPECT_TRUE(all[0].equal(clips({"--seed", "3"})[0]));
  EXPECT_TRUE(all[3].equal(clips({"--seed", "9"})[0]));
  const auto pairs = clips({"--seeds", "4,3", "--count", "2"});
  ASSERT_EQ(pairs.size(0), 4);
  EXPECT_TRUE(pairs.narrow(0, 2, 2).equal(clips({"--seed", "3", "--count", "2"})));

  expect_success(work_.run({"sample", "run", "--seeds", "0-1", "--out", "each"}));
  EXPECT_TRUE(fs::exists(work_ / "each/seed-0.mp4"));
  EXPECT_TRUE(fs::exists(work_ / "each/seed-1.mp4"));
  expect_success(work_.run({"sample", "run", "--seeds", "7", "--count", "2", "--out", "two"}));
  EXPECT_TRUE(fs::exists(work_ / "two/seed-7-clip-0001.mp4"));
  expect_success(work_.run({"sample", "run", "--seeds", "0-3", "--grid", "2x2", "--out", "g.mp4"}));
  EXPECT_EQ(frames("g.mp4"), 10);
  const std::string largest = "9223372036854775807";
  expect_success(work_.run({"sample", "run", "--seeds", largest, "--out", "l.mp4"}));

  for (const std::string seeds : {"x", "", "1-", "-1", "1--2", "1.5", "9223372036854775808"}) {
    expect_sample_refused({"--out", "a.mp4", "--seeds", seeds}, {"--seeds"});
  }
  expect_sample_refused({"--out", "a.mp4", "--seeds", "5-1"}, {"--seeds 5-1", "lower end first"});
  expect_sample_refused({"--out", "a.mp4", "--seeds", "0-" + largest}, {"at most 100000 seeds"});
  expect_sample_refused({"--out", "a.mp4", "--seeds", "1", "--seed", "2"}, {"--seeds", "--seed"});
}

TEST_F(TypedTest, ContradictionsAreSaid) {
  expect_success(work_.run({"sample", "run", "--out", "a.mp4", "--count", "8", "--grid", "2x4"}));
  expect_sample_refused({"--out", "a.mp4", "--count", "5", "--grid", "2x4"},
                        {"--grid 2x4", "8 clips", "--count 5"});
  expect_sample_refused({"--out", "a.mp4", "--seeds", "0-2", "--grid", "2x4"},
                        {"--grid 2x4", "8 clips", "3 seeds"});
  expect_sample_refused({"--out", "a.mp4", "--seeds", "0-1", "--count", "3", "--grid", "2x4"},
                        {"--count 3 for each of 2 seeds"});
  expect_sample_refused({"--out", "a.png", "--fps", "10"}, {"--fps", "picture"});
  const Arguments prune{"prune", "run", "--out", "a.safetensors", "--sparsity", "0.5"};
  const auto with = [](Arguments arguments, const Arguments& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  expect_refuses(work_, with(prune, {"--importance", "l1"}),
                 {"--importance", "--method structured"});
  expect_refuses(work_, with(prune, {"--method", "structured", "--scope", "global"}), {"--scope"});
  expect_refuses(work_, {"export", "run", "--out", "a.onnx", "--count", "2"},
                 {"--count", "--reference"});
  expect_refuses(work_, {"quantize", "run", "--out", "a.safetensors", "--percentile", "99"},
                 {"--percentile", "--calibration percentile"});
  expect_refuses(work_, {"bench", "train", "tiny.yaml", "--trace", "t.json", "--json", "b.json"},
                 {"--trace", "--json"});
}

TEST_F(TypedTest, NothingIsWrittenToStandardOutput) {
  for (const Arguments& arguments : {Arguments{"sample", "run", "--out", "-"},
                                     {"prune", "run", "--sparsity", "0.5", "--out", "-"},
                                     {"quantize", "run", "--out", "-"},
                                     {"export", "run", "--out", "-"},
                                     {"export", "run", "--out", "a.onnx", "--reference", "-"},
                                     {"compare", "run", "run", "--out", "-"},
                                     {"compare", "run", "run", "--json", "-"},
                                     {"eval", "run", "--report", "-"},
                                     {"eval", "run", "--json=-"},
                                     {"train", "tiny.yaml", "--run-dir", "-"},
                                     {"bench", "train", "tiny.yaml", "--json", "-"},
                                     {"bench", "train", "tiny.yaml", "--trace", "-"},
                                     {"bench", "train", "tiny.yaml", "--step", "-"},
                                     {"bench", "memory", "run", "--json", "-"},
                                     {"data", "synth", "moving-digits", "--out", "-"}}) {
    expect_refuses(work_, arguments, {": - is refused", "./-"});
  }
  expect_success(work_.run({"sample", "run", "--out", "./-"}));
  EXPECT_TRUE(fs::exists(work_ / "-/clip-0000.mp4"));
}

TEST_F(TypedTest, NumbersSayTheirRange) {
  const std::string seeds = "expected a whole number from 0 to 2^63-1";
  for (const std::string value : {"x", "-1", "1.5", "1e3", "9223372036854775808", ""}) {
    expect_sample_refused({"--out", "a.mp4", "--seed", value}, {"--seed: found ", seeds});
  }
  const Arguments run{"run"};
  expect_refuses(work_, {"eval", "run", "--seed", "x"}, {"--seed: found x, " + seeds});
  expect_refuses(work_, {"compare", "run", "run", "--seed", "x"}, {"--seed: found x, " + seeds});
  expect_refuses(work_, {"quantize", "run", "--out", "a.safetensors", "--seed", "x"}, {seeds});
  expect_refuses(work_, {"data", "synth", "moving-digits", "--out", "d", "--seed", "x"}, {seeds});
  expect_refuses(work_, {"data", "synth", "moving-digits", "--out", "d", "--speed", "nan"},
                 {"--speed: found nan, expected a number from 0 to 1024"});
  expect_refuses(work_, {"data", "inspect", "clip.mp4", "--size", "12"},
                 {"--size: found 12, expected a whole number from 16 to 1024"});
  expect_refuses(work_, {"quantize", "run", "--out", "a.safetensors", "--max-drop", "inf"},
                 {"--max-drop: found inf, expected a number of at least 0"});
  expect_refuses(work_, {"bench", "render", "run", "--repeats", "0"},
                 {"--repeats: found 0, expected a whole number from 1 to 100000"});
}

/// A workspace with folders of videos whose names are signs of YAML and lists.
class NamesTest : public ::testing::Test {
 protected:
  static constexpr const char* kNames[] = {"take #2", "[2023] trip", "a: b", "[x]",
                                           "{y}",     "*z",          "5"};

  void SetUp() override {
    for (const char* name : kNames) {
      fs::create_directory(work_ / name);
      fs::copy_file(work_ / "clip.mp4", work_ / name / "1.mp4");
    }
    // What a program that reads YAML would take.
    fs::create_directory(work_ / "take");
    write_tiny_video(work_ / "take/1.mp4", 12);
  }
  /// data prepare tiny.yaml with these options; the number of training clips.
  void expect_clips(const Arguments& more, int64_t clips) {
    Arguments arguments{"data", "prepare", "tiny.yaml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = work_.run(arguments);
    expect_success(result);
    EXPECT_THAT(result.out, HasSubstr(" " + std::to_string(clips) + " training clips"));
  }

  Workspace work_;
};

TEST_F(NamesTest, SourcesAreTheFoldersThatAreNamed) {
  for (const std::string name : kNames) {
    SCOPED_TRACE(name);
    expect_clips({"--set", "data.sources=" + name}, 15);
    expect_clips({"--data", name}, 15);
  }
  expect_clips({"--set", "data.sources='take #2'"}, 15);
  expect_clips({"--set", "data.sources=[take, \"take #2\"]"}, 18);
  expect_clips({"--data", "take", "--data", "[x]"}, 18);
  expect_refuses(work_, {"data", "prepare", "tiny.yaml", "--set", "data.sources=[2024] trip"},
                 {"data.sources=[2024] trip", "no file or folder of that name"});
  expect_refuses(work_, {"data", "prepare", "tiny.yaml", "--data", "take #3"},
                 {"take #3: no such file or folder"});
}

TEST_F(NamesTest, FoldersOfRunsToo) {
  for (const std::string set : {"run_dir=run #1", "run_dir=\"[r]\"", "run_dir=r: 2"}) {
    expect_success(work_.train({"--set", set, "--set", "train.steps=1"}));
  }
  for (const std::string name : {"run #1", "[r]", "r: 2"}) {
    EXPECT_TRUE(fs::exists(work_ / name / "weights.safetensors")) << name;
  }
  expect_success(work_.run({"compare", "[r]", "run #1", "--clips", "2", "--repeats", "1"}));
  expect_success(work_.run(
      {"distill", "tiny.yaml", "--teacher", "r: 2", "--run-dir", "[s]", "--set", "train.steps=1"}));
  EXPECT_TRUE(fs::exists(work_ / "[s]/weights.safetensors"));
}

TEST_F(NamesTest, ClassesWithCommas) {
  fs::create_directory(work_ / "set");
  for (const std::string name : {"dog", "tabby, cat", "5\" cat"}) {
    fs::create_directory(work_ / "set" / name);
    fs::copy_file(work_ / "clip.mp4", work_ / "set" / name / "1.mp4");
  }
  expect_success(work_.train({"--data", "set", "--set", "data.classes=true"}));
  const auto clips = [this](const std::string& names) {
    expect_success(
        work_.run({"sample", "run", "--out", "c.safetensors", "--count", "2", "--class", names}));
    return checkpoint::read_safetensors(work_ / "c.safetensors").tensors.at("clips");
  };
  const auto cats = clips("tabby, cat"), dogs = clips("dog");
  EXPECT_FALSE(cats.equal(dogs));
  EXPECT_TRUE(clips("\"tabby, cat\"").equal(cats));
  EXPECT_TRUE(clips("tabby\\, cat").equal(cats));
  const auto both = clips("\"tabby, cat\", dog");
  EXPECT_TRUE(both[0].equal(cats[0]));
  EXPECT_TRUE(both[1].equal(dogs[1]));
  EXPECT_FALSE(clips("5\" cat").equal(cats));
  expect_refuses(work_, {"sample", "run", "--out", "c.mp4", "--class", "tabby,dog"},
                 {"class tabby: ", "dog, \"tabby, cat\""});
  const auto shown = work_.run({"inspect", "run"});
  EXPECT_THAT(shown.out, HasSubstr("classes   \"5\\\" cat\", dog, \"tabby, cat\"\n"));
  expect_success(work_.run({"export", "run", "--out", "m.onnx"}));
  EXPECT_THAT(read_bytes(work_ / "m.onnx"), HasSubstr("\"tabby, cat\""));
}

TEST_F(NamesTest, ATildeIsTheHomeFolder) {
  fs::create_directories(work_ / "home/clips");
  fs::copy_file(work_ / "clip.mp4", work_ / "home/clips/1.mp4");
  auto options = work_.options();
  options.environment["HOME"] = (work_ / "home").string();
  const auto run = [&](const Arguments& arguments) {
    return run_program(program_path(), arguments, options);
  };
  expect_success(run({"train", "tiny.yaml", "--set", "data.sources=~/clips", "--set",
                      "run_dir=~/run", "--set", "train.steps=1"}));
  EXPECT_TRUE(fs::exists(work_ / "home/run/weights.safetensors"));
  // No shell sees a ~ behind an equals sign.
  expect_success(run({"sample", "--checkpoint=~/run", "--out=~/a.mp4"}));
  EXPECT_TRUE(fs::exists(work_ / "home/a.mp4"));
  EXPECT_FALSE(fs::exists(work_ / "~"));
  expect_refused(run({"train", "tiny.yaml", "--run-dir", "~bob/run"}), {"--run-dir", "~bob/run"});
  expect_refused(run({"train", "tiny.yaml", "--set", "run_dir=~bob"}), {"run_dir", "~bob"});
  EXPECT_FALSE(fs::exists(work_ / "~bob"));
}

TEST(SizeTest, ScaledNetworksTrainAndGoOn) {
  const Workspace work;
  write_tiny_video(work / "clip.mp4", 24, 40);
  const auto trained = work.train({"--set", "data.size=32", "--set", "data.frames=13"});
  expect_success(trained);
  EXPECT_THAT(trained.err, HasSubstr("for clips of 32x32, where the file has networks for 16x16: "
                                     "model.generator.widths [8, 8, 8]"));
  EXPECT_THAT(read_bytes(work / "run/config.yaml"), HasSubstr("widths: [8, 8, 8]"));
  // Its own file names the widths, and gives the same networks.
  const auto resumed = work.run({"train", "run/config.yaml", "--set", "train.steps=3"});
  expect_success(resumed);
  EXPECT_THAT(resumed.err, ::testing::Not(HasSubstr("for clips of")));
  expect_success(
      work.train({"--set", "data.size=32", "--set", "data.frames=13", "--set", "train.steps=4"}));
  EXPECT_EQ(newest_step(work / "run"), 4);
}

}  // namespace
}  // namespace vidgen::test
