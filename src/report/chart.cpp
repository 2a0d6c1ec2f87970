#include <algorithm>
#include <cmath>
#include <cstdio>

#include "vidgen/core/error.h"
#include "vidgen/report/html.h"

namespace vidgen::report {
namespace {

using core::cat;

/// Numbers of any size, short.
std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

/// A drawing, with its title below.
Html figure(const std::string& title, int width, int height, const Html& drawing) {
  return Html(cat("<figure><svg width=\"", width, "\" height=\"", height, "\" viewBox=\"0 0 ",
                  width, " ", height, "\" role=\"img\"><title>")) +
         escape(title) + Html("</title>\n") + drawing + Html("</svg><figcaption>") + escape(title) +
         Html("</figcaption></figure>\n");
}

constexpr int kChartWidth = 520, kPlotHeight = 180;
constexpr int kPlotLeft = 48, kPlotRight = kChartWidth - 20, kTickRow = 22, kLegendRow = 18;
/// Of one curve, and from how many the axis may leave some out.
constexpr double kMaxPoints = 260, kMany = 100;
constexpr size_t kColors = 8;

struct ChartPoint {
  double step = 0, mean = 0, low = HUGE_VAL, high = -HUGE_VAL;
  /// Nothing is drawn between it and the point before.
  bool after_gap = false;
};
using CurvePoints = std::vector<ChartPoint>;

/// The points that are drawn: values that fall into the same column are one.
CurvePoints thin(const std::vector<double>& steps, const std::vector<double>& values) {
  CurvePoints points;
  if (steps.empty()) return points;
  const bool few = static_cast<double>(steps.size()) <= kMaxPoints;
  const double range = std::max(steps.back() - steps.front(), 1e-9);
  const auto column = [&](size_t i) {
    if (few) return static_cast<double>(i);
    return std::min(std::floor((steps[i] - steps[0]) / range * kMaxPoints), kMaxPoints - 1);
  };
  bool gap = true;
  for (size_t i = 0; i < steps.size();) {
    ChartPoint point;
    point.after_gap = gap;
    double count = 0;
    for (const double here = column(i); i < steps.size() && column(i) == here; ++i) {
      if (!std::isfinite(values[i])) continue;
      ++count;
      point.step += (steps[i] - point.step) / count;
      point.mean += (values[i] - point.mean) / count;
      point.low = std::min(point.low, values[i]);
      point.high = std::max(point.high, values[i]);
    }
    gap = count == 0;
    if (!gap) points.push_back(point);
  }
  return points;
}

/// 1, 2 or 5 times a power of ten, at least `length`.
double round_up(double length) {
  const double power = std::pow(10, std::floor(std::log10(length)));
  for (const double factor : {1, 2, 5}) {
    if (factor * power >= length * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

/// An axis with marks at multiples of `unit`, from `first` to `last` times it.
struct Ruler {
  double low = 0, high = 1, unit = 1;
  int64_t first = 0, last = 1;

  /// 0 at the lower end, 1 at the upper; what lies outside is moved to the end.
  double place(double value) const { return std::clamp((value - low) / (high - low), 0.0, 1.0); }
};

Ruler value_ruler(const std::vector<CurvePoints>& curves, Scale scale) {
  std::vector<double> means;
  for (const auto& points : curves) {
    for (const auto& point : points) means.push_back(point.mean);
  }
  if (means.empty()) return {};
  std::sort(means.begin(), means.end());
  const auto count = static_cast<double>(means.size());
  const auto left_out = static_cast<size_t>(count < kMany ? 0 : count * 0.005);
  double low = means[left_out], high = means[means.size() - 1 - left_out];
  if (high - low < 1e-9 * std::abs(high) || low == high) {
    const double room = scale == Scale::kLinear ? std::max(std::abs(low) * 0.1, 0.5) : 0.5;
    low -= room;
    high += room;
  }
  Ruler ruler;
  ruler.unit = round_up((high - low) / 4);
  // A logarithmic axis is marked at whole powers of ten.
  if (scale == Scale::kLogarithmic) ruler.unit = std::max(ruler.unit, 1.0);
  ruler.first = static_cast<int64_t>(std::floor(low / ruler.unit));
  ruler.last = static_cast<int64_t>(std::ceil(high / ruler.unit));
  ruler.low = static_cast<double>(ruler.first) * ruler.unit;
  ruler.high = static_cast<double>(ruler.last) * ruler.unit;
  return ruler;
}

Ruler step_ruler(const std::vector<double>& steps) {
  Ruler ruler;
  ruler.high = steps.empty() ? 1 : std::max(steps.back(), 1.0);
  ruler.unit = std::max(round_up(ruler.high / 7), 1.0);
  ruler.last = static_cast<int64_t>(std::floor(ruler.high / ruler.unit));
  return ruler;
}

/// "2.5k" for 2500.
std::string mark(double value) {
  if (std::abs(value) >= 1e6) return short_number(value / 1e6) + "M";
  if (std::abs(value) >= 1e3) return short_number(value / 1e3) + "k";
  return short_number(value);
}

/// The chart's rectangle on the page, and the axes that fill it.
struct Plot {
  Ruler steps, values;
  int top = 0;

  int bottom() const { return top + kPlotHeight; }
  double x(double step) const { return kPlotLeft + steps.place(step) * (kPlotRight - kPlotLeft); }
  double y(double value) const { return bottom() - values.place(value) * kPlotHeight; }
  std::string at(double step, double value) const {
    char text[32];
    std::snprintf(text, sizeof(text), "%.1f,%.1f", x(step), y(value));
    return text;
  }
};

std::string draw_axes(const Plot& plot, Scale scale) {
  std::string svg;
  for (int64_t i = plot.values.first; i <= plot.values.last; ++i) {
    const double value = static_cast<double>(i) * plot.values.unit;
    const std::string y = short_number(plot.y(value));
    svg += cat("<line class=\"axis\" x1=\"", kPlotLeft, "\" x2=\"", kPlotRight, "\" y1=\"", y,
               "\" y2=\"", y, "\"/><text x=\"", kPlotLeft - 6, "\" y=\"", y,
               "\" dy=\"4\" text-anchor=\"end\">",
               mark(scale == Scale::kLinear ? value : std::pow(10, value)), "</text>\n");
  }
  const int text_y = plot.bottom() + kTickRow - 6;
  svg += cat("<text x=\"0\" y=\"", text_y, "\">step</text>");
  for (int64_t i = plot.steps.first; i <= plot.steps.last; ++i) {
    const double step = static_cast<double>(i) * plot.steps.unit;
    svg += cat("<text x=\"", short_number(plot.x(step)), "\" y=\"", text_y,
               "\" text-anchor=\"middle\">", mark(step), "</text>\n");
  }
  return svg;
}

/// The mean as a line and, where points stand for several values, these as an area. `points` has no
/// gaps but before the first.
std::string draw_stretch(const Plot& plot, const CurvePoints& points, size_t color) {
  const bool thinned = std::any_of(points.begin(), points.end(),
                                   [](const ChartPoint& point) { return point.low < point.high; });
  std::string svg;
  if (thinned) {
    svg += cat("<path class=\"band s", color, "\" d=\"M");
    for (const auto& point : points) svg += plot.at(point.step, point.high) + " ";
    for (auto point = points.rbegin(); point != points.rend(); ++point) {
      svg += plot.at(point->step, point->low) + " ";
    }
    svg += "z\"/>";
  }
  // A line of no length first: it makes a point that stands alone visible.
  svg += cat("<path class=\"line s", color, "\" d=\"M", plot.at(points[0].step, points[0].mean),
             "h0L");
  for (const auto& point : points) svg += plot.at(point.step, point.mean) + " ";
  return svg + "\"/>\n";
}

std::string draw_curve(const Plot& plot, const CurvePoints& points, size_t color) {
  std::string svg;
  for (auto begin = points.begin(); begin != points.end();) {
    const auto end = std::find_if(begin + 1, points.end(),
                                  [](const ChartPoint& point) { return point.after_gap; });
    svg += draw_stretch(plot, {begin, end}, color);
    begin = end;
  }
  return svg;
}

/// Names and last values, in as many rows as they need; adds their height to `top`.
Html draw_legend(const std::vector<Series>& series, int& top) {
  Html svg;
  int x = kPlotLeft;
  top = kLegendRow;
  for (size_t k = 0; k < series.size(); ++k) {
    std::string text = series[k].name;
    const auto& values = series[k].values;
    if (!values.empty() && std::isfinite(values.back())) text += " " + short_number(values.back());
    const int width = 28 + 7 * static_cast<int>(text.size());
    if (x > kPlotLeft && x + width > kChartWidth) {
      x = kPlotLeft;
      top += kLegendRow;
    }
    svg += Html(cat("<path class=\"line s", k % kColors, "\" d=\"M", x, ",", top - 10,
                    "h12\"/><text x=\"", x + 17, "\" y=\"", top - 6, "\">")) +
           escape(text) + Html("</text>\n");
    x += width;
  }
  top += 4;
  return svg;
}

/// The values as the axis has them.
std::vector<double> on_scale(const Series& series, Scale scale) {
  auto values = series.values;
  if (scale == Scale::kLogarithmic) {
    for (double& value : values) value = value > 0 ? std::log10(value) : NAN;
  }
  return values;
}

/// Of a histogram.
constexpr int kBins = 24;
constexpr int kWidth = 330, kHeight = 150, kLegend = 20, kAxis = 20;
constexpr size_t kMaxSeries = 4;

struct Axis {
  double low = 0;
  double high = 0;

  int bin(double value) const {
    const double place = (value - low) / (high - low) * kBins;
    return std::min(static_cast<int>(place), kBins - 1);
  }
};

Axis axis_of(const std::vector<Series>& series) {
  Axis axis{HUGE_VAL, -HUGE_VAL};
  for (const auto& one : series) {
    for (const double value : one.values) {
      if (!std::isfinite(value)) continue;
      axis.low = std::min(axis.low, value);
      axis.high = std::max(axis.high, value);
    }
  }
  if (axis.low > axis.high) return {0, 1};
  if (axis.low == axis.high) {
    const double room = std::max(std::abs(axis.low) * 0.1, 0.5);
    return {axis.low - room, axis.high + room};
  }
  return axis;
}

/// The share of the values in each bin.
std::vector<double> shares(const Series& series, const Axis& axis) {
  std::vector<double> result(kBins, 0);
  double count = 0;
  for (const double value : series.values) {
    if (!std::isfinite(value)) continue;
    result[static_cast<size_t>(axis.bin(value))] += 1;
    ++count;
  }
  for (double& share : result) share /= std::max(count, 1.0);
  return result;
}

}  // namespace

Html line_chart(const std::string& title, const std::vector<double>& steps,
                const std::vector<Series>& series, Scale scale) {
  std::vector<CurvePoints> curves;
  for (const auto& one : series) {
    if (one.values.size() != steps.size()) {
      throw std::invalid_argument(
          cat("a curve of ", one.values.size(), " values at ", steps.size(), " steps"));
    }
    curves.push_back(thin(steps, on_scale(one, scale)));
  }
  Plot plot{step_ruler(steps), value_ruler(curves, scale)};
  const Html legend = draw_legend(series, plot.top);
  const int height = plot.bottom() + kTickRow;
  std::string drawing = draw_axes(plot, scale);
  for (size_t k = 0; k < curves.size(); ++k) drawing += draw_curve(plot, curves[k], k % kColors);
  return figure(title, kChartWidth, height, Html(drawing) + legend);
}

Html histogram(const std::string& title, const std::vector<Series>& series) {
  if (series.empty() || series.size() > kMaxSeries) {
    throw std::invalid_argument(cat("a histogram of ", series.size(), " series"));
  }
  const Axis axis = axis_of(series);
  std::vector<std::vector<double>> all;
  double highest = 0;
  for (const auto& one : series) {
    all.push_back(shares(one, axis));
    highest = std::max(highest, *std::max_element(all.back().begin(), all.back().end()));
  }
  const double bar_width = static_cast<double>(kWidth) / kBins;
  const int bottom = kHeight - kAxis, height = bottom - kLegend;
  Html svg;
  for (size_t k = 0; k < series.size(); ++k) {
    for (int bin = 0; bin < kBins; ++bin) {
      const double share = all[k][static_cast<size_t>(bin)];
      if (share == 0) continue;
      const double bar = height * share / highest;
      svg += Html(cat("<rect class=\"bar s", k, "\" x=\"", short_number(bin * bar_width), "\" y=\"",
                      short_number(bottom - bar), "\" width=\"", short_number(bar_width - 1),
                      "\" height=\"", short_number(bar), "\"/>\n"));
    }
    const auto left = static_cast<int>(k) * kWidth / static_cast<int>(kMaxSeries);
    svg +=
        Html(cat("<rect class=\"bar s", k, "\" x=\"", left,
                 "\" y=\"3\" width=\"10\" height=\"10\"/><text x=\"", left + 14, "\" y=\"12\">")) +
        escape(series[k].name) + Html("</text>\n");
  }
  svg += Html(cat("<line class=\"axis\" x1=\"0\" x2=\"", kWidth, "\" y1=\"", bottom, "\" y2=\"",
                  bottom, "\"/><text x=\"0\" y=\"", kHeight - 5, "\">", short_number(axis.low),
                  "</text><text x=\"", kWidth, "\" y=\"", kHeight - 5, "\" text-anchor=\"end\">",
                  short_number(axis.high), "</text>"));
  return figure(title, kWidth, kHeight, svg);
}

}  // namespace vidgen::report
