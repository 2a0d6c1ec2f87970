#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <regex>
#include <sstream>

#include "vidgen/report/html.h"

namespace vidgen::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

size_t occurrences(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

std::vector<double> steps(size_t count) {
  std::vector<double> result(count);
  std::iota(result.begin(), result.end(), 1);
  return result;
}

struct Place {
  double x, y;
};

/// The corners of the n-th stretch that is drawn as a line.
std::vector<Place> curve(const std::string& markup, size_t n = 0) {
  size_t begin = markup.find("h0L");
  for (; n > 0 && begin != std::string::npos; --n) begin = markup.find("h0L", begin + 1);
  if (begin == std::string::npos) return {};
  begin += 3;
  std::istringstream text(markup.substr(begin, markup.find('"', begin) - begin));
  std::vector<Place> places;
  char comma = 0;
  for (Place place{}; text >> place.x >> comma >> place.y;) places.push_back(place);
  return places;
}

TEST(LineChartTest, DrawsCurvesAxesAndLegend) {
  const auto markup = line_chart("Losses & more", {100, 200, 300},
                                 {{"loss_d", {0, 2, 1}}, {"loss_<g>", {4, 4, 3.5}}})
                          .markup();
  EXPECT_EQ(occurrences(markup, "Losses &amp; more"), 2u);
  EXPECT_THAT(markup, HasSubstr(">loss_d 1</text>"));
  EXPECT_THAT(markup, HasSubstr(">loss_&lt;g&gt; 3.5</text>"));
  for (const char* mark : {">0</text>", ">1</text>", ">4</text>", ">300</text>", ">step</text>"}) {
    EXPECT_THAT(markup, HasSubstr(mark));
  }
  EXPECT_THAT(markup, Not(HasSubstr("class=\"band")));
  const auto d = curve(markup), g = curve(markup, 1);
  ASSERT_EQ(d.size(), 3u);
  ASSERT_EQ(g.size(), 3u);
  // Equal steps, from left to right; larger values higher, to scale.
  EXPECT_NEAR(d[1].x - d[0].x, d[2].x - d[1].x, 0.11);
  EXPECT_GT(d[1].x, d[0].x);
  EXPECT_NEAR(d[0].y - d[1].y, 2 * (d[0].y - d[2].y), 0.21);
  EXPECT_NEAR(d[0].y - g[0].y, 4 * (d[0].y - d[2].y), 0.41);
}

TEST(LineChartTest, ManyPointsBecomeFew) {
  const size_t count = 100000;
  Series noisy{"noisy", {}}, ramp{"ramp", {}};
  for (size_t i = 0; i < count; ++i) {
    noisy.values.push_back(i % 2 == 0 ? 1 : 3);
    ramp.values.push_back(4 * static_cast<double>(i) / static_cast<double>(count));
  }
  const auto markup = line_chart("Losses", steps(count), {noisy, ramp}).markup();
  EXPECT_LT(markup.size(), 40000u);
  EXPECT_EQ(occurrences(markup, "class=\"band"), 2u);
  const auto flat = curve(markup), rising = curve(markup, 1);
  EXPECT_GT(flat.size(), 200u);
  EXPECT_LT(flat.size(), 300u);
  // Noise becomes its mean, the ramp stays one, and they meet in the middle.
  for (size_t i = 1; i < flat.size(); ++i) {
    EXPECT_NEAR(flat[i].y, flat[0].y, 0.21);
    EXPECT_LE(rising[i].y, rising[i - 1].y);
  }
  EXPECT_NEAR(rising[rising.size() / 2].y, flat[0].y, 1);
}

TEST(LineChartTest, GapsStayGaps) {
  const auto markup = line_chart("one", steps(6), {{"a", {1, 2, NAN, 3, HUGE_VAL, NAN}}}).markup();
  EXPECT_EQ(curve(markup).size(), 2u);
  EXPECT_EQ(curve(markup, 1).size(), 1u);
  EXPECT_EQ(occurrences(markup, "h0L"), 2u);
  EXPECT_THAT(markup, HasSubstr(">a</text>"));
  EXPECT_THAT(markup, Not(HasSubstr("nan")));
  EXPECT_THAT(markup, Not(HasSubstr("inf")));
}

TEST(LineChartTest, LogarithmicAxis) {
  const auto markup =
      line_chart("norms", steps(5), {{"a", {1, 10, 100, 0, 1e5}}}, Scale::kLogarithmic).markup();
  const auto first = curve(markup), last = curve(markup, 1);
  ASSERT_EQ(first.size(), 3u);
  ASSERT_EQ(last.size(), 1u) << "zero is left out";
  EXPECT_NEAR(first[0].y - first[1].y, first[1].y - first[2].y, 0.21);
  EXPECT_THAT(markup, HasSubstr(">100</text>"));
  EXPECT_THAT(markup, HasSubstr(">10k</text>"));
}

TEST(LineChartTest, AFewExtremesDoNotFlattenTheRest) {
  Series series{"loss", {}};
  for (int i = 0; i < 250; ++i) series.values.push_back(1 + i % 3);
  series.values[0] = 1e6;
  const auto places = curve(line_chart("loss", steps(250), {series}).markup());
  ASSERT_EQ(places.size(), 250u);
  EXPECT_GT(places[3].y - places[2].y, 50);
  EXPECT_LE(places[0].y, places[2].y);
  EXPECT_GT(places[0].y, 0) << "drawn at the edge";
}

TEST(LineChartTest, NothingAndOneValueAreCharts) {
  EXPECT_THAT(line_chart("none", {}, {{"a", {}}}).markup(), HasSubstr("<svg"));
  EXPECT_EQ(curve(line_chart("one", {5}, {{"a", {7}}}).markup()).size(), 1u);
  EXPECT_EQ(curve(line_chart("same", {5, 6}, {{"a", {0, 0}}}).markup()).size(), 2u);
  EXPECT_THAT(line_chart("all bad", {5}, {{"a", {NAN}}}).markup(), Not(HasSubstr("nan")));
  EXPECT_THROW(line_chart("uneven", {1, 2}, {{"a", {1}}}), std::invalid_argument);
}

TEST(LineChartTest, ManySeriesFindRoomInTheLegend) {
  std::vector<Series> series;
  for (int i = 0; i < 12; ++i) series.push_back({"d_real_discriminator" + std::to_string(i), {1}});
  const auto markup = line_chart("scores", {1}, series).markup();
  static const std::regex kLegend("<text x=\"([0-9]+)\" y=\"[0-9]+\">(d_real[^<]*)<");
  size_t names = 0;
  for (auto found = std::sregex_iterator(markup.begin(), markup.end(), kLegend);
       found != std::sregex_iterator(); ++found, ++names) {
    EXPECT_LT(std::stoi((*found)[1]) + 7 * (*found)[2].length(), 520);
  }
  EXPECT_EQ(names, 12u);
}

}  // namespace
}  // namespace vidgen::report
