#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/workspace.h"
#include "vidgen/video/reader.h"

/// Videos at rates that no player keeps to, from training to what is sampled.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

double rate_of(const fs::path& path) {
  video::VideoReader reader(path);
  while (reader.skip()) {
  }
  return reader.pace().fps(0);
}

TEST(RatesTest, NoRateEndsARunOrASample) {
  const Workspace work;
  const struct {
    const char* file;
    const char* rate;
    const char* stride;
    double played;
  } cases[] = {
      {"slow.mp4", "1/2", "1", 1}, {"fast.mp4", "480", "1", 240}, {"ten.mkv", "10", "16", 1}};
  for (const auto& one : cases) {
    ffmpeg("-f lavfi -i testsrc2=s=24x24:r=" + std::string(one.rate) +
           " -frames:v 150 -c:v libx264 " + (work / one.file).string());
    const std::string run = std::string("run-") + one.file;
    const auto trained =
        work.train({"--data", one.file, "--run-dir", run, "--set", "train.sample_every=1", "--set",
                    std::string("data.frame_stride=") + one.stride});
    expect_success(trained);
    EXPECT_THAT(trained.err, HasSubstr("frames a second instead of")) << one.file;
    EXPECT_TRUE(fs::exists(work / run / "weights.safetensors"));
    EXPECT_NEAR(rate_of(work / run / "samples" / "step-00000002.mp4"), one.played, 0.01);
    for (const char* out : {"clip.mp4", "clip.avi"}) {
      expect_success(work.run({"sample", run, "--out", out}));
      EXPECT_NEAR(rate_of(work / out), one.played, 0.01) << one.file << out;
    }
  }
  expect_success(work.run({"sample", "run-fast.mp4", "--out", "clip.gif"}));
  EXPECT_NEAR(rate_of(work / "clip.gif"), 50, 0.01);
}

TEST(RatesTest, DifferentRatesAreSaidAndMostClipsDecide) {
  const Workspace work;
  fs::create_directory(work / "mixed");
  ffmpeg("-f lavfi -i testsrc2=s=24x24:r=5:d=4 -c:v libx264 " + (work / "mixed/a.mp4").string());
  for (const char* name : {"b", "c"}) {
    ffmpeg("-f lavfi -i testsrc2=s=24x24:r=30:d=2 -c:v libx264 " +
           (work / "mixed" / (std::string(name) + ".mp4")).string());
  }
  const char* said = "the videos play at different rates: clips of 10 frames last from 0.33 s";
  const auto listed = work.run({"data", "inspect", "mixed", "--size", "16", "--frames", "10"});
  EXPECT_THAT(listed.out, HasSubstr(said));
  const auto trained = work.train({"--data", "mixed"});
  expect_success(trained);
  EXPECT_THAT(trained.err, HasSubstr(said));
  expect_success(work.run({"sample", "run", "--out", "clip.mp4"}));
  EXPECT_NEAR(rate_of(work / "clip.mp4"), 30, 0.01);
  EXPECT_THAT(
      work.run({"data", "inspect", "mixed", "--size", "16", "--frames", "10", "--fps", "5"}).out,
      ::testing::Not(HasSubstr("different rates")));
}

}  // namespace
}  // namespace vidgen::test
