#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/workspace.h"
#include "support/videos.h"
#include "vidgen/video/reader.h"
#include "vidgen/video/writer.h"

namespace vidgen::test {
namespace {

using ::testing::HasSubstr;

/// Pixels of a sheet's or a grid's first clip, frame `t` of a row.
video::Frame first_on_sheet(const video::Frame& sheet, int64_t size, int64_t t) {
  return video::crop(sheet, 0, t * (size + video::kSheetGap), size, size);
}

TEST(PreviewTest, ShowsTheCropsThatTrainingSees) {
  Workspace work;
  // Left half red, right half blue: a crop in the middle of a wide picture has half of each.
  ffmpeg(
      "-f lavfi -i color=red:s=96x32:r=10:d=2,drawbox=x=48:y=0:w=48:h=32:c=blue:t=fill "
      "-pix_fmt yuv444p -c:v libx264 -qp 4 " +
      (work / "wide.mp4").string());
  const Workspace::Arguments preview{"data", "preview", "tiny.yaml", "--data", "wide.mp4"};
  auto arguments = preview;
  for (const char* more : {"--out", "sheet.png", "--count", "3"}) arguments.emplace_back(more);
  expect_success(work.run(arguments));
  const auto sheet = video::read_image(work / "sheet.png");
  const int64_t size = (sheet.height + video::kSheetGap) / 3 - video::kSheetGap;
  const auto frame = first_on_sheet(sheet, size, 1);
  const uint8_t* left = frame.pixels.data() + (size / 2 * size + 1) * 3;
  const uint8_t* right = frame.pixels.data() + (size / 2 * size + size - 2) * 3;
  EXPECT_GT(left[0], 200);
  EXPECT_LT(left[2], 60);
  EXPECT_GT(right[2], 200);
  EXPECT_LT(right[0], 60);

  arguments = preview;
  for (const char* more : {"--out", "clips.mp4"}) arguments.emplace_back(more);
  expect_success(work.run(arguments));
  video::VideoReader movie(work / "clips.mp4");
  EXPECT_EQ(movie.fps(), 10);
}

TEST(PreviewTest, NamesWhatItCannotWrite) {
  Workspace work;
  const auto result = work.run({"data", "preview", "tiny.yaml", "--out", "clips.txt"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--out clips.txt: unknown extension"));
}

}  // namespace
}  // namespace vidgen::test
