#include "vidgen/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
    const std::string resolved = to_yaml(read_config(file, {"optim.generator.lr=1.23456789e-5"}));
    test::write_bytes(folder / "resolved.yaml", resolved);
    EXPECT_EQ(to_yaml(read_config(folder / "resolved.yaml")), resolved);
  }
}

TEST(ConfigTest, AssignmentsApplyInTheirOrder) {
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "f.yaml", "data: {sources: a.mp4}\ntrain: {steps: 5}\n");
  const auto config =
      read_config(folder / "f.yaml", {"train.steps=6", "train.steps=7", "data.sources=[b, c]"});
  EXPECT_EQ(config.train.steps, 7);
  ASSERT_EQ(config.data.sources.size(), 2u);
  EXPECT_EQ(config.data.sources[1].path, "c");
}

TEST(ConfigTest, ErrorsNameFileAndPlace) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "f.yaml";
  const auto error = [&](const std::string& text,
                         const std::vector<std::string>& assignments = {}) {
    test::write_bytes(path, text);
    return error_of([&] { read_config(path, assignments); });
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
