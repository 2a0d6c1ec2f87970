#include "palette.h"

#include <algorithm>
#include <limits>
#include <opencv2/core.hpp>
#include <set>

namespace vidgen::video {
namespace {

constexpr size_t kColors = 256;
constexpr int64_t kSamples = 8192;

uint32_t pack(const uint8_t* rgb) { return rgb[0] << 16 | rgb[1] << 8 | rgb[2]; }

/// The clip's colours where there are few enough of them, else nothing.
std::vector<uint32_t> all_colors(const Clip& clip) {
  std::set<uint32_t> colors;
  for (size_t i = 0; i < clip.pixels.size(); i += 3) {
    colors.insert(pack(&clip.pixels[i]));
    if (colors.size() > kColors) return {};
  }
  return {colors.begin(), colors.end()};
}

/// The centres of a k-means clustering of some of the pixels.
std::vector<uint32_t> cluster_colors(const Clip& clip) {
  const int64_t pixels = static_cast<int64_t>(clip.pixels.size()) / 3;
  const int64_t count = std::min(pixels, kSamples);
  cv::Mat samples(static_cast<int>(count), 3, CV_32F);
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t* pixel = &clip.pixels[i * pixels / count * 3];
    for (int c = 0; c < 3; ++c) samples.at<float>(static_cast<int>(i), c) = pixel[c];
  }
  cv::theRNG().state = 1;  // the same clip gives the same file
  cv::Mat labels, centers;
  cv::kmeans(samples, kColors, labels, {cv::TermCriteria::MAX_ITER, 10, 0}, 1,
             cv::KMEANS_PP_CENTERS, centers);
  std::vector<uint32_t> colors;
  for (int i = 0; i < centers.rows; ++i) {
    uint8_t rgb[3];
    for (int c = 0; c < 3; ++c) rgb[c] = cv::saturate_cast<uint8_t>(centers.at<float>(i, c));
    colors.push_back(pack(rgb));
  }
  return colors;
}

}  // namespace

Palette::Palette(const Clip& clip) : colors_(all_colors(clip)), nearest_(1 << 24, -1) {
  if (colors_.empty()) colors_ = cluster_colors(clip);
}

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
