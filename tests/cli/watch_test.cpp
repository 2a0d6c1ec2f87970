#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "support/events.h"

/// What a run shows while it goes: TensorBoard's event files and report.html.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<fs::path> event_files(const fs::path& run) {
  std::vector<fs::path> files;
  std::error_code none_yet;
  for (const auto& entry : fs::directory_iterator(run / "tensorboard", none_yet)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// What TensorBoard shows of a run: by tag, what each step has. The start of a run voids what came
/// before from its step on.
using Shown = std::map<std::string, std::map<int64_t, std::vector<EventValue>>>;

Shown shown(const fs::path& run) {
  Shown all;
  for (const auto& file : event_files(run)) {
    for (const auto& event : read_events(file)) {
      for (auto& [tag, steps] : all) {
        if (event.session_status == 1) steps.erase(steps.lower_bound(event.step), steps.end());
      }
      for (const auto& value : event.values) all[value.tag][event.step].push_back(value);
    }
  }
  return all;
}

/// The events hold the numbers of the log, all of them, once.
void expect_events_equal_log(const fs::path& run) {
  const auto all = shown(run);
  size_t numbers = 0;
  for (const auto& line : read_log(run)) {
    for (const auto& [name, value] : line.items()) {
      if (name == "step" || !value.is_number()) continue;
      ++numbers;
      ASSERT_EQ(all.count(name), 1u) << name;
      const auto at = all.at(name).find(line["step"].get<int64_t>());
      ASSERT_NE(at, all.at(name).end()) << name << " " << line["step"];
      ASSERT_EQ(at->second.size(), 1u) << name << " " << line["step"];
      EXPECT_EQ(at->second[0].number, value.get<float>()) << name;
    }
  }
  size_t shown_numbers = 0;
  for (const auto& [tag, steps] : all) {
    if (tag != "samples" && tag != "config" && tag != "events") shown_numbers += steps.size();
  }
  EXPECT_EQ(shown_numbers, numbers);
}

const Workspace::Arguments kFourSteps{
    "--set", "train.steps=4", "--set", "train.sample_every=2", "--set", "train.checkpoint_every=2"};

Workspace::Arguments four_steps(const Workspace::Arguments& more) {
  auto arguments = kFourSteps;
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(WatchTest, EventsHoldLogSamplesAndConfiguration) {
  const Workspace work;
  expect_success(work.train(kFourSteps));
  const auto run = work / "run";
  ASSERT_EQ(event_files(run).size(), 1u);
  expect_events_equal_log(run);

  const auto all = shown(run);
  ASSERT_EQ(all.at("samples").size(), 3u);
  for (const int64_t step : {0, 2, 4}) {
    const auto& value = all.at("samples").at(step).at(0);
    write_bytes(work / "image.png", value.image);
    const auto image = video::read_image(work / "image.png");
    const auto sheet =
        video::read_image(run / "samples" / ("step-0000000" + std::to_string(step) + ".png"));
    EXPECT_EQ(image.pixels, sheet.pixels);
    EXPECT_EQ(value.width, sheet.width);
    EXPECT_EQ(value.height, sheet.height);
  }
  const auto& text = all.at("config").at(0).at(0);
  EXPECT_EQ(text.plugin, "text");
  EXPECT_EQ(text.text, "```yaml\n" + read_bytes(run / "config.yaml") + "```\n");
}

TEST(WatchTest, AResumedRunIsShownAsOne) {
  const Workspace work;
  const auto run = work / "run";
  expect_success(work.train(kFourSteps));
  // As if it had been killed between the second step and the fourth.
  fs::remove(checkpoint_file(run, 4));
  expect_success(work.train(four_steps({"--set", "train.steps=6"})));
  const auto files = event_files(run);
  ASSERT_EQ(files.size(), 2u);
  for (const auto& event : read_events(files[1])) {
    if (event.file_version.empty()) {
      EXPECT_GT(event.step, 2);
    }
  }
  EXPECT_EQ(read_log(run).size(), 6u);
  expect_events_equal_log(run);
  // Of the start, and of steps 2, 4 and 6, once each.
  const auto samples = shown(run).at("samples");
  ASSERT_EQ(samples.size(), 4u);
  for (const auto& [step, images] : samples) EXPECT_EQ(images.size(), 1u) << step;
}

/// The part of a page from a heading or title to the end of its figure.
std::string figure(const std::string& page, const std::string& title) {
  const size_t begin = page.find("<title>" + title);
  return begin == std::string::npos ? ""
                                    : page.substr(begin, page.find("</figure>", begin) - begin);
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(WatchTest, ReportShowsTheRun) {
  const Workspace work;
  expect_success(work.train(four_steps({"--set", "train.scaler.mode=on"})));
  const std::string page = read_bytes(work / "run/report.html");
  EXPECT_THAT(page, ::testing::StartsWith("<!doctype html>"));
  for (const std::string part :
       {"<title>vidgen: run</title>", "Step 4 of 4 (100 %)", "clips a second",
        "Newest checkpoint: step-00000004.safetensors", "<figcaption>Step 4<",
        "<figcaption>Step 2<", "<figcaption>Step 0<",
        "<figcaption>Real clips of the training data<", "vidgen train --config run/config.yaml",
        "vidgen sample --checkpoint run", "tensorboard --logdir run/tensorboard", "<video",
        "  sample_every: 2\n"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  const auto newest = read_log(work / "run").back();
  for (const auto& [name, value] : newest.items()) {
    if (name == "step" || name == "seconds" || name == "time") continue;
    EXPECT_THAT(page, HasSubstr(">" + name + " ")) << "a curve";
  }
  // Three of samples, and one of real clips; the newest samples and those move, too.
  EXPECT_EQ(count_of(page, "<img"), 4u);
  EXPECT_EQ(count_of(page, "<video"), 2u);
  EXPECT_THAT(page, Not(HasSubstr("http-equiv")));
  // Nothing comes from elsewhere.
  EXPECT_EQ(count_of(page, "src="), count_of(page, "src=\"data:"));
  EXPECT_THAT(page,
              AllOf(Not(HasSubstr("://")), Not(HasSubstr("<script")), Not(HasSubstr("url("))));
}

TEST(WatchTest, ReportOfAResumedRunIsThatOfAStraightOne) {
  const Workspace straight, resumed;
  expect_success(straight.train(kFourSteps));
  expect_success(resumed.train(four_steps({"--set", "train.steps=3"})));
  expect_success(resumed.train(kFourSteps));
  const auto want = read_bytes(straight / "run/report.html");
  const auto got = read_bytes(resumed / "run/report.html");
  for (const std::string title : {"Losses", "Mean score", "Norms"}) {
    EXPECT_NE(figure(want, title), "") << title;
    EXPECT_EQ(figure(got, title), figure(want, title));
  }
  const auto pictures = [](const std::string& page) {
    const size_t begin = page.find("Samples over time");
    return page.substr(begin, page.find("</figure>", begin) - begin);
  };
  EXPECT_EQ(pictures(got), pictures(want));
}

TEST(WatchTest, ReportIsUpToDateWhileTheRunGoes) {
  const Workspace work;
  Program program(
      program_path(),
      work.train_arguments({"--set", "train.steps=100000", "--set", "train.checkpoint_every=5"}),
      work.options());
  const auto page = [&] { return read_bytes(work / "run/report.html"); };
  ASSERT_TRUE(wait_until([&] { return !page().empty() || !program.running(); }));
  EXPECT_THAT(page(), HasSubstr("<meta http-equiv=\"refresh\" content=\"30\">"));
  ASSERT_TRUE(wait_until([&] {
    return page().find("<title>Losses</title>") != std::string::npos || !program.running();
  }));
  EXPECT_TRUE(program.running());
  program.signal(SIGTERM);
  program.wait();
  EXPECT_THAT(page(), AllOf(HasSubstr("<title>Losses</title>"), Not(HasSubstr("http-equiv"))));
}

TEST(WatchTest, BothCanBeLeftOut) {
  const Workspace work;
  expect_success(
      work.train(four_steps({"--set", "train.tensorboard=false", "--set", "train.report=false"})));
  EXPECT_FALSE(fs::exists(work / "run/tensorboard"));
  EXPECT_FALSE(fs::exists(work / "run/report.html"));
  // They may change in the middle of a run; the page still has the whole of it.
  expect_success(work.train({"--set", "train.steps=5"}));
  EXPECT_EQ(event_files(work / "run").size(), 1u);
  EXPECT_EQ(shown(work / "run").at("loss_d").size(), 1u);
  // Of steps 0, 2 and 4, and the real clips.
  EXPECT_EQ(count_of(read_bytes(work / "run/report.html"), "<img"), 4u);
}

TEST(WatchTest, FullDiskEndsTheRun) {
  const Workspace work;
  auto options = work.options();
  options.file_limit = 150000;
  // Each sheet of samples makes the event file longer.
  const auto result =
      run_program(program_path(),
                  work.train_arguments({"--set", "train.steps=200", "--set", "train.sample_every=1",
                                        "--set", "train.report=false"}),
                  options);
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(lines_of(result.err).back(),
              ::testing::MatchesRegex("vidgen: cannot write run/tensorboard/events\\.out\\."
                                      "tfevents\\.[0-9.]+\\.vidgen: (File too large|No space.*)"));
}

TEST(WatchTest, AReportThatCannotBeWrittenEndsTheRunAtItsStart) {
  const Workspace work;
  fs::create_directories(work / "run/report.html/in the way");
  const auto result = work.train();
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(lines_of(result.err).back(), HasSubstr("cannot write run/report.html"));
  EXPECT_THAT(read_bytes(work / "run/log.jsonl"), "");
  EXPECT_THAT(work.temporary_files(), ::testing::IsEmpty());
}

TEST(WatchTest, AReportThatCannotBeWrittenAnyMoreEndsTheRun) {
  const Workspace work;
  Program program(
      program_path(),
      work.train_arguments({"--set", "train.steps=100000", "--set", "train.checkpoint_every=5"}),
      work.options());
  const auto page = work / "run/report.html";
  // The program may write it again in between.
  const auto put_in_the_way = [&] {
    std::error_code error;
    if (!fs::exists(page)) return false;
    fs::remove(page, error);
    fs::create_directories(page / "in the way", error);
    return !error;
  };
  ASSERT_TRUE(wait_until([&] { return put_in_the_way() || !program.running(); }));
  const auto result = program.wait();
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(lines_of(result.err).back(), HasSubstr("cannot write run/report.html"));
  // The work that was done is safe.
  const auto log = read_log(work / "run");
  ASSERT_FALSE(log.empty());
  EXPECT_EQ(newest_step(work / "run"), log.back().at("step"));
  EXPECT_THAT(work.temporary_files(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace vidgen::test
