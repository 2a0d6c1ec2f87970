#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/data/cache.h"

/// What becomes of damaged videos in the cache.
namespace vidgen::data {
namespace {

using ::testing::HasSubstr;

class DamagedVideoTest : public ::testing::Test {
 protected:
  DamagedVideoTest() {
    options_.sources = {{(folder_ / "a.mp4").string(), 1}};
    options_.cache_dir = (folder_ / "cache").string();
    options_.size = 16;
    test::ffmpeg("-f lavfi -i testsrc2=s=64x64:r=25:d=4 -c:v libx264 -g 20 -pix_fmt yuv420p " +
                 (folder_ / "a.mp4").string());
    std::string bytes = test::read_bytes(folder_ / "a.mp4");
    const size_t middle = (bytes.find("mdat") + bytes.find("moov")) / 2;
    for (size_t i = 0; i < 1500; ++i) bytes[middle + i] = static_cast<char>(i * 73 + 41);
    test::write_bytes(folder_ / "a.mp4", bytes);
  }

  test::TemporaryFolder folder_;
  DataOptions options_;
};

TEST_F(DamagedVideoTest, TheRestIsUsedInShotsOfItsOwn) {
  for (int run = 0; run < 2; ++run) {
    ::testing::internal::CaptureStderr();
    const ClipCache cache = prepare_clips(options_);
    EXPECT_THAT(
        ::testing::internal::GetCapturedStderr(),
        AllOf(HasSubstr("a.mp4: damaged: "), HasSubstr("left out"), HasSubstr("the rest is used")));
    const VideoReport& report = cache.videos.at(0).report;
    EXPECT_LT(report.frames, 100);
    EXPECT_GE(report.frames, 60);
    EXPECT_EQ(report.frames, cache.videos[0].pixels->frames());
    ASSERT_EQ(report.breaks.size(), 1u);
    // The pictures before the break are a whole number of groups, or end within a damaged one.
    EXPECT_EQ(report.clips, report.frames - 2 * 15);
  }
}

TEST_F(DamagedVideoTest, StopEndsAlsoWhenTheCacheIsThere) {
  options_.on_error = OnError::kStop;
  const auto problem = [&] { return test::error_of([&] { prepare_clips(options_); }); };
  EXPECT_THAT(problem(), HasSubstr("a.mp4: damaged: "));
  options_.on_error = OnError::kSkip;
  EXPECT_EQ(problem(), "");
  options_.on_error = OnError::kStop;
  EXPECT_THAT(problem(), HasSubstr("a.mp4: damaged: "));
}

}  // namespace
}  // namespace vidgen::data
