#pragma once

#include <opencv2/core.hpp>

#include "vidgen/video/frame.h"

namespace vidgen::video {

/// The frame's pixels as OpenCV sees them, not copied.
inline cv::Mat as_mat(Frame& frame) {
  return cv::Mat(static_cast<int>(frame.height), static_cast<int>(frame.width),
                 CV_8UC(static_cast<int>(frame.channels)), frame.pixels.data());
}

/// OpenCV only reads through it.
inline cv::Mat as_mat(const Frame& frame) { return as_mat(const_cast<Frame&>(frame)); }

/// Sets the frame's shape and makes room for its pixels, whose values are unspecified.
inline void reshape(Frame& frame, int64_t height, int64_t width, int64_t channels) {
  frame.height = height;
  frame.width = width;
  frame.channels = channels;
  frame.pixels.resize(static_cast<size_t>(height * width * channels));
}

}  // namespace vidgen::video
