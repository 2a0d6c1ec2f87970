#include <algorithm>
#include <cmath>

#include "svg.h"
#include "vidgen/core/error.h"
#include "vidgen/report/html.h"

namespace vidgen::report {
namespace {

using core::cat;

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
  Html svg(cat("<figure><svg width=\"", kWidth, "\" height=\"", kHeight, "\" viewBox=\"0 0 ",
               kWidth, " ", kHeight, "\" role=\"img\"><title>"));
  svg += escape(title) + Html("</title>\n");
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
                  short_number(axis.high), "</text></svg>"));
  return svg + Html("<figcaption>") + escape(title) + Html("</figcaption></figure>\n");
}

}  // namespace vidgen::report
