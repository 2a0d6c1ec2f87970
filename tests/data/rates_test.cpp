#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/data/video_report.h"

/// Rates and times of whole files, by what `data inspect` says of them.
namespace vidgen::data {
namespace {

using test::TemporaryFolder;
using ::testing::Contains;
using ::testing::HasSubstr;

DataOptions options_with(double fps) {
  DataOptions options;
  options.size = 16;
  options.fps = fps;
  return options;
}

/// ffmpeg's options for frames that are shown at the milliseconds that the expression of N gives.
std::string shown_at(const std::string& milliseconds) {
  return " -vf \"settb=1/1000,setpts='" + milliseconds +
         "'\" -fps_mode passthrough -enc_time_base 1/1000 ";
}

TEST(RatesTest, JitterChangesNoRateAndRepeatsNoFrame) {
  const TemporaryFolder folder;
  for (const auto& [name, codec] :
       {std::pair{"a.webm", "-c:v libvpx -deadline realtime"}, std::pair{"b.mkv", "-c:v mpeg4"},
        std::pair{"c.ts", "-c:v libx264 -bf 0 -enc_time_base 1/90000"},
        std::pair{"d.flv", "-c:v flv1"}, std::pair{"e.mp4", "-c:v libx264 -bf 0"}}) {
    const std::string path = (folder / name).string();
    test::ffmpeg("-f lavfi -i testsrc2=s=64x64:r=30:d=3" + shown_at("N*100/3+mod(N*7\\,11)") +
                 codec + " " + path);
    VideoReport report = inspect_video(path, options_with(0));
    EXPECT_NEAR(report.fps, 30, 0.3) << name;
    EXPECT_EQ(report.damage, "") << name;
    EXPECT_EQ(report.frames, 90) << name;
    report = inspect_video(path, options_with(30));
    EXPECT_NEAR(static_cast<double>(report.frames), 90, 1) << name;
  }
}

TEST(RatesTest, SlowAndFastVideosHaveTheirRates) {
  const TemporaryFolder folder;
  const struct {
    const char* name;
    const char* rate;
    const char* codec;
    double fps;
  } cases[] = {{"a.mp4", "1/2", "-c:v libx264", 0.5},
               {"b.mkv", "1/10", "-c:v libx264", 0.1},
               {"c.mp4", "480", "-c:v libx264", 480},
               {"d.avi", "240", "-c:v mjpeg", 240},
               {"e.mov", "24000/1001", "-c:v qtrle", 24000 / 1001.0},
               {"f.gif", "20", "", 20},
               {"g.y4m", "12", "", 12}};
  for (const auto& one : cases) {
    test::ffmpeg("-f lavfi -i testsrc2=s=64x64:r=" + std::string(one.rate) + " -frames:v 20 " +
                 one.codec + " " + (folder / one.name).string());
    const VideoReport report = inspect_video(folder / one.name, options_with(0));
    EXPECT_NEAR(report.fps / one.fps, 1, 0.002) << one.name;
    EXPECT_EQ(report.frames, 20) << one.name;
    EXPECT_NEAR(report.seconds * one.fps, 20, 0.1) << one.name;
  }
}

TEST(RatesTest, LongHoldsCountAndEndWhenTheFileSays) {
  // Red, after 2 s green, after 90 s more blue, for as long as the container keeps.
  const TemporaryFolder folder;
  const std::string pictures =
      "-f lavfi -i \"nullsrc=s=64x64:r=1:d=4,format=gbrp,geq=r='255*eq(N,0)':g='255*eq(N,1)':"
      "b='255*gte(N,2)'\"" +
      shown_at("if(eq(N\\,0)\\,0\\,if(eq(N\\,1)\\,2000\\,92000+1000*(N-2)))");
  for (const auto& [name, codec] :
       {std::pair{"a.mp4", "-c:v libx264 -bf 0 -pix_fmt yuv444p"}, std::pair{"b.mkv", "-c:v ffv1"},
        std::pair{"c.mov", "-c:v qtrle"}, std::pair{"d.webm", "-c:v libvpx-vp9"},
        std::pair{"e.gif", "-final_delay 100"}}) {
    test::ffmpeg(pictures + codec + " " + (folder / name).string());
    const VideoReport report = inspect_video(folder / name, options_with(10));
    EXPECT_NEAR(static_cast<double>(report.frames), 940, 1) << name;
    EXPECT_EQ(report.damage, "") << name;
  }
}

TEST(RatesTest, WhatIsUnevenOrRepeatedIsTold) {
  const TemporaryFolder folder;
  test::ffmpeg("-f lavfi -i testsrc2=s=64x64:r=10:d=3" +
               shown_at("N*100+300*gte(mod(N\\,4)\\,2)*mod(N\\,2)") + "-c:v libx264 -bf 0 " +
               (folder / "uneven.mp4").string());
  EXPECT_THAT(inspect_video(folder / "uneven.mp4", options_with(0)).notes,
              Contains(HasSubstr("frames are shown longer or shorter than most")));
  EXPECT_THAT(inspect_video(folder / "uneven.mp4", options_with(10)).notes,
              Contains(HasSubstr("frames repeat the one before")));
  test::ffmpeg("-f lavfi -i testsrc2=s=64x64:r=10:d=2 -final_delay 300 " +
               (folder / "a.gif").string());
  EXPECT_THAT(inspect_video(folder / "a.gif", options_with(0)).notes, ::testing::IsEmpty());
  test::ffmpeg("-f lavfi -i testsrc2=s=64x64:r=12:d=2 -vf fps=24 -c:v ffv1 " +
               (folder / "doubled.mkv").string());
  EXPECT_THAT(inspect_video(folder / "doubled.mkv", options_with(0)).notes,
              Contains("24 of 48 frames repeat the one before (data.fps)"));
}

}  // namespace
}  // namespace vidgen::data
