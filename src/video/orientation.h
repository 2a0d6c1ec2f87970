#pragma once

#include <opencv2/core.hpp>

#include "picture_source.h"

namespace vidgen::video {

/// How FFmpeg's picture asks to be shown: by its own display matrix, the EXIF data of a JPEG or the
/// display matrix of its stream. Of a matrix only quarter turns and mirroring count.
Orientation orientation_of(const AVFrame& picture, const AVStream& stream);

/// The same of a picture that is no stream's.
Orientation orientation_of(const AVFrame& picture);

/// Mirrors and turns a picture into `shown`, which has the size that comes out.
void orient(const cv::Mat& picture, const Orientation& orientation, cv::Mat& shown);

}  // namespace vidgen::video
