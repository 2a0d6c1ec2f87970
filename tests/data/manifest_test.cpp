#include "vidgen/data/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/data/video_report.h"

namespace vidgen::data {
namespace {

using test::sample_video;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

DataOptions options_for(const std::vector<std::string>& sources) {
  DataOptions options;
  for (const std::string& source : sources) options.sources.push_back({source, 1});
  return options;
}

TEST(ListVideosTest, SearchesFoldersInOrder) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "a" / "inner");
  std::filesystem::create_directories(folder / "a" / ".hidden");
  for (const char* name : {"a/2.mp4", "a/1.AVI", "a/notes.txt", "a/inner/3.mkv", "a/.4.mp4",
                           "a/.hidden/5.mp4", "odd.bin"}) {
    test::write_bytes(folder / name, "x");
  }
  DataOptions options = options_for({(folder / "a").string(), (folder / "odd.bin").string()});
  options.sources[1].weight = 3;
  std::vector<std::string> names;
  const std::vector<ManifestEntry> entries = list_videos(options);
  for (const ManifestEntry& entry : entries) {
    names.push_back(entry.path.lexically_relative(folder.path()).string());
    EXPECT_TRUE(entry.path.is_absolute());
  }
  EXPECT_THAT(names, ElementsAre("a/1.AVI", "a/2.mp4", "a/inner/3.mkv", "odd.bin"));
  EXPECT_EQ(entries[3].source, 1u);
  EXPECT_EQ(entries[3].weight, 3);
}

TEST(ListVideosTest, NamesAreAsTheSourceIsWritten) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "a.mp4", "x");
  const std::string relative =
      std::filesystem::relative(folder.path(), std::filesystem::current_path()).string();
  const std::vector<ManifestEntry> entries = list_videos(options_for({relative}));
  EXPECT_EQ(entries[0].name, relative + "/a.mp4");
  EXPECT_EQ(entries[0].path, std::filesystem::canonical(folder.path()) / "a.mp4");
}

class ClassesTest : public ::testing::Test {
 protected:
  void add(const std::string& name) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    test::write_bytes(folder_ / name, "x");
  }
  std::vector<ManifestEntry> list(const std::vector<std::string>& sources) const {
    std::vector<std::string> paths;
    for (const std::string& source : sources) paths.push_back((folder_ / source).string());
    DataOptions options = options_for(paths);
    options.classes = true;
    return list_videos(options);
  }
  std::string problem(const std::vector<std::string>& sources) const {
    return test::error_of([&] { list(sources); });
  }

  TemporaryFolder folder_;
};

TEST_F(ClassesTest, AreTheFoldersBelowTheSources) {
  for (const char* name : {"a/dogs/deep/1.mp4", "a/cats/2.mp4", "b/cows/3.mp4", "b/cats/4.mp4"}) {
    add(name);
  }
  const std::vector<ManifestEntry> entries = list({"a", "b/"});
  EXPECT_THAT(class_names(entries), ElementsAre("cats", "cows", "dogs"));
  std::vector<std::string> names;
  std::vector<int64_t> labels;
  for (const ManifestEntry& entry : entries) {
    names.push_back(entry.class_name);
    labels.push_back(entry.label);
  }
  EXPECT_THAT(names, ElementsAre("cats", "dogs", "cats", "cows"));
  EXPECT_THAT(labels, ElementsAre(0, 2, 0, 1));
  EXPECT_THAT(class_names(list_videos(options_for({(folder_ / "a").string()}))),
              ::testing::IsEmpty());
}

TEST_F(ClassesTest, EveryVideoHasOneAndThereAreTwo) {
  add("a/cats/1.mp4");
  EXPECT_THAT(problem({"a"}), HasSubstr("found one class, \"cats\""));
  add("a/dogs/2.mp4");
  EXPECT_EQ(problem({"a"}), "");
  EXPECT_THAT(problem({"a", "a/dogs/2.mp4"}), HasSubstr("a/dogs/2.mp4: has no class"));
}

TEST_F(ClassesTest, WhatIsBesideTheirFoldersIsNamedAndPassedOver) {
  add("a/intro.mp4");
  DataOptions options = options_for({(folder_ / "a").string()});
  options.classes = true;
  EXPECT_THAT(problem({"a"}), HasSubstr("a/intro.mp4: has no class")) << "nothing would be left";
  for (const char* name : {"a/cats/1.mp4", "a/dogs/2.mp4", "a/p1.png", "a/p2.png"}) add(name);
  const VideoList found = find_videos(options);
  EXPECT_THAT(class_names(found.videos), ElementsAre("cats", "dogs"));
  EXPECT_EQ(found.videos.size(), 2u);
  EXPECT_THAT(found.warnings, ElementsAre(HasSubstr("a/intro.mp4: has no class, expected it in"),
                                          HasSubstr("a/p#.png: has no class")));
  options.on_error = OnError::kStop;
  EXPECT_THAT(test::error_of([&] { find_videos(options); }),
              HasSubstr("a/intro.mp4: has no class"));
}

TEST_F(ClassesTest, NamesAreUtf8) {
  add("a/caf\xc3\xa9/1.mp4");
  add("a/cats/2.mp4");
  EXPECT_EQ(problem({"a"}), "");
  add("a/caf\xe9/3.mp4");
  EXPECT_THAT(problem({"a"}), HasSubstr("not UTF-8"));
}

TEST(FormatClassesTest, CountsTheClipsOfEach) {
  EXPECT_EQ(format_classes({{"cats", 12}, {"dogs", 1}}),
            "2 classes with their clips: cats (12), dogs (1)");
}

TEST(ListVideosTest, NamesTheSourceThatHoldsNothing) {
  const TemporaryFolder folder;
  EXPECT_THAT(test::error_of([&] { list_videos(options_for({folder.path().string()})); }),
              HasSubstr(folder.path().string() + ": no video found"));
  EXPECT_THAT(test::error_of([&] { list_videos(options_for({(folder / "gone").string()})); }),
              HasSubstr("gone: no such file or folder"));
  EXPECT_NE(test::error_of([&] { list_videos(DataOptions{}); }), "");
}

TEST(InspectVideoTest, CountsARealVideo) {
  const VideoReport report = inspect_video(sample_video("Megamind.avi"), DataOptions{});
  EXPECT_EQ(report.problem, "");
  EXPECT_EQ(report.width, 720);
  EXPECT_EQ(report.height, 528);
  EXPECT_NEAR(report.fps, 23.976, 0.001);
  EXPECT_EQ(report.frames_promised, 270);
  EXPECT_EQ(report.frames_read, 270);
  EXPECT_EQ(report.frames, 270);
  EXPECT_NEAR(report.seconds, 270 / 23.976, 0.001);
}

TEST(InspectVideoTest, ClipsKeepWithinShots) {
  // The four cuts that `ffmpeg -vf select='gt(scene,0.3)'` finds, at 0.083, 4.129, 6.465 and 8.383
  // s: the first frame is shown at 0.042.
  DataOptions options;
  const VideoReport report = inspect_video(sample_video("Megamind.avi"), options);
  EXPECT_THAT(report.cuts, ElementsAre(1, 98, 154, 200));
  EXPECT_THAT(report.breaks, ::testing::IsEmpty());
  EXPECT_EQ(report.clips, 0 + 82 + 41 + 31 + 55);
  options.scene_cuts = SceneCuts::kIgnore;
  EXPECT_EQ(inspect_video(sample_video("Megamind.avi"), options).clips, 255);
}

TEST(InspectVideoTest, StrideAndRateChangeTheClips) {
  DataOptions options;
  options.scene_cuts = SceneCuts::kIgnore;
  options.frame_stride = 3;
  EXPECT_EQ(inspect_video(sample_video("Megamind.avi"), options).clips, 270 - 45);
  options.fps = 12;
  const VideoReport report = inspect_video(sample_video("Megamind.avi"), options);
  EXPECT_EQ(report.frames_read, 270);
  EXPECT_EQ(report.frames, 135);
  EXPECT_EQ(report.clips, 90);
}

TEST(InspectVideoTest, TruncatedVideoLosesItsEnd) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "cut.avi",
                    test::read_bytes(sample_video("vtest.avi")).substr(0, 3000000));
  DataOptions options;
  VideoReport report = inspect_video(folder / "cut.avi", options);
  EXPECT_EQ(report.frames_promised, 795);
  EXPECT_EQ(report.frames_read, 286);
  EXPECT_EQ(report.clips, 286 - 15);
  EXPECT_EQ(report.problem, "");
  EXPECT_THAT(report.damage,
              HasSubstr("damaged: promises 795 frames, but only 286 can be read; 1 place"));
  options.on_error = OnError::kStop;
  report = inspect_video(folder / "cut.avi", options);
  EXPECT_EQ(report.problem, report.damage);
}

TEST(InspectVideoTest, EvenALittleTruncated) {
  const TemporaryFolder folder;
  for (const char* name : {"Megamind.avi", "tree.avi"}) {
    test::truncate_copy(sample_video(name), folder / name, 0.93);
    EXPECT_THAT(inspect_video(folder / name, DataOptions{}).damage, HasSubstr("damaged")) << name;
  }
}

TEST(InspectVideoTest, FramesThatLastLongerAreNoDamage) {
  const VideoReport report = inspect_video(sample_video("tree.avi"), DataOptions{});
  EXPECT_EQ(report.frames_promised, 444);
  EXPECT_EQ(report.frames_read, 68);
  EXPECT_EQ(report.damage, "");
  EXPECT_THAT(report.notes, ::testing::Contains(HasSubstr("leaves out 376 frames that repeat")));

  DataOptions steady;
  steady.fps = 15;
  EXPECT_NEAR(inspect_video(sample_video("tree.avi"), steady).frames, 444, 10);
}

TEST(InspectVideoTest, CutWithoutEncodingIsNoDamage) {
  const TemporaryFolder folder;
  const std::string whole = (folder / "whole.mp4").string(), cut = (folder / "cut.mp4").string();
  test::ffmpeg("-f lavfi -i testsrc=s=64x64:r=10:d=10 -c:v libx264 -g 100 " + whole);
  test::ffmpeg("-ss 6.05 -i " + whole + " -c copy -movflags +faststart " + cut);
  EXPECT_EQ(inspect_video(cut, DataOptions{}).damage, "");
  test::truncate_copy(cut, folder / "short.mp4", 0.9);
  EXPECT_THAT(inspect_video(folder / "short.mp4", DataOptions{}).damage, HasSubstr("damaged"));
}

TEST(InspectVideoTest, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "text.mp4", "text");
  test::write_bytes(folder / "empty.mp4", "");
  video::write_video(folder / "short.mp4", test::gradient_clip(15, 64, 64), 10);
  video::write_video(folder / "small.mp4", test::gradient_clip(16, 62, 80), 10);
  video::write_video(folder / "good.mp4", test::gradient_clip(16, 64, 80), 10);
  const auto problem = [&](const std::string& name) {
    return inspect_video(folder / name, DataOptions{}).problem;
  };
  EXPECT_THAT(problem("text.mp4"), HasSubstr("not a video"));
  EXPECT_EQ(problem("empty.mp4"), "the file is empty");
  EXPECT_EQ(problem("gone.mp4"), "no such file");
  EXPECT_THAT(problem("short.mp4"), HasSubstr("too short: 15 frames"));
  EXPECT_THAT(problem("small.mp4"), HasSubstr("too small: 80x62 pixels, expected at least 64"));
  EXPECT_EQ(problem("good.mp4"), "");
}

}  // namespace
}  // namespace vidgen::data
