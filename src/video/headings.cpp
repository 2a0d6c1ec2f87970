#include <cstring>
#include <opencv2/imgproc.hpp>

#include "mat.h"
#include "vidgen/core/error.h"

namespace vidgen::video {
namespace {

/// A white line of text, each heading in the middle of its column.
Frame heading_line(int64_t width, const std::vector<std::string>& headings, int64_t gap) {
  constexpr int kFont = cv::FONT_HERSHEY_PLAIN, kThickness = 1, kBelow = 3;
  constexpr double kSize = 0.8;
  Frame line;
  reshape(line, kHeadingHeight, width, 3);
  cv::Mat picture = as_mat(line);
  picture.setTo(cv::Scalar::all(255));
  const double column = static_cast<double>(width + gap) / static_cast<double>(headings.size());
  for (size_t i = 0; i < headings.size(); ++i) {
    int baseline = 0;
    const auto text = cv::getTextSize(headings[i], kFont, kSize, kThickness, &baseline);
    const double middle = column * (static_cast<double>(i) + 0.5) - static_cast<double>(gap) / 2;
    const cv::Point start(static_cast<int>(middle - text.width / 2.0),
                          static_cast<int>(kHeadingHeight) - kBelow);
    cv::putText(picture, headings[i], start, kFont, kSize, cv::Scalar::all(0), kThickness,
                cv::LINE_AA);
  }
  return line;
}

}  // namespace

Clip with_headings(const Clip& clip, const std::vector<std::string>& headings, int64_t gap) {
  if (headings.empty()) throw Error("no headings to put above a clip");
  const Frame line = heading_line(clip.width, headings, gap);
  Clip result{clip.frames, clip.height + kHeadingHeight, clip.width, {}};
  result.pixels.resize(static_cast<size_t>(result.frames * result.frame_bytes()));
  for (int64_t t = 0; t < clip.frames; ++t) {
    std::memcpy(result.frame(t), line.pixels.data(), line.pixels.size());
    std::memcpy(result.frame(t) + line.pixels.size(), clip.frame(t),
                static_cast<size_t>(clip.frame_bytes()));
  }
  return result;
}

}  // namespace vidgen::video
