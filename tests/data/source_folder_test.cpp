#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/core/error.h"
#include "vidgen/data/cache.h"
#include "vidgen/data/manifest.h"
#include "vidgen/data/video_set.h"

namespace vidgen::data {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class SourceFolderTest : public ::testing::Test {
 protected:
  void add(const std::string& name, const std::string& bytes = "x") const {
    fs::create_directories((folder_ / name).parent_path());
    test::write_bytes(folder_ / name, bytes);
  }
  void link(const std::string& target, const std::string& name) const {
    fs::create_directories((folder_ / name).parent_path());
    fs::create_symlink(target, folder_ / name);
  }
  VideoList list(const std::string& source, bool classes = false,
                 OnError on_error = OnError::kSkip) const {
    DataOptions options;
    options.sources = {{(folder_ / source).string(), 1}};
    options.classes = classes;
    options.on_error = on_error;
    return find_videos(options);
  }
  static std::vector<std::string> inside(const VideoList& list) {
    std::vector<std::string> names;
    for (const ManifestEntry& entry : list.videos) {
      names.push_back(entry.class_name.empty() ? entry.inside
                                               : entry.class_name + ": " + entry.inside);
    }
    return names;
  }

  const test::TemporaryFolder folder_;
};

TEST_F(SourceFolderTest, FollowsLinksOnceAndNotInCircles) {
  add("disk/1.mp4");
  add("disk/deep/2.mp4");
  add("set/a/3.mp4");
  link("../../disk", "set/a/linked");
  link("../../set", "set/a/up");              // the source itself
  link("../../../..", "set/a/far/up");        // a folder that the source is in
  link("../set/a/linked/deep", "disk/back");  // taken already
  link("../disk/1.mp4", "set/file.mp4");
  const VideoList found = list("set");
  EXPECT_THAT(inside(found),
              ElementsAre("a/3.mp4", "a/linked/1.mp4", "a/linked/deep/2.mp4", "file.mp4"));
  EXPECT_EQ(found.videos[1].path, fs::canonical(folder_.path()) / "set/a/linked/1.mp4");
  EXPECT_THAT(
      found.warnings,
      UnorderedElementsAre(HasSubstr("set/a/far/up: is a link to a folder that it is inside"),
                           HasSubstr("set/a/up: is a link to a folder that it is inside"),
                           HasSubstr("set/a/linked/back: is a link to a folder that is taken")));
  // Links that lead nowhere new are no reason to stop.
  EXPECT_EQ(inside(list("set", false, OnError::kStop)), inside(found));
}

TEST_F(SourceFolderTest, FoldersOfTheSystemAreNotSearched) {
  add("set/cat/1.mp4");
  add("set/dog/2.mp4");
  for (const char* name : {"$RECYCLE.BIN", "$Recycle.Bin", "#recycle", "@eaDir", "lost+found",
                           "System Volume Information", "__MACOSX", ".Trash-1000", ".Trashes"}) {
    add(core::cat("set/", name, "/x.mp4"));
    add(core::cat("set/dog/", name, "/deep/x.mp4"));
  }
  add("set/dog/recycle/3.mp4");  // a name that anybody may give
  EXPECT_THAT(inside(list("set", true)),
              ElementsAre("cat: cat/1.mp4", "dog: dog/2.mp4", "dog: dog/recycle/3.mp4"));
  EXPECT_THAT(list("set").warnings, IsEmpty());
  // Asked for by name it is a folder like others.
  EXPECT_THAT(inside(list("set/#recycle")), ElementsAre("x.mp4"));
}

TEST_F(SourceFolderTest, AClassMayBeALink) {
  add("disk/cats/1.mp4");
  link("../disk/cats", "set/cats");
  link("../disk/cats", "set/felines");
  add("set/dogs/2.mp4");
  link("../../disk/cats", "set/cats_twice/deep");
  link("../cats", "set/dogs/cats");
  EXPECT_THAT(inside(list("set", true)),
              ElementsAre("cats: cats/1.mp4", "cats_twice: cats_twice/deep/1.mp4",
                          "dogs: dogs/2.mp4", "dogs: dogs/cats/1.mp4", "felines: felines/1.mp4"));
  // Without classes it is one folder.
  EXPECT_THAT(inside(list("set")), ElementsAre("cats/1.mp4", "dogs/2.mp4"));
}

TEST_F(SourceFolderTest, OneBadEntryIsNamedAndPassedOver) {
  add("set/good.mp4");
  link("loop.mp4", "set/loop.mp4");
  link("gone", "set/dangling");
  link("gone.txt", "set/dangling.txt");  // would be no video anyway
  ASSERT_EQ(::mkfifo((folder_ / "set/pipe.mp4").c_str(), 0600), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder_ / "set/socket").c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const VideoList found = list("set");
  ::close(socket);
  EXPECT_THAT(inside(found), ElementsAre("good.mp4"));
  EXPECT_THAT(found.warnings,
              UnorderedElementsAre(HasSubstr("loop.mp4: Too many levels of symbolic links"),
                                   HasSubstr("dangling: is a link to gone, which does not exist"),
                                   HasSubstr("pipe.mp4: is no regular file"),
                                   HasSubstr("socket: is no regular file")));
  EXPECT_EQ(format_not_taken(found.not_taken), "not taken: 1 file (.txt 1)");
  EXPECT_NE(test::error_of([&] { list("set", false, OnError::kStop); }), "");
}

/// Until its end of the scope this process may do what any user may.
class AsNobody {
 public:
  AsNobody() : was_root_(::geteuid() == 0 && ::seteuid(65534) == 0) {}
  ~AsNobody() {
    if (was_root_) static_cast<void>(::seteuid(0));
  }

 private:
  const bool was_root_;
};

TEST_F(SourceFolderTest, WhatMayNotBeReadIsNamed) {
  add("set/good.mp4");
  add("set/locked/inner.mp4");
  add("set/secret", "whatever");
  fs::permissions(folder_.path(), fs::perms(0755));
  fs::permissions(folder_ / "set/locked", fs::perms::none);
  fs::permissions(folder_ / "set/secret", fs::perms::none);
  {
    const AsNobody nobody;
    EXPECT_THAT(list("set").warnings,
                UnorderedElementsAre(HasSubstr("locked: cannot list the folder: Permission denied"),
                                     HasSubstr("secret: cannot be read: Permission denied")));
    EXPECT_THAT(test::error_of([&] { list("set/locked"); }),
                HasSubstr("set/locked: cannot list the folder: Permission denied"));
  }
  fs::permissions(folder_ / "set/locked", fs::perms(0755));
}

TEST_F(SourceFolderTest, WhatIsNoVideoIsCounted) {
  for (const char* name : {"a/clip.mp4", "a/clip.srt", "a/clip.SRT", "b/readme", "b/song.mp3",
                           "b/beach.jpg", "b/cat.jpeg", "b/clip.lrv", ".hidden.txt"}) {
    add("set/" + std::string(name));
  }
  const VideoList found = list("set");
  EXPECT_THAT(inside(found), ElementsAre("a/clip.mp4"));
  EXPECT_EQ(format_not_taken(found.not_taken),
            "not taken: 7 files (.srt 2, .jpeg 1, .jpg 1, .lrv 1, .mp3 1, without extension 1)");
  EXPECT_THAT(test::error_of([&] { list("set/b"); }),
              HasSubstr("set/b: no video found in this folder (not taken: 5 files"));
  EXPECT_THAT(test::error_of([&] { list("set/b"); }), HasSubstr("pictures are a video when"));
  std::map<std::string, int64_t> many;
  for (char c = 'a'; c <= 'j'; ++c) many[std::string(".") + c] = 1;
  EXPECT_THAT(format_not_taken(many), HasSubstr(".h 1, 2 other kinds)"));
  EXPECT_EQ(format_not_taken({}), "");
}

TEST_F(SourceFolderTest, ContentDecidesWhereTheNameDoesNot) {
  fs::create_directory(folder_ / "set");
  const std::string input = "-f lavfi -i testsrc=s=32x32:r=10:d=1 -c:v mpeg4 -f mpegts ";
  test::ffmpeg(input + (folder_ / "set/VTS_01").string());
  for (int i = 0; i < 300; ++i) add(core::cat("set/", i, ".xyz"), std::string("\1\2\3", 3));
  const VideoList found = list("set");
  EXPECT_THAT(inside(found), ElementsAre("VTS_01"));
  EXPECT_EQ(format_not_taken(found.not_taken), "not taken: 300 files (.xyz 300)");
}

TEST_F(SourceFolderTest, NumberedPicturesAreVideos) {
  for (int i = 8; i <= 11; ++i) {
    for (const char* name : {"set/cats/a_", "set/cats/b_", "set/dogs/rex/"}) {
      add(core::cat(name, i, ".png"));
    }
  }
  add("set/dogs/rex.png");
  add("set/dogs/1.mp4");
  const VideoList found = list("set", true);
  EXPECT_THAT(inside(found), ElementsAre("cats: cats/a_#.png", "cats: cats/b_#.png",
                                         "dogs: dogs/1.mp4", "dogs: dogs/rex/#.png"));
  EXPECT_EQ(format_not_taken(found.not_taken), "not taken: 1 file (.png 1)");
  EXPECT_THAT(inside(list("set/cats/b_#.png")), ElementsAre("b_#.png"));
  EXPECT_THAT(test::error_of([&] { list("set/cats/c_#.png"); }),
              HasSubstr("no such file or folder"));
}

TEST_F(SourceFolderTest, SpellingOfTheSourceChangesNothingButTheName) {
  add("set/a/1.mp4");
  link("set", "link");
  const auto before = fs::current_path();
  fs::current_path(folder_.path());
  for (const std::string spelling : {"set", "./set", "set/", "link", "link/", "set/../set"}) {
    DataOptions options;
    options.sources = {{spelling, 1}};
    const ManifestEntry entry = find_videos(options).videos.at(0);
    EXPECT_EQ(entry.path, fs::canonical(folder_ / "set/a/1.mp4")) << spelling;
    EXPECT_EQ(entry.inside, "a/1.mp4") << spelling;
  }
  fs::current_path(before);
}

class PictureCacheTest : public SourceFolderTest {
 protected:
  PictureCacheTest() {
    fs::create_directory(folder_ / "set");
    test::ffmpeg("-f lavfi -i testsrc=s=32x32:r=10:d=1.2 " + (folder_ / "set/%d.png").string());
    options_.sources = {{(folder_ / "set").string(), 1}};
    options_.cache_dir = (folder_ / "cache").string();
    options_.size = 16;
    options_.frames = 4;
  }
  DataOptions options_;
};

TEST_F(PictureCacheTest, IsMadeAgainWhenAPictureChanges) {
  options_.picture_fps = 12;
  const auto prepare = [&] { return prepare_clips(options_).videos.at(0); };
  const auto is_rebuilt = [&] {
    const fs::path file = fs::directory_iterator(folder_ / "cache")->path();
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(1));
    prepare();
    return fs::last_write_time(file) > fs::file_time_type::clock::now() - std::chrono::minutes(1);
  };
  EXPECT_EQ(prepare().report.fps, 12);
  EXPECT_EQ(prepare().pixels->frames(), 12);
  EXPECT_FALSE(is_rebuilt());
  fs::copy_file(folder_ / "set/12.png", folder_ / "set/13.png");
  EXPECT_TRUE(is_rebuilt());
  EXPECT_EQ(prepare().pixels->frames(), 13);
  const fs::path picture = folder_ / "set/5.png";
  fs::last_write_time(picture, fs::last_write_time(picture) + std::chrono::seconds(1));
  EXPECT_TRUE(is_rebuilt());
  EXPECT_FALSE(is_rebuilt());
  options_.picture_fps = 24;
  EXPECT_TRUE(is_rebuilt());
  EXPECT_EQ(prepare().report.fps, 24);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "cache"), {}), 1);
}

TEST_F(PictureCacheTest, NamesAreAsLongAsFileSystemsAllow) {
  std::string name;  // 251 bytes; the 64th is in the middle of a character
  for (int i = 0; i < 83; ++i) name += "\xe2\x82\xac";
  fs::rename(folder_ / "set/1.png", folder_ / "1.png");
  test::ffmpeg("-f lavfi -i testsrc=s=32x32:r=10:d=1 " + (folder_ / "a.mp4").string());
  fs::rename(folder_ / "a.mp4", folder_ / "set" / (name + "xx.mp4"));
  options_.sources = {{(folder_ / "set" / (name + "xx.mp4")).string(), 1}};
  EXPECT_EQ(prepare_clips(options_).videos.at(0).pixels->frames(), 10);
  const std::string file = fs::directory_iterator(folder_ / "cache")->path().filename().string();
  EXPECT_EQ(file.substr(0, 64), name.substr(0, 63) + "-");
}

TEST_F(PictureCacheTest, IdentityIsThatOfTheVideosWhereverTheyAre) {
  const auto identity = [&](const std::string& source) {
    options_.sources = {{(folder_ / source).string(), 1}};
    return VideoSet(prepare_clips(options_).videos).text();
  };
  const std::string before = identity("set");
  fs::create_directory(folder_ / "elsewhere");
  fs::rename(folder_ / "set", folder_ / "elsewhere/renamed");
  EXPECT_EQ(identity("elsewhere/renamed"), before);
  fs::remove(folder_ / "elsewhere/renamed/12.png");
  EXPECT_NE(identity("elsewhere/renamed"), before);
}

}  // namespace
}  // namespace vidgen::data
