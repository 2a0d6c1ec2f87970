#pragma once

#include <array>

#include "libav.h"
#include "vidgen/video/frame.h"

namespace vidgen::video {

/// One call of libswscale, kept as long as pictures of the same kind come.
class Scaler {
 public:
  /// Scales to height x width in the given format: averages areas when it shrinks, bicubic when it
  /// grows. `picture` is read with the matrix and range that it names, an unnamed matrix as players
  /// do: BT.709 for more than 576 lines or 1279 columns, BT.601 below. The result is valid until
  /// the next call; null when libswscale does not know the picture's format.
  const AVFrame* scale(const AVFrame& picture, int height, int width, AVPixelFormat format);

 private:
  bool prepare(const AVFrame& picture, int height, int width, AVPixelFormat format);

  /// What the scaler was made for.
  std::array<int, 8> key_{};
  AvScaler scaler_;
  AvFrame result_;
};

/// Makes RGB of decoded pictures: of interlaced ones only the field that is shown first is taken,
/// transparency is laid over black, PQ and HLG become SDR.
class Converter {
 public:
  /// Scaled to height x width. Returns rgb24 that is valid until the next call; null when
  /// libswscale does not know the picture's format.
  const AVFrame* convert(const AVFrame& picture, int height, int width);
  /// Whether any pixel of a picture was not opaque.
  bool saw_transparency() const { return saw_transparency_; }

 private:
  const AVFrame* convert_gray(const AVFrame& picture, int height, int width);
  const AVFrame* convert_transparent(const AVFrame& picture, int height, int width);
  const AVFrame* convert_hdr(const AVFrame& picture, int height, int width);
  /// An empty rgb24 picture.
  AVFrame* rgb(int height, int width);

  Scaler first_, second_;
  AvFrame rgb_;
  bool saw_transparency_ = false;
};

/// Whether the picture shows two moments, one in every second line.
bool is_interlaced(const AVFrame& picture);
/// Whether its brightness goes beyond SDR: SMPTE ST 2084 (PQ) or ARIB STD-B67 (HLG).
bool is_hdr(const AVFrame& picture);
bool is_transparent(const AVFrame& picture);
/// The name of a colour matrix that libswscale does not know; null for the others.
const char* unknown_matrix(const AVFrame& picture);

}  // namespace vidgen::video
