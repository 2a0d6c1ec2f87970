#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "vidgen/config/yaml.h"

namespace vidgen::config {
namespace {

using core::Json;
using test::error_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kText = "a: {b: 1, list: [{c: 1}, {c: 2}], empty: }\n";

Json after(const std::string& assignment) {
  YamlTree yaml = parse_yaml(kText, "f.yaml");
  set_key(yaml, assignment);
  return yaml.tree;
}

TEST(SetKeyTest, ReplacesAValue) {
  EXPECT_EQ(after("a.b=2").at("a").at("b"), 2);
  EXPECT_EQ(after("a.b=x=y").at("a").at("b"), "x=y");
  EXPECT_EQ(after("a.b='2'").at("a").at("b"), "2");
  EXPECT_EQ(after("a.b=[1, {x: 2}]").at("a").at("b"), Json::parse(R"([1, {"x": 2}])"));
  EXPECT_TRUE(after("a.b=").at("a").at("b").is_null());
  EXPECT_EQ(after("a=5"), Json::parse(R"({"a": 5})"));
}

Json after(const std::string& assignment, ValueKind kind) {
  YamlTree yaml = parse_yaml(kText, "f.yaml");
  set_key(yaml, assignment, [&](const std::string& key) {
    return KeyFacts{key == "a.b" || key == "a.list[]" ? kind : ValueKind::kYaml};
  });
  return yaml.tree.at("a");
}

TEST(SetKeyTest, TextIsTakenAsItStands) {
  for (const std::string text :
       {"take #2", "[2023] trip", "a: b", "{x", "- a", "*x", "&x", "!x", "2023", "true", "null",
        "~", "", "\"x", "'a' and 'b'", "it's", "100%", "a, b"}) {
    EXPECT_EQ(after("a.b=" + text, ValueKind::kText).at("b"), text);
  }
  EXPECT_EQ(after("a.b=\"take #2\"", ValueKind::kText).at("b"), "take #2");
  EXPECT_EQ(after("a.b='it''s'", ValueKind::kText).at("b"), "it's");
  EXPECT_EQ(after("a.list[0]=a: b", ValueKind::kText).at("list")[0], "a: b");
  EXPECT_EQ(after("a.list.1=a: b", ValueKind::kText).at("list")[1], "a: b");
}

TEST(SetKeyTest, PathsMayBeListsOfYaml) {
  const test::TemporaryFolder folder;
  const auto there = (folder / "[2023] trip").string();
  std::filesystem::create_directory(there);
  const auto relative = std::filesystem::relative(there).string();
  EXPECT_EQ(after("a.b=" + relative, ValueKind::kPaths).at("b"), relative);
  EXPECT_EQ(after("a.b=take #2", ValueKind::kPaths).at("b"), "take #2");
  EXPECT_EQ(after("a.b=a: b", ValueKind::kPaths).at("b"), "a: b");
  EXPECT_EQ(after("a.b='[x]'", ValueKind::kPaths).at("b"), "[x]");
  EXPECT_EQ(after("a.b=[x, {path: y}]", ValueKind::kPaths).at("b"),
            Json::parse(R"(["x", {"path": "y"}])"));
  EXPECT_EQ(after("a.b={path: y}", ValueKind::kPaths).at("b"), Json::parse(R"({"path": "y"})"));
  EXPECT_THAT(
      error_of([] { after("a.b=[2023] trip", ValueKind::kPaths); }),
      ::testing::AllOf(StartsWith("--set a.b=[2023] trip"), HasSubstr("no file or folder")));
}

TEST(SetKeyTest, AFolderWhoseNameIsAList) {
  const test::TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::create_directory(folder / "[a]");
  std::filesystem::current_path(folder.path());
  EXPECT_EQ(after("a.b=[a]", ValueKind::kPaths).at("b"), "[a]");
  std::filesystem::current_path(before);
  EXPECT_EQ(after("a.b=[a]", ValueKind::kPaths).at("b"), Json::parse(R"(["a"])"));
}

TEST(SetKeyTest, KnowsWhatWasAssigned) {
  YamlTree yaml = parse_yaml(kText, "f.yaml");
  EXPECT_FALSE(yaml.is_assigned("a.b"));
  set_key(yaml, "a.list=[{c: 5}]");
  set_value(yaml, "d.e", 7, "--e 7");
  EXPECT_TRUE(yaml.is_assigned("a.list"));
  EXPECT_TRUE(yaml.is_assigned("a.list[0].c"));
  EXPECT_TRUE(yaml.is_assigned("d.e"));
  EXPECT_FALSE(yaml.is_assigned("a.b"));
  EXPECT_FALSE(yaml.is_assigned("d"));
  EXPECT_EQ(yaml.place("d.e"), "--e 7");
}

TEST(SetKeyTest, ReachesIntoLists) {
  for (const std::string path : {"a.list[1].c", "a.list.1.c"}) {
    const Json tree = after(path + "=7");
    EXPECT_EQ(tree.at("a").at("list"), Json::parse(R"([{"c": 1}, {"c": 7}])")) << path;
  }
  EXPECT_EQ(after("a.list[0]=x").at("a").at("list")[0], "x");
}

TEST(SetKeyTest, MakesSectionsOnTheWay) {
  EXPECT_EQ(after("new.section.key=1").at("new"), Json::parse(R"({"section": {"key": 1}})"));
  EXPECT_EQ(after("a.empty.key=1").at("a").at("empty"), Json::parse(R"({"key": 1})"));
}

TEST(SetKeyTest, PlaceBecomesTheAssignment) {
  for (const std::string path : {"a.list[1].c", "a.list.1.c"}) {
    YamlTree yaml = parse_yaml(kText, "f.yaml");
    set_key(yaml, path + "=7");
    EXPECT_EQ(yaml.place("a.list[1].c"), "--set " + path + "=7");
    EXPECT_THAT(yaml.place("a.list[0].c"), StartsWith("f.yaml:1:"));
  }
  // Also for what lies inside the new value, whatever was there before.
  YamlTree yaml = parse_yaml(kText, "f.yaml");
  set_key(yaml, "a.list=[{c: 5, d: 6}]");
  EXPECT_EQ(yaml.place("a.list[0].d"), "--set a.list=[{c: 5, d: 6}]");
  EXPECT_EQ(yaml.place("a.list[0].c"), "--set a.list=[{c: 5, d: 6}]");
}

TEST(SetKeyTest, RefusesWhatIsMalformed) {
  for (const std::string assignment : {"a.b",
                                       "",
                                       "=1",
                                       ".b=1",
                                       "a.=1",
                                       "a..b=1",
                                       "a.list[]=1",
                                       "a.list[0=1",
                                       "a.b]=1",
                                       "a.list[0]c=1",
                                       "a.list[-1]=1",
                                       "a.list[+1]=1",
                                       "a.list[2]=1",
                                       "a.list.x=1",
                                       "a.list[99999999999999999999]=1",
                                       "a.b.c=1",
                                       "a.b[0]=1",
                                       "a.b=[1",
                                       "a.b={x: 1",
                                       "a.b=\"x",
                                       "a.b=x: y",
                                       "a.b=1\nc: 2"}) {
    EXPECT_THAT(error_of([&] { after(assignment); }), HasSubstr("--set " + assignment.substr(0, 5)))
        << assignment;
  }
}

TEST(SetKeyTest, KeysOfAnyLengthAndDepth) {
  const std::string word(1000000, 'a');
  EXPECT_THAT(error_of([&] { after(word); }), HasSubstr("expected KEY=VALUE"));
  EXPECT_THAT(error_of([&] { after(word + ".=1"); }), HasSubstr("a dotted key"));
  EXPECT_EQ(after(word + "=1").at(word), 1);
  std::string deep = "a";
  for (int i = 0; i < 100000; ++i) deep += ".a";
  EXPECT_THAT(error_of([&] { after(deep + "=1"); }), HasSubstr("is nested more than 64 deep"));
}

}  // namespace
}  // namespace vidgen::config
