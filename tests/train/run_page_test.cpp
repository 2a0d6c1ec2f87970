#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "support/temporary_folder.h"
#include "support/videos.h"
#include "train/tiny_gan.h"
#include "vidgen/train/journal.h"
#include "vidgen/video/writer.h"

namespace vidgen::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

size_t parts_in(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

class RunPageTest : public ::testing::Test {
 protected:
  RunPageTest() {
    options_.run_dir = (folder_ / "run").string();
    checkpoint::RunFolder(options_.run_dir).create();
  }

  std::string page() const { return test::read_bytes(folder_ / "run/report.html"); }
  checkpoint::RunFolder run() const { return checkpoint::RunFolder(options_.run_dir); }
  /// A sheet of noise, which PNG cannot make smaller.
  void write_noise_sheet(int64_t step, int64_t clips) const {
    std::mt19937 random(static_cast<unsigned>(step));
    video::Frame sheet{
        clips * (options_.data.size + 2) - 2, 16 * (options_.data.size + 2) - 2, 3, {}};
    sheet.pixels.resize(static_cast<size_t>(sheet.height * sheet.width * 3));
    for (auto& value : sheet.pixels) value = static_cast<uint8_t>(random());
    video::write_png(run().sample(step, ".png"), sheet);
  }

  test::TemporaryFolder folder_;
  RunOptions options_ = tiny_options();
};

TEST_F(RunPageTest, IsThereBeforeTheFirstLine) {
  RunPage page_of_run(options_);
  page_of_run.write(0, 1000, RunState::kEnded);
  EXPECT_THAT(page(), HasSubstr("Step 0 of 1000 (0 %)."));
  EXPECT_THAT(page(), HasSubstr("vidgen train --config " + run().config().string()));
  EXPECT_EQ(parts_in(page(), "<svg") + parts_in(page(), "<img"), 0u);
}

TEST_F(RunPageTest, ShowsEachNumberOfTheLog) {
  RunPage page_of_run(options_);
  page_of_run.add_line({{"step", 10}, {"loss_d", 1}, {"grad_norm_g", nullptr}, {"seconds", 3.5}});
  page_of_run.add_line({{"step", 20},
                        {"loss_d", 0.25},
                        {"swd", 5},
                        {"clips_per_second", 8},
                        {"seconds", 3661},
                        {"time", "2026-01-01T00:00:00Z"}});
  page_of_run.write(20, 1000, RunState::kEnded);
  EXPECT_THAT(page(), HasSubstr("Step 20 of 1000 (2 %), 1:01:01 of training, 8.00 clips a second, "
                                "about 8:10 to go."));
  EXPECT_EQ(parts_in(page(), "<svg"), 4u);
  for (const char* name : {">loss_d 0.25<", ">grad_norm_g<", ">swd 5<", ">clips_per_second 8<"}) {
    EXPECT_THAT(page(), HasSubstr(name));
  }
}

TEST_F(RunPageTest, ANumberOfSomeLinesIsOneCurve) {
  RunPage page_of_run(options_);
  for (int64_t step = 1; step <= 9; ++step) {
    core::Json line{{"step", step}};
    if (step % 3 == 0) line["swd"] = static_cast<double>(step);
    if (step != 9) line["loss_d"] = 1.5;
    page_of_run.add_line(line);
  }
  page_of_run.write(9, 1000, RunState::kEnded);
  EXPECT_EQ(parts_in(page(), "<svg"), 2u);
  // In the legend and as one stretch.
  EXPECT_EQ(parts_in(page(), "<path class=\"line"), 4u);
  EXPECT_THAT(page(), HasSubstr(">loss_d 1.5<"));
  EXPECT_THAT(page(), HasSubstr(">swd 9<"));
}

TEST_F(RunPageTest, LoadsItselfAgainWhileTheRunGoes) {
  RunPage page_of_run(options_);
  page_of_run.write(5, 10, RunState::kTraining);
  EXPECT_THAT(page(), HasSubstr("<meta http-equiv=\"refresh\" content=\"30\">"));
  EXPECT_THAT(page(), HasSubstr("loads itself again every 30 seconds"));
  page_of_run.write(10, 10, RunState::kEnded);
  EXPECT_THAT(page(), Not(HasSubstr("refresh")));
  EXPECT_THAT(page(), Not(HasSubstr("loads itself")));
}

TEST_F(RunPageTest, MetricsHaveTheirOwnNamesAlsoInLogsOfOlderRuns) {
  RunPage page_of_run(options_);
  page_of_run.add_line({{"step", 1}, {"eval_swd_video", 3}});
  page_of_run.add_line({{"step", 2}, {"swd_video", 2}});
  page_of_run.write(2, 10, RunState::kEnded);
  EXPECT_EQ(parts_in(page(), "<svg"), 1u);
  EXPECT_THAT(page(), HasSubstr("<title>swd_video</title>"));
  EXPECT_THAT(page(), HasSubstr(">swd_video 2<"));
}

TEST_F(RunPageTest, RealClipsStandBesideGeneratedOnes) {
  RunPage page_of_run(options_);
  write_noise_sheet(10, 2);
  page_of_run.write(10, 20, RunState::kEnded);
  EXPECT_EQ(parts_in(page(), "<img"), 1u);
  write_noise_sheet(20, 2);
  std::filesystem::rename(run().sample(20, ".png"), run().real_clips(".png"));
  test::write_bytes(run().real_clips(".mp4"), "a movie");
  page_of_run.write(20, 20, RunState::kEnded);
  EXPECT_EQ(parts_in(page(), "<img"), 2u);
  EXPECT_EQ(parts_in(page(), "<video"), 1u);
  EXPECT_THAT(page(), HasSubstr("<figcaption>Real clips of the training data<"));
  // A real sheet is no sheet of a step.
  EXPECT_EQ(run().sample_sheets(100).size(), 1u);
}

TEST_F(RunPageTest, StaysSmall) {
  options_.data.size = 64;
  for (int64_t step = 1; step <= 12; ++step) write_noise_sheet(step * 10, 8);
  RunPage page_of_run(options_);
  std::mt19937 random(1);
  for (int64_t step = 1; step <= 100000; ++step) {
    page_of_run.add_line({{"step", step},
                          {"loss_d", random() % 1000},
                          {"loss_g", random() % 1000},
                          {"d_real_frame", 0.5},
                          {"d_fake_frame", 0.1}});
  }
  page_of_run.write(100000, 100000, RunState::kEnded);
  // The last one, and the 1st, 3rd ... of the eleven before.
  EXPECT_EQ(parts_in(page(), "<img"), 7u);
  for (const char* caption : {">Step 10<", ">Step 110<", ">Step 120<"}) {
    EXPECT_EQ(parts_in(page(), caption), 1u) << caption;
  }
  EXPECT_THAT(page(), Not(HasSubstr(">Step 20<")));
  // Pixels that are shown, three bytes each, in base64; and the curves.
  const size_t newest = 526 * 526, earlier = 6 * 520 * 260;
  EXPECT_LT(page().size(), (newest + earlier) * 3 * 4 / 3 * 11 / 10 + 200000);
}

TEST_F(RunPageTest, LaterSamplesAreOfAnotherLife) {
  for (const int64_t step : {10, 20, 30}) write_noise_sheet(step, 1);
  RunPage page_of_run(options_);
  page_of_run.write(20, 1000, RunState::kEnded);
  EXPECT_EQ(parts_in(page(), "<img"), 2u);
  EXPECT_THAT(page(), Not(HasSubstr("Step 30")));
  // It is brought up to date as the run goes on.
  page_of_run.write(30, 1000, RunState::kEnded);
  EXPECT_EQ(parts_in(page(), "<img"), 3u);
}

TEST_F(RunPageTest, DamagedSamplesAreNamed) {
  write_noise_sheet(10, 1);
  test::write_bytes(run().sample(20, ".png"), "no picture");
  video::write_png(run().sample(30, ".png"), {4, 4, 3, std::vector<uint8_t>(48)});
  RunPage page_of_run(options_);
  page_of_run.write(30, 1000, RunState::kEnded);
  EXPECT_EQ(parts_in(page(), "<img"), 1u);
  EXPECT_THAT(page(), HasSubstr("step-00000020.png"));
  EXPECT_THAT(page(), HasSubstr("Step 30: is too small"));
}

TEST(EvenlyChosenTest, WhatIsChosenFromMoreIsAmongWhatWasChosenFromFewer) {
  EXPECT_THAT(evenly_chosen(0), ElementsAre());
  EXPECT_THAT(evenly_chosen(3), ElementsAre(0, 1, 2));
  EXPECT_THAT(evenly_chosen(9), ElementsAre(0, 2, 4, 6, 8));
  for (size_t count = 1; count < 200; ++count) {
    const auto fewer = evenly_chosen(count);
    EXPECT_LE(fewer.size(), 8u);
    EXPECT_GT(fewer.size() * 2, std::min<size_t>(count, 8));
    for (const size_t i : evenly_chosen(count + 1)) {
      EXPECT_TRUE(i == count || std::count(fewer.begin(), fewer.end(), i) == 1)
          << count << " " << i;
    }
  }
}

}  // namespace
}  // namespace vidgen::train
