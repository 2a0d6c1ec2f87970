#include "vidgen/video/frame.h"

#include <cstring>
#include <opencv2/imgproc.hpp>

#include "mat.h"

namespace vidgen::video {

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

}  // namespace vidgen::video
