#include "vidgen/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"

namespace vidgen::config {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using ::testing::HasSubstr;

std::vector<fs::path> recipes() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(VIDGEN_TEST_DATA "/../configs")) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  return files;
}

TEST(ConfigTest, EveryRecipeIsValid) {
  ASSERT_FALSE(recipes().empty());
  for (const auto& file : recipes()) {
    SCOPED_TRACE(file);
    const Config config = read_config(file);
    EXPECT_FALSE(config.data.sources.empty());
    EXPECT_NE(config.run_dir, Config().run_dir) << "runs of two recipes would meet in one folder";
  }
}

TEST(ConfigTest, ResolvedFileGivesTheSameConfiguration) {
  const test::TemporaryFolder folder;
  for (const auto& file : recipes()) {
    SCOPED_TRACE(file);
    const std::string resolved = to_yaml(read_config(file, {{"optim.generator.lr=1.23456789e-5"}}));
    test::write_bytes(folder / "resolved.yaml", resolved);
    EXPECT_EQ(to_yaml(read_config(folder / "resolved.yaml")), resolved);
  }
}

TEST(ConfigTest, AssignmentsApplyInTheirOrder) {
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "f.yaml", "data: {sources: a.mp4}\ntrain: {steps: 5}\n");
  const auto config =
      read_config(folder / "f.yaml", {{"train.steps=6", "train.steps=7", "data.sources=[b, c]"}});
  EXPECT_EQ(config.train.steps, 7);
  ASSERT_EQ(config.data.sources.size(), 2u);
  EXPECT_EQ(config.data.sources[1].path, "c");
}

TEST(ConfigTest, NamesOnTheCommandLineAreTakenAsTheyStand) {
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "f.yaml", "data: {sources: [a.mp4]}\n");
  const auto read = [&](const Changes& changes) { return read_config(folder / "f.yaml", changes); };
  for (const std::string name : {"take #2", "a: b", "5", "true", "it's, [x]"}) {
    EXPECT_EQ(read({{"data.sources=" + name}}).data.sources[0].path, name);
    EXPECT_EQ(read({{"data.sources[0]=" + name}}).data.sources[0].path, name);
    EXPECT_EQ(read({{"run_dir=" + name}}).run_dir, name);
    EXPECT_EQ(read({{"data.cache_dir=" + name}}).data.cache_dir, name);
    EXPECT_EQ(read({{"distill.teacher=" + name}}).distill.teacher, name);
  }
  Changes changes;
  changes.sources = {"[2023] trip", "a: b"};
  changes.assignments = {"data.sources[1].weight=2"};
  const auto sources = read(changes).data.sources;
  ASSERT_EQ(sources.size(), 2u);
  EXPECT_EQ(sources[0].path, "[2023] trip");
  EXPECT_EQ(sources[1].path, "a: b");
  EXPECT_EQ(sources[1].weight, 2);
  changes.assignments = {"data.sources=x"};
  EXPECT_THAT(error_of([&] { read(changes); }), HasSubstr("--data names the sources already"));
}

TEST(ConfigTest, FormerNamesAreReadAndWrittenAsPresentOnes) {
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "f.yaml", R"(
data: {sources: a, size: 32, holdout: 0.25}
model:
  generator: {type: residual, widths: [48, 48, 24, 16], warp_at: 32, objects: 2}
  temporal: {type: waves, content_dim: 16, motion_dim: 16}
  discriminators:
  - {type: clip, network: residual, fold: 4, fold_at: 8, times: true}
)");
  const auto read = [&](const Changes& changes) { return read_config(folder / "f.yaml", changes); };
  const auto config = read({});
  EXPECT_EQ(config.data.validation_split, 0.25);
  EXPECT_EQ(config.model.generator.warp_resolution, 32);
  EXPECT_EQ(config.model.generator.slots, 2);
  EXPECT_EQ(config.model.temporal.type, "sinusoidal");
  const auto& clip = config.model.discriminators.at(0);
  EXPECT_EQ(clip.frame_stack, 4);
  EXPECT_EQ(clip.frame_stack_resolution, 8);
  EXPECT_TRUE(clip.timestamps);
  const auto text = to_yaml(config);
  for (const char* former :
       {"holdout", "warp_at", "objects", "waves", "fold:", "fold_at", " times:"})
    EXPECT_THAT(text, Not(HasSubstr(former)));

  // Whichever name the file has and whichever the command line, they are one key.
  EXPECT_EQ(read({{"data.validation_split=0.5"}}).data.validation_split, 0.5);
  EXPECT_EQ(read({{"data.holdout=0.5"}}).data.validation_split, 0.5);
  for (const std::string key : {"[0].fold", ".0.fold", "[0].frame_stack"}) {
    const auto changed = read({{"model.discriminators" + key + "=2"}});
    EXPECT_EQ(changed.model.discriminators[0].frame_stack, 2) << key;
  }
  EXPECT_EQ(read({{"data.size=64", "model.generator.warp_at=16"}}).model.generator.warp_resolution,
            16);
  test::write_bytes(
      folder / "one.yaml",
      "data: {sources: a}\nmodel: {discriminators: {type: clip, network: residual, fold: 4}}\n");
  for (const std::string key : {"fold", "frame_stack"}) {
    const auto one = read_config(folder / "one.yaml", {{"model.discriminators." + key + "=2"}});
    EXPECT_EQ(one.model.discriminators.at(0).frame_stack, 2) << key;
  }

  EXPECT_THAT(error_of([&] { read({{"data.holdout=2"}}); }),
              HasSubstr("--set data.holdout=2: data.validation_split: found 2"));
  test::write_bytes(folder / "g.yaml",
                    "data:\n  sources: a\n  validation_split: 0\n  holdout: 1\n");
  EXPECT_THAT(error_of([&] { read_config(folder / "g.yaml"); }),
              HasSubstr("g.yaml:4:3: duplicate key \"holdout\", which is called validation_split "
                        "now"));
}

TEST(ConfigTest, ATildeIsTheHomeFolder) {
  const test::TemporaryFolder folder;
  const std::string home = std::getenv("HOME");
  test::write_bytes(folder / "f.yaml",
                    "run_dir: ~/runs\ndata: {sources: [~/a, {path: ~/b}], cache_dir: \"~\"}\n");
  const auto config = read_config(folder / "f.yaml", {{"distill.teacher=~/t"}});
  EXPECT_EQ(config.run_dir, home + "/runs");
  EXPECT_EQ(config.data.sources[0].path, home + "/a");
  EXPECT_EQ(config.data.sources[1].path, home + "/b");
  EXPECT_EQ(config.data.cache_dir, home);
  EXPECT_EQ(config.distill.teacher, home + "/t");
  EXPECT_THAT(error_of([&] { read_config(folder / "f.yaml", {{"run_dir=~bob/x"}}); }),
              HasSubstr("--set run_dir=~bob/x: run_dir: found \"~bob/x\""));
}

TEST(ConfigTest, RecipesFollowTheSize) {
  for (const auto& file : recipes()) {
    const auto written = read_config(file);
    for (const std::string size : {"16", "32", "128", "256"}) {
      SCOPED_TRACE(file.string() + " " + size);
      std::string scaled;
      const auto config = read_config(file, {{"data.size=" + size}}, &scaled);
      EXPECT_EQ(scaled.empty(), std::to_string(written.data.size) == size) << scaled;
      std::string again;
      const test::TemporaryFolder folder;
      test::write_bytes(folder / "resolved.yaml", to_yaml(config));
      EXPECT_EQ(to_yaml(read_config(folder / "resolved.yaml", {}, &again)), to_yaml(config));
      EXPECT_EQ(again, "") << "the widths are those of its size";
    }
  }
}

TEST(ConfigTest, TheSizeMayBeChangedInTheFileToo) {
  const test::TemporaryFolder folder;
  const std::string rest =
      ", resize: 80}\nmodel: {generator: {widths: [8, 8, 8, 8]}, discriminators: {type: frame, "
      "widths: "
      "[4, 8, 16, 32]}}\n";
  test::write_bytes(folder / "f.yaml", "data: {sources: a, size: 64" + rest);
  test::write_bytes(folder / "g.yaml", "data: {sources: a, size: 128" + rest);
  std::string scaled, line;
  const auto config = read_config(folder / "f.yaml", {{"data.size=128"}}, &scaled);
  EXPECT_EQ(
      scaled,
      "for clips of 128x128, where the file has networks for 64x64: model.generator.widths [8, 8, "
      "8, 8, 8], model.discriminators[0].widths [4, 4, 8, 16, 32], data.resize 160");
  EXPECT_EQ(to_yaml(read_config(folder / "g.yaml", {}, &line)), to_yaml(config));
  EXPECT_EQ(line, scaled);
  // What the command line names stays as it is, right or wrong.
  const Changes wrong{{"data.size=128", "model.generator.widths=[8, 8, 8]"}};
  EXPECT_THAT(error_of([&] { read_config(folder / "f.yaml", wrong); }),
              HasSubstr("model.generator.widths: found 3 widths, expected 5"));
}

TEST(ConfigTest, ErrorsNameFileAndPlace) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "f.yaml";
  const auto error = [&](const std::string& text,
                         const std::vector<std::string>& assignments = {}) {
    test::write_bytes(path, text);
    return error_of([&] { read_config(path, {assignments}); });
  };
  EXPECT_THAT(error("data:\n  sizes: 5\n"), HasSubstr(path + ":2:3: data.sizes: unknown key"));
  EXPECT_THAT(error("data: {sources: a}\nmodel:\n  generator: {widths: [1]}\n"),
              HasSubstr(path + ":3:15: model.generator.widths: found 1 widths"));
  EXPECT_THAT(error("data: {sources: a}\n", {"data.size=17"}),
              HasSubstr("--set data.size=17: data.size: found 17"));
  // Both keys are to blame; the one named is at least in the file.
  EXPECT_THAT(error("data: {sources: a}\n", {"data.frames=3"}), HasSubstr(path));
}

}  // namespace
}  // namespace vidgen::config
