#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/infer/generator.h"
#include "vidgen/video/reader.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;

struct VideoSize {
  int64_t frames = 0;
  int64_t height = 0;
  int64_t width = 0;
  double fps = 0;
};

bool operator==(const VideoSize& a, const VideoSize& b) {
  return a.frames == b.frames && a.height == b.height && a.width == b.width && a.fps == b.fps;
}
void PrintTo(const VideoSize& size, std::ostream* out) {
  *out << size.frames << " frames of " << size.height << "x" << size.width << ", " << size.fps;
}

VideoSize measure(const fs::path& path) {
  video::VideoReader reader(path);
  VideoSize size{0, reader.height(), reader.width(), reader.fps()};
  while (reader.skip()) ++size.frames;
  return size;
}

/// A workspace with a finished run of two steps.
class SampleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto result = work_.train();
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  void sample(const std::string& out, const Workspace::Arguments& more = {},
              const std::string& checkpoint = "run") {
    Workspace::Arguments arguments{"sample", "--checkpoint", checkpoint, "--out", out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_success(work_.run(arguments));
    EXPECT_THAT(work_.temporary_files(), ::testing::IsEmpty());
  }

  /// The tensor `clips` of `vidgen sample --out FILE.safetensors`.
  torch::Tensor clips(const Workspace::Arguments& more, const std::string& checkpoint = "run") {
    sample("clips.safetensors", more, checkpoint);
    return checkpoint::read_safetensors(work_ / "clips.safetensors").tensors.at("clips");
  }

  Workspace work_;
};

TEST_F(SampleTest, Videos) {
  // One clip after another, at the rate of the source.
  sample("two.mp4", {"--count", "2"});
  EXPECT_EQ(measure(work_ / "two.mp4"), (VideoSize{20, 16, 16, 25}));
  sample("long.mp4", {"--frames", "25", "--fps", "10"});
  EXPECT_EQ(measure(work_ / "long.mp4"), (VideoSize{25, 16, 16, 10}));
  sample("one.gif");
  EXPECT_EQ(measure(work_ / "one.gif").frames, 10);
  // 16 pixels for each clip and 2 between.
  sample("grid.mp4", {"--grid", "2x3"});
  EXPECT_EQ(measure(work_ / "grid.mp4"), (VideoSize{10, 34, 52, 25}));
  // What was there is replaced.
  write_bytes(work_ / "out.mp4", "old");
  sample("out.mp4");
  EXPECT_EQ(measure(work_ / "out.mp4").frames, 10);
}

TEST_F(SampleTest, ContactSheetAndFolder) {
  // A row for each clip, a column for each frame.
  sample("sheet.png", {"--count", "3"});
  const auto sheet = video::read_image(work_ / "sheet.png");
  EXPECT_EQ(sheet.height, 3 * 16 + 2 * 2);
  EXPECT_EQ(sheet.width, 10 * 16 + 9 * 2);
  // Whatever the case of the extension.
  sample("SHEET.PNG", {"--count", "3"});
  EXPECT_EQ(video::read_image(work_ / "SHEET.PNG").pixels, sheet.pixels);

  sample("videos", {"--count", "2"});
  EXPECT_EQ(measure(work_ / "videos/clip-0000.mp4"), (VideoSize{10, 16, 16, 25}));
  EXPECT_EQ(measure(work_ / "videos/clip-0001.mp4").frames, 10);
  EXPECT_FALSE(fs::exists(work_ / "videos/clip-0002.mp4"));
  // Into a folder that is there already, too.
  sample("videos/", {"--count", "3"});
  EXPECT_TRUE(fs::exists(work_ / "videos/clip-0002.mp4"));
}

TEST_F(SampleTest, TensorIsExactAndFollowsTheSeed) {
  const auto first = clips({"--count", "3", "--seed", "5"});
  EXPECT_EQ(first.scalar_type(), torch::kByte);
  EXPECT_EQ(first.sizes(), (std::vector<int64_t>{3, 10, 16, 16, 3}));
  const std::string bytes = read_bytes(work_ / "clips.safetensors");
  EXPECT_TRUE(clips({"--count", "3", "--seed", "5"}).equal(first));
  EXPECT_EQ(read_bytes(work_ / "clips.safetensors"), bytes);
  EXPECT_FALSE(clips({"--count", "3", "--seed", "6"}).equal(first));
  EXPECT_FALSE(first[0].equal(first[1]));
  EXPECT_EQ(clips({"--frames", "40"}).size(1), 40);
  // Latents of zero leave no variety.
  const auto flat = clips({"--count", "2", "--truncation", "0"});
  EXPECT_TRUE(flat[0].equal(flat[1]));
}

TEST_F(SampleTest, WeightsAloneAreEnough) {
  const auto from_run = clips({"--count", "2"});
  fs::create_directory(work_ / "elsewhere");
  fs::copy_file(work_ / "run/weights.safetensors", work_ / "elsewhere/w.safetensors");
  const auto from_checkpoint = clips({"--count", "2"}, checkpoint_file("run", 2));
  EXPECT_TRUE(from_checkpoint.equal(from_run));
  fs::remove_all(work_ / "run");
  fs::remove(work_ / "clip.mp4");
  fs::remove_all(work_ / "cache");
  EXPECT_TRUE(clips({"--count", "2"}, "elsewhere/w.safetensors").equal(from_run));
}

TEST_F(SampleTest, Precision) {
  const auto exact = clips({"--count", "3", "--precision", "float32"});
  EXPECT_TRUE(clips({"--count", "3"}).equal(exact)) << "auto, of a file that is not quantised";
  if (infer::can_compute(infer::Precision::kBfloat16, torch::kCPU)) {
    const auto rounded = clips({"--count", "3", "--precision", "bfloat16"});
    EXPECT_FALSE(rounded.equal(exact));
    const auto difference = (rounded.to(torch::kFloat) - exact.to(torch::kFloat)).abs();
    EXPECT_LT(difference.mean().item<float>(), 1);
  }
  const auto refuses = [this](const std::string& precision, const std::vector<std::string>& parts) {
    expect_refuses(work_,
                   {"sample", "--checkpoint", "run", "--out", "out.mp4", "--precision", precision},
                   parts);
  };
  refuses("int8", {"run/weights.safetensors", "not quantised", "vidgen quantize"});
  refuses("float8", {"--precision", "float8"});
}

TEST_F(SampleTest, FullDiskKeepsTheOldFile) {
  for (const std::string name : {"out.mp4", "out.gif", "out.png", "out.safetensors"}) {
    SCOPED_TRACE(name);
    write_bytes(work_ / name, "old");
    auto options = work_.options();
    options.file_limit = 300;
    const auto result = run_program(
        program_path(), {"sample", "--checkpoint", "run", "--count", "8", "--out", name}, options);
    expect_refused(result, {name});
    EXPECT_EQ(read_bytes(work_ / name), "old");
    EXPECT_THAT(work_.temporary_files(), ::testing::IsEmpty());
  }
}

TEST(SampleGrayTest, GreyClipsHaveThreeEqualChannels) {
  const Workspace work;
  expect_success(work.train({"--set", "data.color=gray"}));
  expect_success(work.run({"sample", "--checkpoint", "run", "--out", "clips.safetensors"}));
  const auto clips = checkpoint::read_safetensors(work / "clips.safetensors").tensors.at("clips");
  EXPECT_EQ(clips.sizes(), (std::vector<int64_t>{1, 10, 16, 16, 3}));
  EXPECT_TRUE(clips.select(4, 0).equal(clips.select(4, 2)));
}

TEST_F(SampleTest, LongNamesAndLinksAreWritten) {
  for (const char* extension : {".mp4", ".gif", ".png", ".safetensors"}) {
    const std::string name = std::string(255 - std::string(extension).size(), 'n') + extension;
    sample(name);
    EXPECT_TRUE(fs::is_regular_file(work_ / name)) << extension;
  }
  fs::create_directory(work_ / "disk");
  for (const char* name : {"new.mp4", "new.safetensors"}) {
    fs::create_symlink(fs::path("disk") / name, work_ / name);
    sample(name);
    EXPECT_TRUE(fs::is_symlink(work_ / name));
    EXPECT_TRUE(fs::is_regular_file(work_ / "disk" / name));
  }
  EXPECT_EQ(measure(work_ / "new.mp4").frames, 10);
}

}  // namespace
}  // namespace vidgen::test
