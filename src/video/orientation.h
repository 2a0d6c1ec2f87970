#pragma once

#include <opencv2/core.hpp>
#include <optional>

#include "picture_source.h"

namespace vidgen::video {

/// The EXIF values 1 to 8 (TIFF 6.0, "Orientation"); others ask for nothing.
Orientation orientation_of_exif(int value);
/// How a picture asks to be shown, by a display matrix that comes with it or the EXIF data of a
/// JPEG. Of a matrix only quarter turns and mirroring count.
std::optional<Orientation> orientation_of(const AVFrame& picture);
/// The same of all pictures of a stream.
Orientation orientation_of(const AVStream& stream);

/// Mirrors and turns a picture into `shown`, which has the size that comes out.
void orient(const cv::Mat& picture, const Orientation& orientation, cv::Mat& shown);

}  // namespace vidgen::video
