#include "vidgen/train/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "vidgen/train/options.h"

namespace vidgen::train {
namespace {

using core::AtResume;
using core::Json;

/// The keys with one of these beginnings.
bool begins_with_one_of(const std::string& key, const std::vector<std::string>& beginnings) {
  for (const auto& beginning : beginnings) {
    if (key.compare(0, beginning.size(), beginning) == 0) return true;
  }
  return false;
}

TEST(ChangesTest, EveryKeyOfTheConfigurationIsClassified) {
  // What gives a network other tensors. Whoever adds a key says so here, or it is free.
  const std::set<std::string> free_of_model{"model.discriminators[].frames",
                                            "model.discriminators[].weight", "model.init"};
  const std::set<std::string> other_tensors{"data.size", "data.color", "data.classes",
                                            "distill.teacher_sha1"};
  size_t keys = 0;
  for (const auto& entry : core::explain_fields<RunOptions>()) {
    if (entry.is_section()) continue;
    ++keys;
    const bool of_model =
        begins_with_one_of(entry.path, {"model."}) && free_of_model.count(entry.path) == 0;
    const auto expected = entry.path == "train.seed"                        ? AtResume::kNever
                          : of_model || other_tensors.count(entry.path) > 0 ? AtResume::kInitFrom
                                                                            : AtResume::kFree;
    EXPECT_EQ(entry.at_resume, expected) << entry.path;
  }
  EXPECT_GT(keys, 100u);
}

TEST(ChangesTest, KeysOfListsAreAlike) {
  EXPECT_EQ(at_resume("model.discriminators[12].widths"), AtResume::kInitFrom);
  EXPECT_EQ(at_resume("model.discriminators[0].weight"), AtResume::kFree);
  EXPECT_EQ(at_resume("data.sources[3].path"), AtResume::kFree);
  EXPECT_EQ(at_resume("no.such.key"), AtResume::kNever);
}

std::vector<std::string> texts(const char* before, const char* now) {
  std::vector<std::string> lines;
  for (const auto& change : changes_between(Json::parse(before), Json::parse(now))) {
    lines.push_back(change.key + ": " + change.values());
  }
  return lines;
}

TEST(ChangesTest, AreInTheOrderOfTheFieldsWithBothValues) {
  EXPECT_THAT(
      texts(R"({"a": 1, "b": {"c": 0.0002, "d": [1, 2]}, "e": "x"})",
            R"({"a": 1, "b": {"c": 0.0001, "d": [1]}, "e": "y"})"),
      testing::ElementsAre("b.c: 0.0002 -> 0.0001", "b.d: [1,2] -> [1]", "e: \"x\" -> \"y\""));
  EXPECT_THAT(texts(R"({"s": [{"p": "a"}]})", R"({"s": [{"p": "a"}, {"p": "b"}]})"),
              testing::ElementsAre("s[1].p: nothing -> \"b\""));
  EXPECT_THAT(texts(R"({"s": [{"p": "a"}, {"p": "b"}]})", R"({"s": [{"p": "b"}]})"),
              testing::ElementsAre("s[0].p: \"a\" -> \"b\"", "s[1].p: \"b\" -> nothing"));
}

TEST(ChangesTest, WhereVideosAreIsNoOtherEvaluation) {
  const auto scores = [](const std::string& key) { return changes_scores({{key, 1, 2}}); };
  EXPECT_FALSE(scores("data.sources[2].path"));
  EXPECT_FALSE(scores("train.evaluate.every"));
  EXPECT_FALSE(scores("data.workers"));
  EXPECT_TRUE(scores("data.validation_split"));
  EXPECT_TRUE(scores("data.sources[2].weight"));
  EXPECT_TRUE(scores("train.evaluate.metric"));
}

}  // namespace
}  // namespace vidgen::train
