#include "vidgen/core/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/error.h"

namespace vidgen::core {
namespace {

using test::error_of;
using testing::HasSubstr;

std::string error_in(const std::string& text, const JsonLimits& limits = {}) {
  return error_of([&] { parse_json(text, limits); });
}

TEST(ParseJsonTest, BuildsWhatIsThere) {
  for (const char* text : {"null", "7", "-0.5", "\"\xc3\xa9\"", "[]", "{}", "[1,[2,[]],{}]",
                           R"({"b":{"x":1},"a":[8,16],"":null,"c":[{"d":"e"},true]})"}) {
    EXPECT_EQ(parse_json(text), Json::parse(text)) << text;
    EXPECT_EQ(parse_json(text).dump(), Json::parse(text).dump()) << text;
  }
}

TEST(ParseJsonTest, DepthIsLimitedBeforeTheTreeIsBuilt) {
  const auto nested = [](size_t depth, const std::string& open, const std::string& close) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += open;
    text += "1";
    for (size_t i = 0; i < depth; ++i) text += close;
    return text;
  };
  const std::string key = R"({"a":)";
  EXPECT_EQ(error_in(nested(64, "[", "]")), "");
  EXPECT_EQ(error_in(nested(64, key, "}")), "");
  EXPECT_EQ(error_in(nested(65, "[", "]")), "is nested deeper than 64");
  EXPECT_EQ(error_in(nested(65, key, "}")), "is nested deeper than 64");
  EXPECT_EQ(error_in(std::string(1000000, '[')), "is nested deeper than 64");
  // Beside each other is not inside each other.
  EXPECT_EQ(error_in("[" + nested(1000, "[],", "") + "]"), "");
}

TEST(ParseJsonTest, BytesAndValuesAreLimited) {
  JsonLimits limits;
  limits.values = 3;
  EXPECT_EQ(error_in("[1,2]", limits), "");
  EXPECT_EQ(error_in("[1,2,3]", limits), "holds more than 3 values");
  limits.bytes = 4;
  EXPECT_EQ(error_in("[1,2]", limits), "is 5 bytes long, expected at most 4");
}

TEST(ParseJsonTest, RefusesWhatIsNoJsonOrCanBeReadInTwoWays) {
  for (const std::string text : {"", "[", "[1", "[1,]", "{\"a\":}", "[1] 2", "NaN", "[nan]",
                                 "1e999", "\"\xff\"", "{\"a\":1", "'a'", "// a\n1"}) {
    EXPECT_THAT(error_in(text), HasSubstr("is not JSON (at byte ")) << text;
  }
  EXPECT_EQ(error_in(std::string("[1]\0[", 5)), "is not JSON (at byte 4)");
  EXPECT_EQ(error_in(R"({"a":1,"b":{"a":2},"a":3})"), "holds the key \"a\" twice in one object");
  EXPECT_EQ(error_in("{\"\\n\":1,\"\\n\":2}"), "holds the key \"\\n\" twice in one object");
}

TEST(ValueOrTest, GivesWhatIsThereInThatType) {
  const Json tree = parse_json(R"({"a":{"b":"text"},"n":5})");
  EXPECT_EQ(value_or(value_or(tree, "a", Json()), "b", std::string("other")), "text");
  EXPECT_EQ(value_or(value_or(tree, "n", Json()), "b", std::string("other")), "other");
  EXPECT_EQ(value_or(tree, "none", 1.5), 1.5);
  EXPECT_EQ(value_or(tree, "a", 1.5), 1.5);
  EXPECT_EQ(value_or(tree, "n", 1.5), 5);
}

}  // namespace
}  // namespace vidgen::core
