#include "orientation.h"

#include <cstdlib>

namespace vidgen::video {
namespace {

/// FFmpeg's form of a display matrix: x' = a x + c y, y' = b x + d y, with y downwards, at places
/// 0, 1, 3 and 4.
Orientation from_matrix(const int32_t* matrix) {
  const double a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
  Orientation result;
  // The determinant is negative where the picture is mirrored; what remains then is a turn.
  result.mirrored = a * d - b * c < 0;
  const double x = result.mirrored ? -a : a, y = result.mirrored ? -b : b;
  if (std::abs(x) >= std::abs(y)) {
    result.quarter_turns = x < 0 ? 2 : 0;
  } else {
    result.quarter_turns = y < 0 ? 3 : 1;
  }
  return result;
}

}  // namespace

Orientation orientation_of_exif(int value) {
  constexpr Orientation kOrientations[] = {{false, 0}, {true, 0},  {false, 2}, {true, 2},
                                           {true, 3},  {false, 1}, {true, 1},  {false, 3}};
  return value >= 1 && value <= 8 ? kOrientations[value - 1] : Orientation{};
}

std::optional<Orientation> orientation_of(const AVFrame& picture) {
  if (const auto* data = av_frame_get_side_data(&picture, AV_FRAME_DATA_DISPLAYMATRIX)) {
    return from_matrix(reinterpret_cast<const int32_t*>(data->data));
  }
  if (const auto* entry = av_dict_get(picture.metadata, "Orientation", nullptr, 0)) {
    return orientation_of_exif(std::atoi(entry->value));
  }
  return std::nullopt;
}

Orientation orientation_of(const AVStream& stream) {
  const auto* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  return matrix ? from_matrix(reinterpret_cast<const int32_t*>(matrix)) : Orientation{};
}

void orient(const cv::Mat& picture, const Orientation& orientation, cv::Mat& shown) {
  cv::Mat mirrored;
  if (orientation.mirrored) cv::flip(picture, mirrored, 1);
  const cv::Mat& upright = orientation.mirrored ? mirrored : picture;
  if (orientation.quarter_turns == 0) {
    upright.copyTo(shown);
  } else {
    cv::rotate(upright, shown, orientation.quarter_turns - 1);  // ROTATE_90_CLOCKWISE is 0
  }
}

}  // namespace vidgen::video
