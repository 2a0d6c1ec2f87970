#include "vidgen/config/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"

namespace vidgen::config {
namespace {

using core::Json;
using test::error_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Json parse(const std::string& text) { return parse_yaml(text, "f.yaml").tree; }
Json value_of(const std::string& text) { return parse("key: " + text).at("key"); }
std::string error_in(const std::string& text) {
  return error_of([&] { parse(text); });
}

TEST(ParseYamlTest, Integers) {
  for (const auto& [text, number] :
       std::vector<std::pair<std::string, int64_t>>{{"0", 0},
                                                    {"12", 12},
                                                    {"-3", -3},
                                                    {"+5", 5},
                                                    {"010", 10},
                                                    {"9223372036854775807", INT64_MAX}}) {
    const Json value = value_of(text);
    EXPECT_TRUE(value.is_number_integer()) << text;
    EXPECT_EQ(value, number) << text;
  }
}

TEST(ParseYamlTest, Numbers) {
  for (const auto& [text, number] : std::vector<std::pair<std::string, double>>{{"1e-4", 1e-4},
                                                                                {"0.5", 0.5},
                                                                                {".5", 0.5},
                                                                                {"2.", 2},
                                                                                {"-1.5E3", -1500},
                                                                                {"+0.25", 0.25}}) {
    const Json value = value_of(text);
    EXPECT_TRUE(value.is_number_float()) << text;
    EXPECT_EQ(value, number) << text;
  }
  // Beyond 64 bits: near enough for a number, and no integer.
  EXPECT_TRUE(value_of("12345678901234567890").is_number_float());
}

TEST(ParseYamlTest, Booleans) {
  for (const char* text : {"true", "True", "TRUE"}) EXPECT_EQ(value_of(text), true) << text;
  for (const char* text : {"false", "False", "FALSE"}) EXPECT_EQ(value_of(text), false) << text;
}

TEST(ParseYamlTest, TextStaysText) {
  for (const std::string text :
       {"yes", "no", "on", "1.2.3", "1e400", "nan", ".inf", "inf", "12 frames", "0x10", "+-5",
        "1_000", "16:9", "tRue", "runs/a-b", "e5", "+"}) {
    EXPECT_EQ(value_of(text), text);
  }
  for (const std::string quoted : {"5", "1e-4", "true", "null", "", "~", "a: b", "# no comment"}) {
    EXPECT_EQ(value_of("\"" + quoted + "\""), quoted);
    EXPECT_EQ(value_of("'" + quoted + "'"), quoted);
  }
  EXPECT_EQ(value_of("!!str 5"), "5");
  EXPECT_EQ(value_of("|\n  5\n"), "5\n");
}

TEST(ParseYamlTest, NothingIsNull) {
  for (const char* text : {"", "~", "null", "Null", "NULL"}) {
    EXPECT_TRUE(value_of(text).is_null()) << text;
  }
  EXPECT_EQ(parse(""), Json::object());
  EXPECT_EQ(parse("# only a comment\n"), Json::object());
}

TEST(ParseYamlTest, ListsMappingsAndAliases) {
  EXPECT_EQ(parse("a: {b: [1, x, {c: 2}]}\nd:\n  - 1\n  - [2]\n"),
            Json::parse(R"({"a": {"b": [1, "x", {"c": 2}]}, "d": [1, [2]]})"));
  EXPECT_EQ(parse("a: &w [8, 16]\nb: *w\n"), Json::parse(R"({"a": [8, 16], "b": [8, 16]})"));
  // Keys are text, whatever they look like.
  EXPECT_EQ(parse("5: a\ntrue: b\n"), Json::parse(R"({"5": "a", "true": "b"})"));
}

TEST(ParseYamlTest, PlacesOfKeys) {
  const YamlTree yaml = parse_yaml("a:\n  b: 1\n  list:\n    - {c: 2}\n    - d\n", "f.yaml");
  EXPECT_EQ(yaml.place("a"), "f.yaml:1:1");
  EXPECT_EQ(yaml.place("a.b"), "f.yaml:2:3");
  EXPECT_EQ(yaml.place("a.list[0].c"), "f.yaml:4:8");
  EXPECT_EQ(yaml.place("a.list[1]"), "f.yaml:5:7");
  // What is not in the file stands where its section does.
  EXPECT_EQ(yaml.place("a.missing"), "f.yaml:1:1");
  EXPECT_EQ(yaml.place("a.list[0].missing.deeper"), "f.yaml:4:7");
  EXPECT_EQ(yaml.place("missing"), "f.yaml");
}

TEST(ParseYamlTest, RefusesWhatIsNoConfiguration) {
  EXPECT_THAT(error_in("a: {b: 1"), StartsWith("f.yaml:1:"));
  EXPECT_THAT(error_in("a: 1\n b: 2\n"), StartsWith("f.yaml:2:3: not YAML: "));
  EXPECT_THAT(error_in("a: 1\nb: 2\na: 3\n"), StartsWith("f.yaml:3:1: duplicate key \"a\""));
  EXPECT_THAT(error_in("a: {b: 1, b: 2}\n"), StartsWith("f.yaml:1:11: duplicate key \"b\""));
  EXPECT_THAT(error_in("[a, b]: 1\n"), HasSubstr("a key that is not text"));
  EXPECT_THAT(error_in("a: &x {b: 1}\nc: {<<: *x}\n"), StartsWith("f.yaml:2:5: "));
  EXPECT_THAT(error_in("- 1\n"), StartsWith("f.yaml:1:1: found no keys"));
  EXPECT_THAT(error_in("a: 1\n---\nb: 2\n"), HasSubstr("begins a second document"));
}

TEST(ParseYamlTest, RefusesAliasesWithoutEnd) {
  EXPECT_THAT(error_in("a: &a [*a]\n"), HasSubstr("an alias contains itself"));
  EXPECT_THAT(error_in("a: &a {b: *a, c: *a}\n"), StartsWith("f.yaml:1:"));
  std::string bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    const std::string name = "a" + std::to_string(i);
    bomb += name + ": &" + name + " [" + before + ", " + before + ", " + before + "]\n";
  }
  EXPECT_THAT(error_in(bomb), HasSubstr("holds more than 10000 values"));
  // Few values, but a long one.
  std::string copies = "a: &a " + std::string(100000, 'x') + "\nb: [*a";
  for (int i = 0; i < 1000; ++i) copies += ", *a";
  EXPECT_THAT(error_in(copies + "]\n"), HasSubstr("holds more than 16777216 bytes of text"));
  EXPECT_THAT(error_in(std::string(500000, '[')), StartsWith("f.yaml:1:"));
  EXPECT_THAT(error_in(std::string(300000, '{')), StartsWith("f.yaml:1:"));
}

TEST(ParseYamlTest, RefusesMoreThanAConfigurationNeeds) {
  std::string many = "a: [";
  for (int i = 0; i < 200000; ++i) many += "b,";
  EXPECT_THAT(error_in(many + "b]\n"), HasSubstr("holds more than 10000 values"));
  std::string deep = "a: ";
  for (int i = 0; i < 100; ++i) deep += "{a: ";
  EXPECT_THAT(error_in(deep), HasSubstr("is nested more than 64 deep"));
  std::string documents;
  for (int i = 0; i < 200000; ++i) documents += "---\n";
  EXPECT_THAT(error_in(documents), StartsWith("f.yaml:2:1: begins a second document"));
}

TEST(ReadYamlTest, RefusesLargeFiles) {
  const test::TemporaryFolder folder;
  const auto path = folder / "f.yaml";
  const std::string text = "a: 1\n#";
  test::write_bytes(path, text + std::string((1 << 20) - text.size(), 'x'));
  EXPECT_EQ(read_yaml(path).tree, Json::parse(R"({"a": 1})"));
  test::write_bytes(path, text + std::string((1 << 20) - text.size() + 1, 'x'));
  EXPECT_THAT(error_of([&] { read_yaml(path); }), HasSubstr("expected at most 1048576"));
}

TEST(WriteYamlTest, ReadsBackAsItWas) {
  for (
      const char* text : {
          R"({})",
          R"({"a": 1, "b": -2.5, "c": 1e-30, "d": 10.0, "e": 123456789.125, "f": 0.1})",
          R"({"a": true, "b": false, "c": null})",
          R"({"a": "", "b": "5", "c": "true", "d": "null", "e": "~", "f": "1e5"})",
          R"({"a": "x: y", "b": "# no", "c": " space ", "d": "tab\t", "e": "two\nlines", "f": "\\ \" '"})",
          R"({"a": "übung 日本 😀", "b": "\u0001\u007f\u0085\u2028"})",
          R"({"a": [], "b": {}, "c": [1, 2.5, "x"], "d": [[1], [2, 3]], "e": [[]]})",
          R"({"a": [{"b": 1, "c": [1, 2]}, {"b": 2, "d": {"e": "f"}}]})",
          R"({"a": {"b": {"c": {"d": 1}}}, "z": {"y": [{}]}})",
          R"({"5": "a", "true": "b", "a b": 1, "a: b": 2, "#": 3, "": 4, "null": 5})",
      }) {
    const Json tree = Json::parse(text);
    const std::string yaml = write_yaml(tree);
    EXPECT_EQ(parse(yaml), tree) << yaml;
  }
}

TEST(WriteYamlTest, KeepsOrderAndReadsWell) {
  EXPECT_EQ(write_yaml(Json::parse(R"({"b": {"x": 1}, "a": [8, 16], "c": [{"d": "e"}]})")),
            "b:\n  x: 1\na: [8, 16]\nc:\n  - d: \"e\"\n");
}

}  // namespace
}  // namespace vidgen::config
