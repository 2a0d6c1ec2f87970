#include "vidgen/video/frame.h"

#include <cstring>
#include <opencv2/imgproc.hpp>

#include "mat.h"

namespace vidgen::video {
namespace {

/// In the line above the tiles, in the middle of these columns.
void write_heading(Frame& picture, const std::string& heading, int64_t left, int64_t width) {
  constexpr int kFont = cv::FONT_HERSHEY_PLAIN, kThickness = 1, kBelow = 3;
  constexpr double kSize = 0.8;
  int baseline = 0;
  const auto text = cv::getTextSize(heading, kFont, kSize, kThickness, &baseline);
  const double middle = static_cast<double>(left) + static_cast<double>(width) / 2;
  const cv::Point start(static_cast<int>(middle - text.width / 2.0),
                        static_cast<int>(kHeadingHeight) - kBelow);
  cv::putText(as_mat(picture), heading, start, kFont, kSize, cv::Scalar::all(0), kThickness,
              cv::LINE_AA);
}

}  // namespace

Frame resize(const Frame& frame, int64_t height, int64_t width) {
  if (frame.height == height && frame.width == width) return frame;
  Frame result;
  reshape(result, height, width, frame.channels);
  const bool shrinks = height <= frame.height && width <= frame.width;
  cv::Mat target = as_mat(result);
  cv::resize(as_mat(frame), target, target.size(), 0, 0,
             shrinks ? cv::INTER_AREA : cv::INTER_CUBIC);
  return result;
}

Frame crop(const Frame& frame, int64_t top, int64_t left, int64_t height, int64_t width) {
  Frame result;
  reshape(result, height, width, frame.channels);
  const cv::Rect area(static_cast<int>(left), static_cast<int>(top), static_cast<int>(width),
                      static_cast<int>(height));
  cv::Mat target = as_mat(result);
  as_mat(frame)(area).copyTo(target);
  return result;
}

Frame to_gray(const Frame& frame) {
  if (frame.channels == 1) return frame;
  Frame result;
  reshape(result, frame.height, frame.width, 1);
  cv::Mat target = as_mat(result);
  cv::cvtColor(as_mat(frame), target, cv::COLOR_RGB2GRAY);
  return result;
}

double mean_difference(const Frame& a, const Frame& b) {
  return cv::norm(as_mat(a), as_mat(b), cv::NORM_L1) / static_cast<double>(a.pixels.size());
}

Tiles::Tiles(int64_t rows, int64_t columns, int64_t height, int64_t width,
             const std::vector<std::string>& headings)
    : height_(height),
      width_(width),
      top_(headings.empty() ? 0 : kHeadingHeight),
      picture_{top_ + rows * (height + kSheetGap) - kSheetGap,
               columns * (width + kSheetGap) - kSheetGap,
               3,
               {}} {
  picture_.pixels.assign(static_cast<size_t>(picture_.height * picture_.width * 3), 255);
  int64_t left = 0;
  for (const auto& heading : headings) {
    write_heading(picture_, heading, left, width);
    left += width + kSheetGap;
  }
}

void Tiles::place(const uint8_t* rgb, int64_t row, int64_t column) {
  const int64_t top = top_ + row * (height_ + kSheetGap), left = column * (width_ + kSheetGap);
  for (int64_t y = 0; y < height_; ++y) {
    std::memcpy(picture_.pixels.data() + ((top + y) * picture_.width + left) * 3,
                rgb + y * width_ * 3, static_cast<size_t>(width_) * 3);
  }
}

const char* opencv_version() { return CV_VERSION; }

}  // namespace vidgen::video
