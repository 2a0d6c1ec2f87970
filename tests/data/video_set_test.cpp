#include "vidgen/data/video_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/video/writer.h"

namespace vidgen::data {
namespace {

namespace fs = std::filesystem;

/// A video of this content, by its place inside its source.
CachedVideo video(uint64_t content, const std::string& inside, const std::string& of_class = "") {
  CachedVideo video{{"/s/" + inside, "s/" + inside, 0, 1, of_class, 0, inside}, {}, nullptr};
  video.report.fingerprint = content;
  return video;
}

std::string changes(const std::vector<CachedVideo>& before, const std::vector<CachedVideo>& now) {
  // As through a checkpoint.
  const auto stored = VideoSet::parse(VideoSet(before).text());
  EXPECT_TRUE(stored.has_value());
  return VideoSet(now).changes_since(stored.value_or(VideoSet()));
}

TEST(VideoSetTest, NamesOrderAndPlacesDoNotCount) {
  const std::vector<CachedVideo> three{video(1, "a"), video(2, "b"), video(3, "c")};
  EXPECT_EQ(changes(three, three), "");
  EXPECT_EQ(changes(three, {video(3, "x"), video(1, "inside/a"), video(2, "a")}), "");
}

TEST(VideoSetTest, WhatCameWentOrChangedIsCounted) {
  const std::vector<CachedVideo> three{video(1, "a"), video(2, "b"), video(3, "c")};
  EXPECT_EQ(changes(three, {video(1, "a"), video(2, "b")}), "1 gone");
  EXPECT_EQ(changes(three, {video(1, "a"), video(7, "b"), video(3, "c")}), "1 changed (s/b)");
  EXPECT_EQ(changes(three, {video(1, "a"), video(9, "b"), video(8, "d"), video(6, "e")}),
            "2 files more (s/d, s/e), 1 gone, 1 changed (s/b)");
  EXPECT_EQ(changes({video(1, "a")}, {video(1, "a"), video(1, "copy")}), "1 file more (s/copy)");
  EXPECT_EQ(changes({video(1, "a"), video(1, "copy")}, {video(1, "copy")}), "1 gone");
  EXPECT_EQ(changes({video(1, "cats/a", "cats")}, {video(1, "dogs/a", "dogs")}),
            "1 file more (s/dogs/a), 1 gone")
      << "of another class it teaches something else";
}

TEST(VideoSetTest, TheTextIsBounded) {
  std::vector<CachedVideo> many;
  for (int i = 0; i < 4096; ++i) {
    many.push_back(video(core::derive_seed(1, std::to_string(i)), std::to_string(i)));
  }
  EXPECT_LT(VideoSet(many).text().size(), 100000u);
  EXPECT_EQ(changes(many, {many.begin() + 10, many.end()}), "10 gone");
  auto more = many;
  for (int i = 0; i < 100000; ++i) more.push_back(video(static_cast<uint64_t>(i), "more"));
  EXPECT_LT(VideoSet(more).text().size(), 100u);
  EXPECT_EQ(changes(more, more), "");
  EXPECT_EQ(changes(more, many), "other files (104096 before, 4096 now)");
  std::swap(more.front(), more.back());
  EXPECT_EQ(changes(more, more), "");
  more.front().report.fingerprint = 77777777;
  EXPECT_NE(VideoSet(more).text(), VideoSet(many).text());
}

TEST(VideoSetTest, WhatIsNoSuchTextIsNothing) {
  const std::string good = VideoSet({video(1, "a"), video(2, "b")}).text();
  ASSERT_TRUE(VideoSet::parse(good));
  // That of an older vidgen is a number.
  for (const std::string& bad : {std::string("8817281729"), std::string(), std::string("2 xyz"),
                                 good.substr(0, good.size() - 1), good + "0", "1" + good}) {
    EXPECT_FALSE(VideoSet::parse(bad)) << bad;
  }
}

class FingerprintTest : public ::testing::Test {
 protected:
  FingerprintTest() {
    options_.cache_dir = (folder_ / "cache").string();
    options_.size = 16;
    options_.frames = 4;
    fs::create_directory(folder_ / "in");
    options_.sources = {{(folder_ / "in").string(), 1}};
    video::write_video(folder_ / "in/a.mp4", test::gradient_clip(8, 24, 24), 10);
  }
  std::vector<uint64_t> fingerprints() const {
    std::vector<uint64_t> all;
    for (const auto& video : prepare_clips(options_).videos) {
      all.push_back(video.report.fingerprint);
    }
    return all;
  }

  test::TemporaryFolder folder_;
  DataOptions options_;
};

TEST_F(FingerprintTest, IsThatOfTheContent) {
  fs::copy_file(folder_ / "in/a.mp4", folder_ / "in/b.mp4");
  video::write_video(folder_ / "in/c.mp4", test::gradient_clip(9, 24, 24), 10);
  fs::copy_file(folder_ / "in/a.mp4", folder_ / "in/d.mp4");
  // Behind the end of the video: the same pictures, another file.
  std::ofstream(folder_ / "in/d.mp4", std::ios::app) << "more";
  const auto all = fingerprints();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0], all[1]);
  EXPECT_NE(all[0], all[2]);
  EXPECT_NE(all[0], all[3]);
  EXPECT_NE(all[0], 0u);
}

TEST_F(FingerprintTest, IsKeptInTheCache) {
  const auto before = fingerprints();
  // Size and time stay, so the cache, and what it remembers, holds.
  const auto time = fs::last_write_time(folder_ / "in/a.mp4");
  const auto size = fs::file_size(folder_ / "in/a.mp4");
  std::ofstream(folder_ / "in/a.mp4") << std::string(size, 'x');
  fs::last_write_time(folder_ / "in/a.mp4", time);
  EXPECT_EQ(fingerprints(), before);
}

TEST_F(FingerprintTest, OfPicturesItIsThatOfEachInTheirOrder) {
  const auto write = [&](const std::string& folder, const std::vector<int64_t>& shades) {
    fs::remove_all(folder_ / "in");
    fs::create_directories(folder_ / "in" / folder);
    for (size_t i = 0; i < shades.size(); ++i) {
      video::Frame frame{24, 24, 3, std::vector<uint8_t>(24 * 24 * 3, shades[i])};
      video::write_png(folder_ / "in" / folder / (std::to_string(i) + ".png"), frame);
    }
    return fingerprints().at(0);
  };
  const auto first = write("one", {1, 2, 3, 4, 5});
  EXPECT_EQ(write("two", {1, 2, 3, 4, 5}), first);
  EXPECT_NE(write("two", {1, 3, 2, 4, 5}), first);
  EXPECT_NE(write("two", {1, 2, 3, 4, 5, 6}), first);
}

}  // namespace
}  // namespace vidgen::data
