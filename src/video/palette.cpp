#include "palette.h"

#include <limits>
#include <opencv2/core.hpp>

namespace vidgen::video {
namespace {

std::vector<uint32_t> cluster_colors(const std::vector<uint8_t>& pixels) {
  const auto count = static_cast<int>(pixels.size() / 3);
  cv::Mat samples(count, 3, CV_32F);
  for (int i = 0; i < count; ++i) {
    for (int c = 0; c < 3; ++c) samples.at<float>(i, c) = pixels[static_cast<size_t>(3 * i + c)];
  }
  cv::theRNG().state = 1;  // the same clip gives the same file
  cv::Mat labels, centers;
  cv::kmeans(samples, Palette::kColors, labels, {cv::TermCriteria::MAX_ITER, 10, 0}, 1,
             cv::KMEANS_PP_CENTERS, centers);
  std::vector<uint32_t> colors;
  for (int i = 0; i < centers.rows; ++i) {
    uint8_t rgb[3];
    for (int c = 0; c < 3; ++c) rgb[c] = cv::saturate_cast<uint8_t>(centers.at<float>(i, c));
    colors.push_back(Palette::pack(rgb));
  }
  return colors;
}

}  // namespace

Palette::Palette(const std::set<uint32_t>& colors)
    : colors_(colors.begin(), colors.end()), nearest_(1 << 24, -1) {}

Palette::Palette(const std::vector<uint8_t>& pixels)
    : colors_(cluster_colors(pixels)), nearest_(1 << 24, -1) {}

uint8_t Palette::nearest(const uint8_t* rgb) {
  int16_t& known = nearest_[pack(rgb)];
  if (known >= 0) return static_cast<uint8_t>(known);
  int best = std::numeric_limits<int>::max();
  for (size_t i = 0; i < colors_.size(); ++i) {
    const int r = rgb[0] - static_cast<int>(colors_[i] >> 16);
    const int g = rgb[1] - static_cast<int>(colors_[i] >> 8 & 255);
    const int b = rgb[2] - static_cast<int>(colors_[i] & 255);
    const int distance = r * r + g * g + b * b;
    if (distance >= best) continue;
    best = distance;
    known = static_cast<int16_t>(i);
  }
  return static_cast<uint8_t>(known);
}

}  // namespace vidgen::video
