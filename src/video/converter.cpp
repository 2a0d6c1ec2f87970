#include "converter.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace vidgen::video {
namespace {

/// Exact arithmetic with colour at full resolution: libswscale's fast ways from YUV to RGB come out
/// one level too dark and repeat colours.
int scaler_flags(const AVFrame& picture, int height, int width) {
  const bool shrinks = height < picture.height || width < picture.width;
  return (shrinks ? SWS_AREA : SWS_BICUBIC) | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP |
         SWS_ACCURATE_RND;
}

void set_colors(SwsContext* scaler, const AVFrame& picture) {
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(picture.format));
  if (format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) return;
  int *matrix = nullptr, *output_matrix = nullptr;
  int range = 0, output_range = 0, brightness = 0, contrast = 0, saturation = 0;
  if (sws_getColorspaceDetails(scaler, &matrix, &range, &output_matrix, &output_range, &brightness,
                               &contrast, &saturation) < 0) {
    return;
  }
  if (picture.color_range != AVCOL_RANGE_UNSPECIFIED)
    range = picture.color_range == AVCOL_RANGE_JPEG;
  const int* named = picture.colorspace == AVCOL_SPC_UNSPECIFIED
                         ? matrix
                         : sws_getCoefficients(picture.colorspace);
  sws_setColorspaceDetails(scaler, named, range, output_matrix, output_range, brightness, contrast,
                           saturation);
}

}  // namespace

bool Converter::prepare(const AVFrame& picture, int height, int width) {
  const std::array<int, 7> key{picture.width, picture.height,     picture.format,     height,
                               width,         picture.colorspace, picture.color_range};
  if (scaler_ && key == key_) return true;
  scaler_.reset(sws_getContext(
      picture.width, picture.height, static_cast<AVPixelFormat>(picture.format), width, height,
      AV_PIX_FMT_RGB24, scaler_flags(picture, height, width), nullptr, nullptr, nullptr));
  if (!scaler_) return false;
  set_colors(scaler_.get(), picture);
  key_ = key;
  rgb_.reset(av_frame_alloc());
  rgb_->format = AV_PIX_FMT_RGB24;
  rgb_->width = width;
  rgb_->height = height;
  // libswscale writes whole vectors, beyond the last pixel: FFmpeg's own buffers have room for
  // them.
  return av_frame_get_buffer(rgb_.get(), 0) >= 0;
}

const AVFrame* Converter::convert(const AVFrame& picture, int height, int width) {
  if (!prepare(picture, height, width)) return nullptr;
  const int rows = sws_scale(scaler_.get(), picture.data, picture.linesize, 0, picture.height,
                             rgb_->data, rgb_->linesize);
  return rows == height ? rgb_.get() : nullptr;
}

}  // namespace vidgen::video
