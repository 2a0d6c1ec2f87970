#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Arguments = Workspace::Arguments;

/// A workspace with 20 clips of digits in `digits`, at least one of each, in a folder for each
/// digit.
class ClassesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto result =
        work_.run({"data", "synth", "moving-digits", "--classes", "--out", "digits", "--clips",
                   "20", "--digits", "1", "--size", "16", "--digit-size", "12", "--frames", "10",
                   "--digits-image", sample_video("digits.png").string()});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  static Arguments with_classes(const Arguments& more = {}) {
    Arguments arguments{"--set", "data.sources=digits", "--set", "data.classes=true"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  torch::Tensor clips(const Arguments& more) {
    Arguments arguments{"sample", "--checkpoint", "run", "--out", "clips.safetensors"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_success(work_.run(arguments));
    return checkpoint::read_safetensors(work_ / "clips.safetensors").tensors.at("clips");
  }

  Workspace work_;
};

TEST_F(ClassesTest, FromFoldersToSamplesOfOneClass) {
  const auto trained = work_.train(with_classes({"--set", "train.sample_every=2"}));
  expect_success(trained);
  EXPECT_THAT(trained.err, HasSubstr("10 classes with their clips: 0 (1), 1 (1), 2 (2)"));
  EXPECT_TRUE(fs::exists(work_ / "run/samples/step-00000002.png"));
  EXPECT_THAT(read_bytes(work_ / "run/config.yaml"),
              HasSubstr("class_names: [\"0\", \"1\", \"2\""));

  const auto threes = clips({"--class", "3", "--count", "2"});
  const auto fives = clips({"--class", "5", "--count", "2"});
  EXPECT_FALSE(threes.equal(fives));
  EXPECT_TRUE(clips({"--class", "3", "--count", "2"}).equal(threes));
  const auto both = clips({"--class", "3,5", "--count", "2"});
  EXPECT_TRUE(both[0].equal(threes[0]));
  EXPECT_TRUE(both[1].equal(fives[1]));
  EXPECT_TRUE(clips({"--class", "3", "--class", "5", "--count", "2"}).equal(both));
  EXPECT_EQ(clips({"--count", "12"}).size(0), 12);
  expect_refuses(
      work_, {"sample", "--checkpoint", "run", "--out", "x.mp4", "--class", "12"},
      {"class 12: this generator has none of that name", "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"});

  const auto shown = work_.run({"inspect", "run"});
  expect_success(shown);
  EXPECT_THAT(shown.out, HasSubstr("classes   0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n"));
  const auto measured = work_.run({"eval", "--checkpoint", "run", "--clips", "4"});
  expect_success(measured);
  EXPECT_THAT(measured.out, HasSubstr("the 10 classes in turn"));
  EXPECT_THAT(measured.out, HasSubstr("Note: there are no real clips of "));
  EXPECT_THAT(measured.out, HasSubstr(" classes 0 have the 4 clips in each set that it takes"));
  expect_success(work_.run(
      {"prune", "--checkpoint", "run", "--out", "pruned.safetensors", "--sparsity", "0.5"}));
  expect_success(work_.run(
      {"sample", "--checkpoint", "pruned.safetensors", "--out", "pruned.mp4", "--class", "7"}));
}

TEST_F(ClassesTest, ARunKeepsItsClasses) {
  expect_success(work_.train(with_classes()));
  // Its own configuration names them.
  expect_success(work_.run({"train", "--config", "run/config.yaml", "--set", "train.steps=3"}));
  EXPECT_EQ(newest_step(work_ / "run"), 3);
  fs::create_directory(work_ / "digits/ten");
  write_tiny_video(work_ / "digits/ten/1.mp4");
  expect_refuses(work_, Workspace::train_arguments(with_classes({"--set", "train.steps=4"})),
                 {"step-00000003.safetensors: model.class_names is [\"0\",", "\"9\",\"ten\"]"});
  expect_refuses(work_, {"train", "--config", "run/config.yaml", "--set", "train.steps=4"},
                 {"model.class_names: found 0, 1, ", "the folders of data.sources, 0, 1, ", "ten"});
}

TEST_F(ClassesTest, AreShownWithTheData) {
  const std::string classes = "10 classes with their clips: 0 (1), 1 (1), 2 (2), 3 (2), 4 (2), ";
  Arguments prepare{"data", "prepare", "--config", "tiny.yaml"};
  const auto more = with_classes();
  prepare.insert(prepare.end(), more.begin(), more.end());
  const auto prepared = work_.run(prepare);
  expect_success(prepared);
  EXPECT_THAT(prepared.out, HasSubstr(classes));
  const auto inspected =
      work_.run({"data", "inspect", "digits", "--classes", "--size", "16", "--frames", "10"});
  expect_success(inspected);
  EXPECT_THAT(inspected.out, HasSubstr(classes));
  const auto dry = work_.train(with_classes({"--dry-run"}));
  expect_success(dry);
  EXPECT_THAT(dry.out, HasSubstr(classes));
  EXPECT_THAT(dry.out, HasSubstr("Embedding"));
}

TEST_F(ClassesTest, AVideoBesideTheirFoldersIsNamedAndPassedOver) {
  fs::copy_file(work_ / "clip.mp4", work_ / "digits/intro.mp4");
  const std::string warning = "warning: digits/intro.mp4: has no class";
  const std::string classes = "10 classes with their clips: 0 (1), 1 (1), 2 (2), 3 (2), 4 (2), ";
  const Arguments prepare{"data",   "prepare", "tiny.yaml",        "--data",
                          "digits", "--set",   "data.classes=true"};
  for (const auto& result :
       {work_.run(prepare), work_.train(with_classes({"--dry-run"})),
        work_.run({"data", "inspect", "digits", "--classes", "--size", "16", "--frames", "10"})}) {
    expect_success(result);
    EXPECT_THAT(result.out, HasSubstr(classes));
    EXPECT_THAT(result.err, HasSubstr(warning));
  }
  Arguments strict = prepare;
  strict.insert(strict.end(), {"--set", "data.on_error=stop"});
  expect_refuses(work_, strict, {"digits/intro.mp4: has no class"});
}

TEST_F(ClassesTest, Errors) {
  expect_refuses(work_, Workspace::train_arguments({"--set", "data.classes=true"}),
                 {"clip.mp4: has no class", "named after its class (data.classes)"});
  expect_refuses(
      work_, Workspace::train_arguments(with_classes({"--set", "data.sources=[digits, clip.mp4]"})),
      {"clip.mp4: has no class"});
  fs::create_directories(work_ / "alone/sea");
  write_tiny_video(work_ / "alone/sea/1.mp4");
  expect_refuses(work_, Workspace::train_arguments(with_classes({"--set", "data.sources=alone"})),
                 {"data.classes: found one class, \"sea\""});
  expect_refuses(work_,
                 Workspace::train_arguments(with_classes({"--set", "model.class_names=[a, b]"})),
                 {"model.class_names: found a, b, expected the folders of data.sources, 0, 1"});
  expect_refuses(work_, Workspace::train_arguments({"--set", "model.class_names=[a, b]"}),
                 {"model.class_names: found 2 names with data.classes false"});
  expect_success(work_.train());
  expect_refuses(work_, {"sample", "--checkpoint", "run", "--out", "x.mp4", "--class", "3"},
                 {"class 3: this generator was trained without classes"});
}

}  // namespace
}  // namespace vidgen::test
