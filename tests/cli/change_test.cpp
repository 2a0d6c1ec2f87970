#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

/// Runs that go on with another configuration than they began with.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

checkpoint::SafetensorsFile newest(const Workspace& work) {
  return checkpoint::read_safetensors(checkpoint_file(work / "run", newest_step(work / "run")));
}

/// The run in `work` goes on for two steps with these settings, and says these lines about them,
/// the length apart.
void expect_changes(const Workspace& work, const std::vector<std::string>& settings,
                    const std::vector<std::string>& lines) {
  const int64_t before = newest_step(work / "run");
  Workspace::Arguments arguments{"--set", "train.steps=" + std::to_string(before + 2)};
  for (const auto& setting : settings) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  const auto result = work.train(arguments);
  expect_success(result);
  EXPECT_EQ(newest_step(work / "run"), before + 2);
  std::vector<std::string> said;
  bool resumed = false;
  for (const auto& line : lines_of(result.err)) {
    if (line.find("info: training ") == 0) break;
    if (resumed && line.find("train.steps: ") == std::string::npos) said.push_back(line);
    resumed |= line.find("info: resumed from ") == 0;
  }
  auto expected = lines;
  for (auto& line : expected) line = "info: " + line;
  EXPECT_EQ(said, expected);
  const auto event = run_events(work / "run").back();
  EXPECT_EQ(event.at("event"), "resumed");
  EXPECT_EQ(event.at("before_step"), before + 1);
  for (const auto& setting : settings) {
    const auto key = setting.substr(0, setting.find('='));
    EXPECT_THAT(event.at(key).get<std::string>(), HasSubstr(" -> ")) << event;
  }
  const auto log = read_log(work / "run");
  EXPECT_EQ(static_cast<int64_t>(log.size()), before + 2) << "a line for each step";
}

TEST(ChangeTest, EachChangedKeyHasItsLine) {
  const Workspace work;
  expect_success(work.train());
  expect_changes(work, {"optim.generator.lr=1e-4"}, {"optim.generator.lr: 0.0002 -> 0.0001"});
  expect_changes(work, {"train.batch_size=3", "train.accumulate=2"},
                 {"optim.generator.lr: 0.0001 -> 0.0002", "train.batch_size: 2 -> 3",
                  "train.accumulate: 1 -> 2"});
  // Means of other numbers begin anew, and what is logged afterwards has them.
  expect_changes(
      work, {"loss.type=hinge", "loss.r1=0.5", "model.discriminators[1].weight=2"},
      {"model.discriminators[1].weight: 1.0 -> 2.0", "loss.type: \"non_saturating\" -> \"hinge\"",
       "loss.r1: 0.0 -> 0.5", "train.batch_size: 3 -> 2", "train.accumulate: 2 -> 1"});
  EXPECT_TRUE(read_log(work / "run").back().contains("loss_r1"));
  expect_changes(
      work, {"augment.color=1", "augment.target=0.6"},
      {"model.discriminators[1].weight: 2.0 -> 1.0", "loss.type: \"hinge\" -> \"non_saturating\"",
       "loss.r1: 0.5 -> 0.0", "augment.color: 0.0 -> 1.0", "augment.target: 0.0 -> 0.6",
       "begins anew: augment.probability"});
  expect_changes(work, {"train.precision=float16"},
                 {"augment.color: 1.0 -> 0.0", "augment.target: 0.6 -> 0.0",
                  "train.precision: \"float32\" -> \"float16\"",
                  "begins anew: scaler.discriminator, scaler.generator",
                  "no longer needed: augment.probability"});
  expect_changes(work, {"data.horizontal_flip=true", "data.frames=12", "train.ema.decay=0.9"},
                 {"data.frames: 10 -> 12", "data.horizontal_flip: false -> true",
                  "train.precision: \"float16\" -> \"float32\"", "train.ema.decay: 0.999 -> 0.9",
                  "no longer needed: scaler.discriminator, scaler.generator"});
}

TEST(ChangeTest, MeansAreOfTheNumbersThatTheyAreCalledBy) {
  // A line of the log is of steps before and after the change: as many numbers, other ones.
  const Workspace work;
  const Workspace::Arguments every_4{"--set", "train.log_every=4", "--set", "train.steps=3"};
  auto first = every_4, second = every_4;
  first.insert(first.end(), {"--set", "loss.r1=1000"});
  expect_success(work.train(first));
  second[3] = "train.steps=4";
  second.insert(second.end(), {"--set", "loss.r2=1e-6"});
  expect_success(work.train(second));
  const auto line = read_log(work / "run").back();
  EXPECT_FALSE(line.contains("loss_r1"));
  EXPECT_LT(line.at("loss_r2").get<double>(), 1e-3);
}

TEST(ChangeTest, ADecayFollowsTheNewLength) {
  const Workspace work;
  const auto run = work / "run";
  const auto train = [&](int64_t steps) {
    return work.train({"--set", "train.steps=" + std::to_string(steps), "--set",
                       "optim.decay=linear", "--set", "train.checkpoint_every=4"});
  };
  const auto moved = [&](int64_t from, int64_t to) {
    const auto before = checkpoint::read_safetensors(checkpoint_file(run, from)).tensors;
    const auto after = checkpoint::read_safetensors(checkpoint_file(run, to)).tensors;
    double distance = 0;
    for (const auto& [name, tensor] : before) {
      if (name.rfind("generator.", 0) == 0 && tensor.is_floating_point())
        distance += (tensor - after.at(name)).abs().sum().item<double>();
    }
    return distance;
  };
  expect_success(train(4));
  const auto longer = train(12);
  expect_success(longer);
  EXPECT_THAT(longer.err, HasSubstr("train.steps: 4 -> 12\n"));
  // At the old end the rate was 0; at the new one it comes near that again.
  EXPECT_GT(moved(4, 8), 1.5 * moved(8, 12));
  EXPECT_GT(moved(8, 12), 0);

  fs::remove(checkpoint_file(run, 12));
  expect_success(train(9));
  EXPECT_EQ(newest_step(run), 9);
  expect_refused(train(6), {"is at step 9, beyond train.steps 6"});
}

TEST(ChangeTest, AnUnchangedRunSaysNothing) {
  const Workspace work;
  expect_success(work.train());
  const auto again = work.train();
  expect_success(again);
  EXPECT_THAT(again.err, Not(HasSubstr(" -> ")));
  EXPECT_TRUE(run_events(work / "run").empty());
}

TEST(ChangeTest, TheBestIsLookedForAnewWhereScoresAreOthers) {
  const Workspace work;
  write_tiny_video(work / "clip.mp4", 60);
  Workspace::Arguments arguments{"--set", "train.steps=2",
                                 "--set", "train.evaluate.every=1",
                                 "--set", "train.evaluate.clips=2"};
  expect_success(work.train(arguments));
  arguments[1] = "train.steps=3";
  const auto same = work.train(arguments);
  EXPECT_THAT(same.err, Not(HasSubstr("best: ")));
  arguments[1] = "train.steps=4";
  arguments[5] = "train.evaluate.clips=3";
  const auto other = work.train(arguments);
  expect_success(other);
  EXPECT_THAT(other.err, HasSubstr("cannot be compared with what comes"));
  EXPECT_EQ(newest(work).metadata.at("best.step"), "4");
}

/// Three videos in a folder, and two steps of a run on it.
void train_on_folder(const Workspace& work) {
  fs::create_directories(work / "videos");
  for (const int frames : {12, 13, 14}) {
    write_tiny_video(work / "videos" / (std::to_string(frames) + ".mp4"), frames);
  }
  expect_success(work.train({"--set", "data.sources=videos"}));
}

TEST(ChangeTest, DataMayBeSpelledOtherwiseOrMoved) {
  const Workspace work;
  train_on_folder(work);
  const std::string absolute = (work / "videos").string();
  for (const std::string source : {"./videos/", absolute.c_str(), "moved"}) {
    if (source == "moved") fs::rename(work / "videos", work / "moved");
    const std::string run = "run-" + std::to_string(source.size());
    fs::copy(work / "run", work / run, fs::copy_options::recursive);
    const auto resumed =
        work.train({"--run-dir", run, "--set", "data.sources=" + source, "--set", "train.steps=4"});
    expect_success(resumed);
    EXPECT_THAT(resumed.err, Not(HasSubstr("warning")));
    EXPECT_THAT(resumed.err, HasSubstr("step-00000002.safetensors at step 2"));
  }
}

/// What a resume says of the data; "" where it says nothing.
std::string said_of_data(const ProgramResult& result) {
  for (const auto& line : lines_of(result.err)) {
    if (line.find("info: data: ") == 0) return line.substr(6);
  }
  return "";
}

TEST(ChangeTest, FilesThatCameWentOrChangedAreSaid) {
  const Workspace work;
  train_on_folder(work);
  const auto go_on = [&](int64_t steps) {
    const auto result = work.train(
        {"--set", "data.sources=videos", "--set", "train.steps=" + std::to_string(steps)});
    expect_success(result);
    return said_of_data(result);
  };
  EXPECT_EQ(go_on(3), "");
  // Another name, a link, a copy in another folder: the same content.
  fs::rename(work / "videos/12.mp4", work / "videos/first.mp4");
  fs::rename(work / "videos/13.mp4", work / "13.mp4");
  fs::create_symlink(work / "13.mp4", work / "videos/linked.mp4");
  EXPECT_EQ(go_on(4), "");
  for (const int frames : {15, 16, 17, 18}) {
    write_tiny_video(work / "videos" / (std::to_string(frames) + ".mp4"), frames);
  }
  EXPECT_EQ(go_on(5), "data: 4 files more (videos/15.mp4, videos/16.mp4, videos/17.mp4, ...)");
  fs::remove(work / "videos/14.mp4");
  write_tiny_video(work / "videos/first.mp4", 20);
  const std::string both = "data: 1 gone, 1 changed (videos/first.mp4)";
  EXPECT_EQ(go_on(6), both);
  EXPECT_EQ(go_on(7), "");
  const auto events = run_events(work / "run");
  ASSERT_EQ(events.size(), 5u) << "train.steps is another one each time";
  EXPECT_EQ(events[3].at("before_step"), 6);
  EXPECT_EQ(events[3].at("data"), both.substr(6));
  EXPECT_FALSE(events[4].contains("data"));
}

TEST(ChangeTest, ACheckpointThatDoesNotTellItsVideosSaysSo) {
  const Workspace work;
  train_on_folder(work);
  const fs::path path = checkpoint_file(work / "run", 2);
  auto file = checkpoint::read_safetensors(path);
  ASSERT_EQ(file.metadata.erase("videos"), 1u);
  checkpoint::write_safetensors(path, file.tensors, file.metadata);
  const auto resumed = work.train({"--set", "data.sources=./videos", "--set", "train.steps=3"});
  expect_success(resumed);
  EXPECT_THAT(resumed.err, HasSubstr("data: cannot be compared, as an older vidgen"));
  const auto once_more = work.train({"--set", "data.sources=./videos", "--set", "train.steps=4"});
  EXPECT_THAT(once_more.err, Not(HasSubstr("cannot be compared")));
}

TEST(ChangeTest, HoldingOutMoreIsWarnedOf) {
  const Workspace work;
  fs::create_directory(work / "videos");
  for (const int frames : {12, 13, 14, 15}) {
    write_tiny_video(work / "videos" / (std::to_string(frames) + ".mp4"), frames);
  }
  expect_success(work.train({"--set", "data.sources=videos"}));
  const auto more = work.train({"--set", "data.sources=videos", "--set",
                                "data.validation_split=0.5", "--set", "train.steps=3"});
  expect_success(more);
  EXPECT_THAT(more.err, HasSubstr("of what is held out now a part was trained on"));
}

/// The first number of "training clips" that `data prepare` counts.
std::string training_clips(const Workspace& work, const std::string& sources) {
  const auto result = work.run({"data", "prepare", "--config", "tiny.yaml", "--set",
                                "data.sources=" + sources, "--set", "data.validation_split=0.5"});
  expect_success(result);
  return result.out.substr(result.out.find(", ") + 2);
}

TEST(ChangeTest, WhatIsHeldOutFollowsTheContent) {
  const Workspace work;
  fs::create_directories(work / "a/inside");
  fs::create_directories(work / "b");
  for (int i = 0; i < 6; ++i) {
    write_tiny_video(work / "a" / (std::to_string(i) + ".mp4"), 12 + i);
  }
  const std::string once = training_clips(work, "a");
  // Copies under other names, in other folders, in another source, and links: each side doubles.
  for (int i = 0; i < 6; ++i) {
    fs::copy_file(work / "a" / (std::to_string(i) + ".mp4"),
                  work / (i < 3 ? "b" : "a/inside") / ("copy" + std::to_string(9 - i) + ".mp4"));
  }
  const std::string twice = training_clips(work, "[a, b]");
  EXPECT_EQ(std::stoi(twice), 2 * std::stoi(once)) << once << twice;
  fs::create_directory_symlink(work / "a", work / "linked");
  EXPECT_EQ(std::stoi(training_clips(work, "[b, linked]")), 2 * std::stoi(once));
}

}  // namespace
}  // namespace vidgen::test
