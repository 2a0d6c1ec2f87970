#include <cstring>
#include <opencv2/imgproc.hpp>

#include "mat.h"
#include "vidgen/video/frame.h"

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

}  // namespace vidgen::video
