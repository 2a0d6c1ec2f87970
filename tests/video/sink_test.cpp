#include "vidgen/video/sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"
#include "support/full_disk.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/video/frame.h"
#include "vidgen/video/reader.h"
#include "vidgen/video/writer.h"

namespace vidgen::video {
namespace {

using test::TemporaryFolder;
using ::testing::HasSubstr;

constexpr int64_t kHeight = 6, kWidth = 8;
const SinkOptions kThreeClips{3, 2, kHeight, kWidth, 10};

/// A frame of one colour that tells clip and time.
std::vector<uint8_t> frame_of(int64_t clip, int64_t t) {
  return std::vector<uint8_t>(kHeight * kWidth * 3, static_cast<uint8_t>(100 * t + 40 * clip));
}

void write_clips(VideoSink& sink, int64_t clips, int64_t frames = 2) {
  for (int64_t i = 0; i < clips; ++i) {
    for (int64_t t = 0; t < frames; ++t) sink.write(frame_of(i, t).data());
  }
}

std::vector<Frame> read_frames(const std::filesystem::path& path) {
  VideoReader reader(path);
  std::vector<Frame> frames(1);
  while (reader.read(frames.back())) frames.emplace_back();
  frames.pop_back();
  return frames;
}

/// The left upper pixel of a place.
int at(const Frame& picture, int64_t row, int64_t column, int64_t top = 0) {
  const int64_t y = top + row * (kHeight + kSheetGap), x = column * (kWidth + kSheetGap);
  return picture.pixels[static_cast<size_t>((y * picture.width + x) * 3)];
}

TEST(SinkTest, CallbackTakesFramesInTheirOrder) {
  std::vector<int> seen;
  CallbackSink sink([&seen](const uint8_t* rgb) { seen.push_back(rgb[0]); });
  write_clips(sink, 3);
  sink.finish();
  EXPECT_EQ(seen, (std::vector<int>{0, 100, 40, 140, 80, 180}));
}

TEST(SinkTest, VideoPlaysClipsOneAfterTheOther) {
  const TemporaryFolder folder;
  const auto video = open_video(folder / "a.avi", kThreeClips);
  write_clips(*video, 3);
  video->finish();
  const auto frames = read_frames(folder / "a.avi");
  ASSERT_EQ(frames.size(), 6u);
  EXPECT_EQ(frames[5].pixels, frame_of(2, 1));
}

TEST(SinkTest, GridPlaysClipsSideBySideBelowTheirHeadings) {
  const TemporaryFolder folder;
  for (const std::vector<std::string>& headings : {{}, std::vector<std::string>{"1", "2"}}) {
    const auto grid = open_grid(folder / "a.avi", kThreeClips, 2, 2, headings);
    write_clips(*grid, 3);
    grid->finish();
    const auto frames = read_frames(folder / "a.avi");
    ASSERT_EQ(frames.size(), 2u);
    const int64_t top = headings.empty() ? 0 : kHeadingHeight;
    EXPECT_EQ(frames[0].height, top + 2 * kHeight + kSheetGap);
    EXPECT_EQ(frames[0].width, 2 * kWidth + kSheetGap);
    for (int64_t t = 0; t < 2; ++t) {
      EXPECT_EQ(at(frames[t], 0, 0, top), frame_of(0, t)[0]);
      EXPECT_EQ(at(frames[t], 0, 1, top), frame_of(1, t)[0]);
      EXPECT_EQ(at(frames[t], 1, 0, top), frame_of(2, t)[0]);
      EXPECT_EQ(at(frames[t], 1, 1, top), 255) << "nothing";
    }
  }
}

TEST(SinkTest, SheetHasARowForEachClip) {
  const TemporaryFolder folder;
  const auto sheet = open_sheet(folder / "a.png", kThreeClips);
  write_clips(*sheet, 3);
  sheet->finish();
  const Frame picture = read_image(folder / "a.png");
  EXPECT_EQ(picture.height, 3 * kHeight + 2 * kSheetGap);
  EXPECT_EQ(picture.width, 2 * kWidth + kSheetGap);
  EXPECT_EQ(at(picture, 2, 1), frame_of(2, 1)[0]);
}

TEST(SinkTest, FolderHasAVideoOfEachClip) {
  const TemporaryFolder folder;
  const auto numbered = open_folder(folder / "new", kThreeClips);
  write_clips(*numbered, 3);
  numbered->finish();
  EXPECT_EQ(read_frames(folder / "new/clip-0002.mp4").size(), 2u);
  const auto named = open_folder(folder / "new", kThreeClips,
                                 [](int64_t clip) { return "seed-" + std::to_string(clip); });
  write_clips(*named, 1);
  // There before the next clip begins.
  EXPECT_NEAR(read_frames(folder / "new/seed-0.mp4").at(1).pixels[0], frame_of(0, 1)[0], 4);
}

/// Opens the sinks of a known number of frames, each in a folder of its own.
template <class Check>
void for_each_sink(const Check& check) {
  const std::function<std::unique_ptr<VideoSink>(const std::filesystem::path&)> open[] = {
      [](const auto& folder) { return open_grid(folder / "a.gif", kThreeClips, 1, 3); },
      [](const auto& folder) { return open_sheet(folder / "a.png", kThreeClips); },
      [](const auto& folder) { return open_folder(folder, kThreeClips); }};
  for (const auto& one : open) {
    const TemporaryFolder folder;
    check(one(folder.path()), folder.path());
  }
}

TEST(SinkTest, AsManyFramesAsWereSaid) {
  for_each_sink([](const std::unique_ptr<VideoSink>& sink, const std::filesystem::path&) {
    write_clips(*sink, 2);
    EXPECT_THAT(test::error_of([&] { sink->finish(); }),
                HasSubstr("found 4 frames, expected 3 clips of 2"));
    write_clips(*sink, 1);
    EXPECT_THAT(test::error_of([&] { write_clips(*sink, 1); }), HasSubstr("found more frames"));
    EXPECT_EQ(test::error_of([&] { sink->finish(); }), "");
  });
}

TEST(SinkTest, NothingIsLeftWithoutFinish) {
  const TemporaryFolder folder;
  write_clips(*open_video(folder / "a.avi", kThreeClips), 3);
  write_clips(*open_grid(folder / "a.mp4", kThreeClips, 1, 3), 3);
  write_clips(*open_sheet(folder / "a.png", kThreeClips), 3);
  open_folder(folder.path(), kThreeClips)->write(frame_of(0, 0).data());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SinkTest, NothingIsLeftOnAFullDisk) {
  for_each_sink([](std::unique_ptr<VideoSink> sink, const std::filesystem::path& folder) {
    const test::FullDisk full(40);
    EXPECT_NE(test::error_of([&] {
                write_clips(*sink, 3);
                sink->finish();
              }),
              "");
    sink.reset();
    EXPECT_TRUE(std::filesystem::is_empty(folder)) << folder;
  });
}

TEST(SinkTest, GridWithoutRoomIsRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(test::error_of([&] { open_grid(folder / "a.mp4", kThreeClips, 1, 2); }),
              HasSubstr("a grid of 1x2 has no room for 3 clips"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace vidgen::video
