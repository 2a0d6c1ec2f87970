#pragma once

#include <array>

#include "libav.h"
#include "vidgen/video/frame.h"

namespace vidgen::video {

/// Makes RGB of decoded pictures: colours and size in one pass, with the matrix and range that the
/// picture names (BT.601 when it names none).
class Converter {
 public:
  /// Scales to height x width: averages areas when it shrinks, bicubic when it grows. Returns rgb24
  /// that is valid until the next call; null when libswscale does not know the picture's format.
  const AVFrame* convert(const AVFrame& picture, int height, int width);

 private:
  bool prepare(const AVFrame& picture, int height, int width);

  /// What the scaler was made for.
  std::array<int, 7> key_{};
  AvScaler scaler_;
  AvFrame rgb_;
};

}  // namespace vidgen::video
