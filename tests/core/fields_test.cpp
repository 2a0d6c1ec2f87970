#include "vidgen/core/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "support/error.h"

namespace vidgen::core {

enum class Colour { kRed, kBlue };

struct Inner {
  std::string path;
  double weight = 1;
};

void fields(FieldVisitor& v, Inner& o) {
  v.field("path", o.path, "A path.");
  v.field("weight", o.weight, {0, 10}, "A weight.");
}

struct Outer {
  int64_t steps = 7;
  bool fast = false;
  Colour colour = Colour::kRed;
  std::vector<int64_t> widths{4, 2};
  Inner inner;
  std::vector<Inner> items{{"default", 3}};
};

void fields(FieldVisitor& v, Outer& o) {
  v.field("steps", o.steps, {1, 100}, "Steps.");
  v.field("fast", o.fast, "Fast.");
  v.choice("colour", o.colour, {{"red", Colour::kRed}, {"blue", Colour::kBlue}}, "Colour.");
  v.field("widths", o.widths, {1, 64}, "Widths.");
  v.section("inner", o.inner, "Inner.");
  v.sections("items", o.items, "path", "Items.");
}

struct Named {
  std::vector<std::string> names{"a"};
};

void fields(FieldVisitor& v, Named& o) { v.field("names", o.names, "Names."); }

struct Placed {
  std::string folder = "here";
  std::vector<Inner> sources;
};

void fields(FieldVisitor& v, Placed& o) {
  v.path("folder", o.folder, "A folder.");
  v.sections("sources", o.sources, "path", "Sources.");
}

namespace {

std::string problem_with(const char* text) {
  Outer options;
  try {
    read_fields(Json::parse(text), options);
  } catch (const FieldError& error) {
    return error.what();
  }
  return "";
}

TEST(FieldsTest, ReadsEveryKind) {
  Outer o;
  read_fields(
      Json::parse(
          R"({"steps": 1e1, "fast": true, "colour": "blue", "widths": [8], "inner": {"weight": 2},
                              "items": ["a", {"path": "b", "weight": 5}]})"),
      o);
  EXPECT_EQ(o.steps, 10);
  EXPECT_TRUE(o.fast);
  EXPECT_EQ(o.colour, Colour::kBlue);
  EXPECT_THAT(o.widths, testing::ElementsAre(8));
  EXPECT_EQ(o.inner.weight, 2);
  ASSERT_EQ(o.items.size(), 2u);
  EXPECT_EQ(o.items[0].path, "a");
  EXPECT_EQ(o.items[0].weight, 1)
      << "an item starts from its own defaults, not from the default list's";
  EXPECT_EQ(o.items[1].weight, 5);
}

TEST(FieldsTest, AbsentKeysKeepTheirDefaults) {
  Outer o;
  read_fields(Json::object(), o);
  EXPECT_EQ(write_fields(o), write_fields(Outer()));
  ASSERT_EQ(o.items.size(), 1u);
  EXPECT_EQ(o.items[0].weight, 3);
}

TEST(FieldsTest, PathsBeginAtTheHomeFolder) {
  const std::string home = std::getenv("HOME");
  Placed o;
  read_fields(Json::parse(R"({"folder": "~/clips"})"), o);
  EXPECT_EQ(o.folder, home + "/clips");
  EXPECT_EQ(write_fields(o).at("folder"), home + "/clips");
  EXPECT_EQ(explain_fields<Placed>()[0].type, "path");
  EXPECT_EQ(explain_fields<Placed>()[1].shorthand, "path");
  const auto problem = [](const char* text) {
    return test::error_of([&] {
      Placed options;
      read_fields(Json::parse(text), options);
    });
  };
  EXPECT_THAT(problem(R"({"folder": "~bob"})"), testing::StartsWith("folder: found \"~bob\": "));
  EXPECT_THAT(problem(R"({"folder": null})"), testing::HasSubstr("a bare ~ is nothing in YAML"));
}

TEST(FieldsTest, OneItemMayStandForTheList) {
  Outer o;
  read_fields(Json::parse(R"({"items": "only"})"), o);
  ASSERT_EQ(o.items.size(), 1u);
  EXPECT_EQ(o.items[0].path, "only");
}

TEST(FieldsTest, WrittenFieldsReadBack) {
  Outer o;
  o.items = {{"x", 0.25}, {"y", 2}};
  o.colour = Colour::kBlue;
  const Json tree = write_fields(o);
  Outer again;
  read_fields(tree, again);
  EXPECT_EQ(write_fields(again), tree);
}

TEST(FieldsTest, ErrorsNameThePathWhatWasFoundAndWhatWasExpected) {
  EXPECT_EQ(problem_with(R"({"stepps": 1})"), "stepps: unknown key, did you mean \"steps\"?");
  EXPECT_EQ(problem_with(R"({"inner": {"wieght": 1}})"),
            "inner.wieght: unknown key, did you mean \"weight\"?");
  EXPECT_EQ(problem_with(R"({"items": [{"paht": "a"}]})"),
            "items[0].paht: unknown key, did you mean \"path\"?");
  EXPECT_EQ(problem_with(R"({"steps": 0})"), "steps: found 0, expected an integer from 1 to 100");
  EXPECT_EQ(problem_with(R"({"steps": 1.5})"),
            "steps: found 1.5, expected an integer from 1 to 100");
  EXPECT_EQ(problem_with(R"({"steps": "many"})"),
            "steps: found text \"many\", expected an integer from 1 to 100");
  EXPECT_EQ(problem_with(R"({"fast": 1})"), "fast: found 1, expected true or false");
  EXPECT_EQ(problem_with(R"({"colour": "green"})"),
            "colour: found text \"green\", expected one of red, blue");
  EXPECT_EQ(problem_with(R"({"widths": [1, 65]})"),
            "widths[1]: found 65, expected an integer from 1 to 64");
  EXPECT_EQ(problem_with(R"({"inner": 3})"), "inner: found 3, expected a mapping");
  EXPECT_EQ(problem_with(R"({"inner": null})"), "inner: found nothing, expected a mapping");
  EXPECT_EQ(problem_with(R"({"items": 3})"), "items: found 3, expected a list");
  EXPECT_EQ(problem_with(R"({"inner": {"path": 3}})"),
            "inner.path: found 3, expected text (put it in quotes)");
}

TEST(FieldsTest, ListsOfTexts) {
  Named o;
  EXPECT_EQ(explain_fields<Named>().at(0).default_value, R"(["a"])");
  read_fields(Json::parse(R"({"names": ["b c", "7"]})"), o);
  EXPECT_THAT(o.names, testing::ElementsAre("b c", "7"));
  EXPECT_EQ(write_fields(o), Json::parse(R"({"names": ["b c", "7"]})"));
  const auto problem = [](const char* text) {
    Named named;
    try {
      read_fields(Json::parse(text), named);
    } catch (const FieldError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(problem(R"({"names": "a"})"), "names: found text \"a\", expected a list of texts");
  EXPECT_EQ(problem(R"({"names": ["a", 7]})"),
            "names[1]: found 7, expected text (put it in quotes)");
  EXPECT_EQ(problem(R"({"names": []})"), "");
}

TEST(FieldsTest, IntegersBeyond64BitsAreRefused) {
  EXPECT_THAT(problem_with(R"({"steps": 18446744073709551615})"),
              testing::HasSubstr("expected an integer"));
  EXPECT_THAT(problem_with(R"({"steps": 1e300})"), testing::HasSubstr("expected an integer"));
}

struct Kinds {
  double free = 0;
  Inner inner;
  std::vector<Inner> items;
  double other = 0;
};

void fields(FieldVisitor& v, Kinds& o) {
  v.field("unsaid", o.free, {}, "Unsaid.");
  v.at_resume(AtResume::kFree);
  v.field("free", o.free, {}, "Free.");
  v.section("inner", o.inner, "Inner.");
  v.sections("items", o.items, "path", "Items.");
  v.at_resume(AtResume::kInitFrom);
  v.field("other", o.other, {}, "Other.");
}

/// Was called `old` and could be `high`.
struct Renamed {
  int64_t size = 1;
  std::string level = "low";
};

void fields(FieldVisitor& v, Renamed& o) {
  v.formerly("old");
  v.field("size", o.size, {0, 9}, "Size.");
  v.formerly("high", "tall");
  v.choice("level", o.level, Choices<std::string>{{"low", "low"}, {"tall", "tall"}}, "Level.");
}

Renamed renamed_of(const char* text) {
  Renamed options;
  read_fields(Json::parse(text), options);
  return options;
}

std::string renamed_problem(const char* text) {
  try {
    renamed_of(text);
  } catch (const FieldError& error) {
    return error.what();
  }
  return "";
}

TEST(FieldsTest, FormerNamesAreReadAndNotWritten) {
  const auto options = renamed_of(R"({"old": 3, "level": "high"})");
  EXPECT_EQ(options.size, 3);
  EXPECT_EQ(options.level, "tall");
  EXPECT_EQ(write_fields(options), Json::parse(R"({"size": 3, "level": "tall"})"));
  EXPECT_THAT(renamed_problem(R"({"old": 12})"), testing::StartsWith("old: found 12"));
  EXPECT_THAT(renamed_problem(R"({"old": 3, "size": 4})"),
              testing::HasSubstr("found as well as size"));
  EXPECT_THAT(renamed_problem(R"({"": 3})"), testing::HasSubstr("unknown key"));
}

struct Outside {
  Kinds kinds;
  double last = 0;
};

void fields(FieldVisitor& v, Outside& o) {
  v.section("kinds", o.kinds, "Kinds.");
  v.field("last", o.last, {}, "Last.");
}

TEST(FieldsTest, WhatIsSaidOfAKeyHoldsToTheEndOfItsSection) {
  std::map<std::string, AtResume> kinds;
  for (const auto& entry : explain_fields<Outside>()) kinds[entry.path] = entry.at_resume;
  EXPECT_EQ(kinds.at("kinds.unsaid"), AtResume::kNever);
  EXPECT_EQ(kinds.at("kinds.free"), AtResume::kFree);
  EXPECT_EQ(kinds.at("kinds.inner.path"), AtResume::kFree);
  EXPECT_EQ(kinds.at("kinds.items[].weight"), AtResume::kFree);
  EXPECT_EQ(kinds.at("kinds.other"), AtResume::kInitFrom);
  EXPECT_EQ(kinds.at("last"), AtResume::kNever);
}

TEST(FieldsTest, ExplainsEachFieldOnce) {
  std::vector<std::string> paths;
  for (const auto& entry : explain_fields<Outer>()) paths.push_back(entry.path);
  EXPECT_THAT(paths,
              testing::ElementsAre("steps", "fast", "colour", "widths", "inner", "inner.path",
                                   "inner.weight", "items", "items[].path", "items[].weight"));
}

TEST(FieldsTest, MeaningsAreShownAsSentences) {
  const auto sentence = [](const char* help) {
    FieldHelp entry;
    entry.range = "red, dark_red";
    entry.help = help;
    return entry.sentence();
  };
  EXPECT_EQ(sentence("which colour"), "Which colour.");
  EXPECT_EQ(sentence("A whole sentence."), "A whole sentence.");
  EXPECT_EQ(sentence("red is warm, dark_red warmer"), "red is warm, dark_red warmer.");
  EXPECT_EQ(sentence("dark_red: like wine"), "dark_red: like wine.");
}

}  // namespace
}  // namespace vidgen::core
