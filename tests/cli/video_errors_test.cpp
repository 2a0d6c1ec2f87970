#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;

/// `vidgen train` on this source is refused, whether a bad video stops the run or is skipped: it is
/// the only one.
void expect_source_refused(const Workspace& work, const std::string& source,
                           const std::vector<std::string>& parts) {
  for (const std::string on_error : {"stop", "skip"}) {
    expect_refuses(work,
                   work.train_arguments(
                       {"--set", "data.sources=" + source, "--set", "data.on_error=" + on_error}),
                   parts);
  }
}

TEST(VideoErrorsTest, NoVideo) {
  const Workspace work;
  fs::create_directory(work / "empty");
  fs::create_directory(work / "texts");
  write_bytes(work / "texts" / "readme.txt", "text");
  expect_source_refused(work, "none.mp4", {"none.mp4: no such file"});
  expect_source_refused(work, "empty", {"empty: no video found"});
  expect_source_refused(work, "texts", {"texts: no video found"});
}

TEST(VideoErrorsTest, FilesThatAreNoVideo) {
  const Workspace work;
  write_bytes(work / "text.mp4", "This is a text, whatever its name says.\n");
  write_bytes(work / "nothing.mp4", "");
  expect_source_refused(work, "text.mp4", {"text.mp4: is not a video that FFmpeg can read"});
  expect_source_refused(work, "nothing.mp4", {"nothing.mp4: the file is empty"});
}

TEST(VideoErrorsTest, TruncatedAvi) {
  const auto whole = sample_video("Megamind.avi");
  ASSERT_TRUE(fs::exists(whole)) << "install opencv-doc, or set VIDGEN_TEST_VIDEOS";
  const Workspace work;
  truncate_copy(whole, work / "half.avi", 0.5);
  truncate_copy(whole, work / "start.avi", 0.0005);
  const auto train = [&](const char* on_error) {
    return work.run(work.train_arguments(
        {"--data", "half.avi", "--set", std::string("data.on_error=") + on_error}));
  };
  const std::string damage = "half.avi: damaged: promises 270 frames, but only ";
  // What was found out is remembered in the cache; the answer stays the same.
  for (int time = 0; time < 2; ++time) expect_refused(train("stop"), {damage});
  const auto rest = train("skip");
  expect_success(rest);
  EXPECT_THAT(rest.err, ::testing::HasSubstr(damage));
  EXPECT_THAT(rest.err, ::testing::HasSubstr("the rest is used"));
  expect_source_refused(work, "start.avi", {"start.avi: "});
}

TEST(VideoErrorsTest, AReadErrorIsNamedAndNotRememberedAsDamage) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer wants to be loaded before all else";
#endif
  const Workspace work;
  ffmpeg("-f lavfi -i testsrc2=s=128x128:r=25:d=3 -c:v mjpeg -q:v 2 " +
         (work / "film.avi").string());
  auto options = work.options();
  options.environment["LD_PRELOAD"] = VIDGEN_TEST_FAILING_READ_LIBRARY;
  options.environment["VIDGEN_TEST_FAILING_READ"] = "film.avi";
  const auto prepare = work.train_arguments({"--data", "film.avi", "--dry-run"});
  expect_refused(run_program(program_path(), prepare, options),
                 {"film.avi: cannot be read", "Input/output error"});
  const auto result = work.run(prepare);
  expect_success(result);
  EXPECT_THAT(result.err, ::testing::Not(::testing::HasSubstr("film.avi")));
}

TEST(VideoErrorsTest, VideosThatDoNotHoldWhatIsAskedFor) {
  const Workspace work;
  write_tiny_video(work / "short.mp4", 9);
  expect_source_refused(work, "short.mp4", {"short.mp4: too short: 9 frames", "needs 10"});
  expect_refuses(work, work.train_arguments({"--set", "data.frame_stride=3"}),
                 {"clip.mp4: too short: 24 frames", "frame_stride 3 needs 28"});
  expect_refuses(
      work,
      work.train_arguments({"--set", "data.size=32", "--set", "model.generator.widths=[]", "--set",
                            "model.discriminators=frame"}),
      {"clip.mp4: too small: 24x24 pixels, expected at least 32"});
}

TEST(VideoErrorsTest, OneBadVideoAmongGoodOnes) {
  const Workspace work;
  fs::create_directory(work / "videos");
  fs::copy_file(work / "clip.mp4", work / "videos" / "good.mp4");
  write_bytes(work / "videos" / "bad.mp4", "text");
  const std::string source = "data.sources=videos";
  expect_refuses(work, work.train_arguments({"--set", source, "--set", "data.on_error=stop"}),
                 {"videos/bad.mp4: is not a video"});
  const auto skipped =
      work.train({"--set", source, "--set", "data.on_error=skip", "--set", "train.steps=1"});
  expect_success(skipped);
  EXPECT_THAT(skipped.err, ::testing::HasSubstr("skipped videos/bad.mp4: is not a video"));

  expect_refuses(
      work, {"data", "prepare", "--config", "tiny.yaml", "--set", "data.sources=videos/bad.mp4"},
      {"videos/bad.mp4: is not a video"});
}

TEST(VideoErrorsTest, InspectListsWhatIsWrong) {
  const Workspace work;
  fs::create_directory(work / "videos");
  fs::copy_file(work / "clip.mp4", work / "videos" / "good.mp4");
  write_bytes(work / "videos" / "bad.mp4", "text");
  write_tiny_video(work / "videos" / "short.mp4", 9);
  const auto result = work.run({"data", "inspect", "videos", "--size", "16", "--frames", "10"});
  expect_success(result);
  EXPECT_EQ(result.err, "");
  using ::testing::ContainsRegex;
  EXPECT_THAT(result.out, ContainsRegex("videos/good.mp4 +24x24 +25.00 +0.96 +24 +24 +1 +15"));
  EXPECT_THAT(result.out, ContainsRegex("videos/bad.mp4 .*is not a video"));
  EXPECT_THAT(result.out,
              ContainsRegex("videos/short.mp4 +24x24 +25.00 +0.36 +9 +9 +1 +0 +too short"));
  EXPECT_THAT(result.out, ::testing::HasSubstr("1 of 3 files usable"));
  expect_refuses(work, {"data", "inspect", "none"}, {"none: no such file"});
  expect_refuses(work, {"data", "inspect", "videos", "--frames", "0"}, {"frames"});
}

TEST(VideoErrorsTest, InspectSaysWhatWasPassedOver) {
  const Workspace work;
  fs::create_directories(work / "videos" / "frames");
  fs::copy_file(work / "clip.mp4", work / "videos" / "clip.dat");
  ffmpeg("-f lavfi -i testsrc=s=32x24:r=10:d=1.2 " + (work / "videos/frames/f_%03d.png").string());
  write_bytes(work / "videos" / "notes.txt", "text");
  fs::create_symlink("gone", work / "videos" / "link.mp4");
  const auto result = work.run({"data", "inspect", "videos", "--size", "16", "--frames", "10"});
  expect_success(result);
  using ::testing::HasSubstr;
  EXPECT_THAT(result.out, ::testing::ContainsRegex("videos/clip.dat +24x24"));
  EXPECT_THAT(result.out,
              ::testing::ContainsRegex("videos/frames/f_#.png +32x24 +25.00 +0.48 +12 +12"));
  EXPECT_THAT(result.out, HasSubstr("2 of 2 files usable"));
  EXPECT_THAT(result.out, HasSubstr("not taken: 1 file (.txt 1)"));
  EXPECT_THAT(result.err, HasSubstr("link.mp4: is a link to gone, which does not exist"));
  const auto trained = work.train({"--set", "data.sources=videos", "--set", "train.steps=1"});
  expect_success(trained);
  EXPECT_THAT(trained.err, HasSubstr("not taken: 1 file (.txt 1)"));
  expect_refuses(
      work, work.train_arguments({"--set", "data.sources=videos", "--set", "data.on_error=stop"}),
      {"link.mp4: is a link to gone"});
}

}  // namespace
}  // namespace vidgen::test
