#include "vidgen/report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/video/writer.h"

namespace vidgen::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kEvil = "</title><script>alert('1 & \"2\"')</script>\x01";
const std::string kTamed =
    "&lt;/title&gt;&lt;script&gt;alert(&#39;1 &amp; &quot;2&quot;&#39;)&lt;/script&gt;\\x01";

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(HtmlTest, AllTextIsEscaped) {
  EXPECT_EQ(escape(kEvil).markup(), kTamed);
  EXPECT_EQ(escape("ä → 1 < 2").markup(), "ä → 1 &lt; 2");
  const video::Frame image{1, 2, 3, {1, 2, 3, 4, 5, 6}};
  const auto body = heading(kEvil) + paragraph(kEvil) + table({{kEvil}, {kEvil}}) +
                    picture(image, kEvil) + histogram(kEvil, {{kEvil, {1, 2}}});
  const std::string document = page(kEvil, body);
  EXPECT_THAT(document, Not(HasSubstr("<script")));
  EXPECT_THAT(document, Not(HasSubstr("\x01")));
  // Title and h1; heading, paragraph, two cells, picture twice, diagram twice and its legend.
  EXPECT_EQ(count(document, kTamed), 11u);
}

TEST(HtmlTest, PageIsOneFile) {
  const test::TemporaryFolder folder;
  const auto path = folder / "page.html";
  write_page(path, "A title", paragraph("Some text"), 7);
  EXPECT_THAT(test::read_bytes(path),
              ::testing::HasSubstr("<meta http-equiv=\"refresh\" content=\"7\">"));
  write_page(path, "A title", paragraph("Some text"));
  EXPECT_THAT(test::read_bytes(path), ::testing::Not(::testing::HasSubstr("http-equiv")));
  const std::string text = test::read_bytes(path);
  EXPECT_THAT(text, ::testing::StartsWith("<!doctype html>"));
  EXPECT_THAT(text, HasSubstr("<title>A title</title>"));
  EXPECT_THAT(text, HasSubstr("<p>Some text</p>"));
  EXPECT_THAT(text, Not(HasSubstr("http")));
  EXPECT_THAT(test::error_of([&] { write_page(folder / "none/page.html", "", {}); }),
              HasSubstr("none/page.html"));
}

/// The bytes behind "base64," up to the quote.
std::string embedded_bytes(const std::string& markup) {
  const size_t begin = markup.find("base64,") + 7;
  const std::string digits = markup.substr(begin, markup.find('"', begin) - begin);
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int have = 0;
  for (const char digit : digits.substr(0, digits.find('='))) {
    bits = bits << 6 | static_cast<uint32_t>(alphabet.find(digit));
    have += 6;
    if (have >= 8) bytes += static_cast<char>(bits >> (have -= 8) & 255);
  }
  return bytes;
}

TEST(HtmlTest, PicturesAreInside) {
  const test::TemporaryFolder folder;
  // Widths that leave 0, 1 and 2 bytes over, more or less.
  for (const int64_t width : {5, 6, 7, 8}) {
    video::Frame image{3, width, 3, {}};
    for (int64_t i = 0; i < 3 * width * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 7));
    const auto markup = picture(image, "Six clips", 40).markup();
    EXPECT_THAT(markup, HasSubstr("width=\"40\""));
    test::write_bytes(folder / "image.png", embedded_bytes(markup));
    EXPECT_EQ(video::read_image(folder / "image.png").pixels, image.pixels);
  }
  EXPECT_NE(test::error_of([] { picture({}, ""); }), "");
}

TEST(HtmlTest, TablesAlignNumbers) {
  const auto markup = table({{"name", "value"}, {"a", "-1.5"}, {"b", "nan"}}).markup();
  EXPECT_THAT(markup, HasSubstr("<th>name</th><th class=\"n\">value</th>"));
  EXPECT_THAT(markup, HasSubstr("<td>b</td><td class=\"n\">nan</td>"));
}

TEST(HtmlTest, HistogramsShowEachSeries) {
  const auto markup =
      histogram("PSNR", {{"generated", {1, 1, 5}}, {"real", {3, 3, 3, NAN, HUGE_VAL}}}).markup();
  // Three bars and two marks of the legend.
  EXPECT_EQ(count(markup, "class=\"bar s0\""), 3u);
  EXPECT_EQ(count(markup, "class=\"bar s1\""), 2u);
  EXPECT_THAT(markup, HasSubstr(">1</text>"));
  EXPECT_THAT(markup, HasSubstr(">5</text>"));
  EXPECT_THAT(markup, Not(HasSubstr("nan")));
  // All values the same, and none.
  EXPECT_THAT(histogram("one", {{"a", {7, 7}}}).markup(), HasSubstr("7.7</text>"));
  EXPECT_EQ(count(histogram("none", {{"a", {}}}).markup(), "<rect"), 1u);
}

}  // namespace
}  // namespace vidgen::report
