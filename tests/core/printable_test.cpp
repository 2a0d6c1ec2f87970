#include <gtest/gtest.h>

#include <string>

#include "vidgen/core/random.h"
#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

TEST(PrintableTest, WhatTerminalsActOnBecomesEscapes) {
  EXPECT_EQ(printable("a\nb\r\tc"), "a\\nb\\r\\tc");
  EXPECT_EQ(printable("\x1b[31mred\x07"), "\\x1b[31mred\\x07");
  EXPECT_EQ(printable(std::string("\0\x7f", 2)), "\\x00\\u007f");
  // A control sequence of one character, in UTF-8; an override of the direction; a line separator.
  EXPECT_EQ(printable("\xc2\x9b"), "\\u009b");
  EXPECT_EQ(printable("gpj\xe2\x80\xae.exe"), "gpj\\u202e.exe");
  EXPECT_EQ(printable("\xe2\x80\xa8\xef\xbb\xbf"), "\\u2028\\ufeff");
  EXPECT_EQ(printable_lines("a\tb\n\x1b\r\n"), "a\tb\n\\x1b\\r\n");
}

TEST(PrintableTest, WritingStays) {
  for (const char* text : {"", "plain \"text\" \\ C:\\n", "caf\xc3\xa9", "\xe7\x8c\xab",
                           "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(PrintableTest, WhatIsNotUtf8IsShownByteByByte) {
  EXPECT_EQ(printable("\xff"
                      "a\xc3"),
            "\\xffa\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond Unicode
  EXPECT_EQ(printable("\xe2\x80"), "\\xe2\\x80");                    // cut short
}

TEST(PrintableTest, AnyBytesBecomeOneLineThatStaysAsItIs) {
  for (uint64_t i = 0; i < 2000; ++i) {
    CounterRandom random(1, i);
    std::string text;
    for (int64_t length = random.below(40); length > 0; --length)
      text += static_cast<char>(random.below(256));
    const auto shown = printable(text);
    for (const char c : shown) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20) << shown;
    EXPECT_EQ(printable(shown), shown);
  }
}

TEST(ShortenedTest, LeavesOutTheMiddle) {
  EXPECT_EQ(shortened("short", 5), "short");
  const auto text = shortened(std::string(500, 'a') + std::string(500, 'b'), 100);
  EXPECT_LE(text.size(), 100u);
  EXPECT_EQ(text.substr(0, 20), std::string(20, 'a'));
  EXPECT_EQ(text.substr(text.size() - 20), std::string(20, 'b'));
  EXPECT_NE(text.find("[1000 bytes]"), std::string::npos);
  std::string wide;
  for (int i = 0; i < 300; ++i) wide += "\xe7\x8c\xab";
  for (size_t bytes = 60; bytes < 70; ++bytes) {
    EXPECT_EQ(printable(shortened(wide, bytes)).find("\\x"), std::string::npos);
  }
  EXPECT_LE(one_line(std::string(1 << 20, '\n')).size(), 4000u);
}

TEST(FormatTableTest, CellsStayOnTheirLine) {
  EXPECT_EQ(format_table({{"name", "n"}, {"a\nb\x1b[2J", "1"}}),
            "name         n\na\\nb\\x1b[2J  1\n");
}

}  // namespace
}  // namespace vidgen::core
