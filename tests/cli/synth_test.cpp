#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/workspace.h"
#include "vidgen/video/reader.h"

namespace vidgen::test {
namespace {

using ::testing::HasSubstr;
using Arguments = Workspace::Arguments;

Arguments moving_digits(const std::string& folder, const Arguments& more = {}) {
  Arguments arguments{"data",  "synth",          "moving-digits",
                      "--out", folder,           "--clips",
                      "3",     "--digits-image", sample_video("digits.png").string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(SynthTest, MovingDigitsAreVideosToTrainOn) {
  const Workspace work;
  const auto result = work.run(moving_digits("digits", {"--size", "32", "--frames", "12"}));
  expect_success(result);
  EXPECT_EQ(result.out, "wrote 3 clips to digits\n");
  const video::VideoReader reader(work / "digits/clip-000002.avi");
  EXPECT_EQ(reader.width(), 32);
  EXPECT_EQ(reader.promised_frames(), 12);
  EXPECT_EQ(reader.fps(), 25);
  const auto inspected = work.run({"data", "inspect", "digits", "--size", "32", "--frames", "12"});
  expect_success(inspected);
  EXPECT_THAT(inspected.out, HasSubstr("3 of 3 files usable"));
}

TEST(SynthTest, SameSeedSameFiles) {
  const Workspace work;
  const Arguments small{"--size", "32", "--frames", "4", "--color"};
  const auto bytes = [&](const std::string& folder, const std::string& seed) {
    auto more = small;
    more.insert(more.end(), {"--seed", seed});
    expect_success(work.run(moving_digits(folder, more)));
    return read_bytes(work / folder / "clip-000001.avi");
  };
  const auto once = bytes("a", "5");
  EXPECT_EQ(bytes("b", "5"), once);
  EXPECT_NE(bytes("c", "6"), once);
}

TEST(SynthTest, Errors) {
  const Workspace work;
  expect_refuses(work, {"data", "synth"}, {"subcommand"});
  expect_refuses(work, {"data", "synth", "moving-digits"}, {"--out is required"});
  expect_refuses(work, moving_digits("a", {"--size", "8"}), {"size", "8", "16"});
  expect_refuses(work, moving_digits("a", {"--speed", "nan"}), {"speed"});
  expect_refuses(work, moving_digits("a", {"--digit-size", "100"}), {"digit_size", "100", "64"});
  expect_refuses(work, moving_digits("."), {".: is not empty"});
  expect_refuses(work, {"data", "synth", "moving-digits", "--out", "a", "--digits-image", "no.png"},
                 {"no.png"});
  write_bytes(work / "text.png", "text");
  expect_refuses(work,
                 {"data", "synth", "moving-digits", "--out", "a", "--digits-image", "text.png"},
                 {"text.png"});
}

}  // namespace
}  // namespace vidgen::test
