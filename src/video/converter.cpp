#include "converter.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vidgen::video {
namespace {

const AVPixFmtDescriptor& describe(const AVFrame& picture) {
  return *av_pix_fmt_desc_get(static_cast<AVPixelFormat>(picture.format));
}

bool is_gray(const AVFrame& picture) {
  const auto& format = describe(picture);
  return format.nb_components == 1 &&
         (format.flags & (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_BAYER |
                          AV_PIX_FMT_FLAG_RGB)) == 0;
}

/// Exact arithmetic with colour at full resolution: libswscale's fast ways from YUV to RGB come out
/// one level too dark and repeat colours.
int scaler_flags(const AVFrame& picture, int height, int width) {
  const bool shrinks = height < picture.height || width < picture.width;
  return (shrinks ? SWS_AREA : SWS_BICUBIC) | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP |
         SWS_ACCURATE_RND;
}

/// The guess of players for what names no matrix.
int matrix_of(const AVFrame& picture) {
  if (picture.colorspace != AVCOL_SPC_UNSPECIFIED && !unknown_matrix(picture)) {
    return picture.colorspace;
  }
  const bool high_definition = picture.width >= 1280 || picture.height > 576;
  return high_definition ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

void set_colors(SwsContext* scaler, const AVFrame& picture) {
  const auto& format = describe(picture);
  if (format.flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) return;
  int *matrix = nullptr, *output_matrix = nullptr;
  int range = 0, output_range = 0, brightness = 0, contrast = 0, saturation = 0;
  if (sws_getColorspaceDetails(scaler, &matrix, &range, &output_matrix, &output_range, &brightness,
                               &contrast, &saturation) < 0) {
    return;
  }
  if (picture.color_range != AVCOL_RANGE_UNSPECIFIED)
    range = picture.color_range == AVCOL_RANGE_JPEG;
  sws_setColorspaceDetails(scaler, sws_getCoefficients(matrix_of(picture)), range, output_matrix,
                           output_range, brightness, contrast, saturation);
}

/// An empty picture, null without memory. libswscale writes whole vectors, beyond the last pixel:
/// FFmpeg's own buffers have room for them.
AvFrame make_picture(int height, int width, AVPixelFormat format) {
  AvFrame picture(av_frame_alloc());
  picture->format = format;
  picture->width = width;
  picture->height = height;
  return av_frame_get_buffer(picture.get(), 0) >= 0 ? std::move(picture) : nullptr;
}

/// A picture of every second line, without copying: the field that is shown first.
AVFrame first_field(const AVFrame& picture) {
  AVFrame field = picture;
  const bool lower = picture.top_field_first == 0;
  field.height = (picture.height + (lower ? 0 : 1)) / 2;
  for (int plane = 0; plane < AV_NUM_DATA_POINTERS && field.data[plane]; ++plane) {
    if (lower) field.data[plane] += field.linesize[plane];
    field.linesize[plane] *= 2;
  }
  field.interlaced_frame = 0;
  return field;
}

constexpr double kWhiteNits = 203, kHlgPeakNits = 1000;
/// Above this share of white brightness is compressed.
constexpr double kKnee = 0.75;

using Light = std::array<double, 3>;

double pq_to_nits(double level) {
  constexpr double kM1 = 2610.0 / 16384, kM2 = 2523.0 / 4096 * 128;
  constexpr double kC1 = 3424.0 / 4096, kC2 = 2413.0 / 4096 * 32, kC3 = 2392.0 / 4096 * 32;
  const double power = std::pow(level, 1 / kM2);
  return 10000 * std::pow(std::max(power - kC1, 0.0) / (kC2 - kC3 * power), 1 / kM1);
}

double hlg_to_scene(double level) {
  constexpr double kA = 0.17883277, kB = 0.28466892, kC = 0.55991073;
  return level <= 0.5 ? level * level / 3 : (std::exp((level - kC) / kA) + kB) / 12;
}

Light to_nits(const uint16_t* deep, bool pq) {
  Light light;
  for (size_t c = 0; c < 3; ++c) {
    const double level = deep[c] / 65535.0;
    light[c] = pq ? pq_to_nits(level) : hlg_to_scene(level);
  }
  if (pq) return light;
  const double scene = 0.2627 * light[0] + 0.6780 * light[1] + 0.0593 * light[2];
  const double gain = kHlgPeakNits * std::pow(scene, 0.2);
  for (double& value : light) value *= gain;
  return light;
}

Light to_bt709(const Light& light) {
  return {1.6605 * light[0] - 0.5876 * light[1] - 0.0728 * light[2],
          -0.1246 * light[0] + 1.1329 * light[1] - 0.0083 * light[2],
          -0.0182 * light[0] - 0.1006 * light[1] + 1.1187 * light[2]};
}

/// Makes SDR of HDR pixels: to light in nits (PQ: SMPTE ST 2084; HLG: ITU-R BT.2100 for a display
/// of 1,000 nits), from the primaries of BT.2020 to those of BT.709 (ITU-R BT.2087), with 203 nits,
/// the white of ITU-R BT.2408, just below white, and all that is brighter in a soft shoulder; then
/// to levels for a display with gamma 2.4 (ITU-R BT.1886). `deep` is RGB of 16 bits in native byte
/// order, `rgb` of 8.
void map_tones(const uint16_t* deep, uint8_t* rgb, int pixels, bool pq, bool wide_gamut) {
  for (int i = 0; i < pixels; ++i, deep += 3, rgb += 3) {
    Light light = to_nits(deep, pq);
    if (wide_gamut) light = to_bt709(light);
    for (double& value : light) value = std::max(value / kWhiteNits, 0.0);
    const double brightest = std::max({light[0], light[1], light[2]});
    double gain = 1;
    if (brightest > kKnee) {
      gain = (kKnee + (1 - kKnee) * (1 - std::exp((kKnee - brightest) / (1 - kKnee)))) / brightest;
    }
    for (size_t c = 0; c < 3; ++c) {
      const double level = 255 * std::pow(std::min(light[c] * gain, 1.0), 1 / 2.4);
      rgb[c] = static_cast<uint8_t>(std::lround(level));
    }
  }
}

}  // namespace

bool is_interlaced(const AVFrame& picture) {
  return picture.interlaced_frame != 0 && picture.height >= 4;
}

bool is_hdr(const AVFrame& picture) {
  return picture.color_trc == AVCOL_TRC_SMPTE2084 || picture.color_trc == AVCOL_TRC_ARIB_STD_B67;
}

bool is_transparent(const AVFrame& picture) {
  return (describe(picture).flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
}

const char* unknown_matrix(const AVFrame& picture) {
  switch (picture.colorspace) {
    case AVCOL_SPC_YCGCO:
    case AVCOL_SPC_SMPTE2085:
    case AVCOL_SPC_ICTCP:
      return av_color_space_name(picture.colorspace);
    default:
      return nullptr;
  }
}

bool Scaler::prepare(const AVFrame& picture, int height, int width, AVPixelFormat format) {
  const std::array<int, 8> key{picture.width, picture.height,     picture.format,      height,
                               width,         matrix_of(picture), picture.color_range, format};
  if (scaler_ && result_ && key == key_) return true;
  scaler_.reset(sws_getContext(picture.width, picture.height,
                               static_cast<AVPixelFormat>(picture.format), width, height, format,
                               scaler_flags(picture, height, width), nullptr, nullptr, nullptr));
  if (!scaler_) return false;
  if (format != AV_PIX_FMT_GRAY8) set_colors(scaler_.get(), picture);
  key_ = key;
  result_ = make_picture(height, width, format);
  return result_ != nullptr;
}

const AVFrame* Scaler::scale(const AVFrame& picture, int height, int width, AVPixelFormat format) {
  if (!prepare(picture, height, width, format)) return nullptr;
  const int rows = sws_scale(scaler_.get(), picture.data, picture.linesize, 0, picture.height,
                             result_->data, result_->linesize);
  return rows == height ? result_.get() : nullptr;
}

AVFrame* Converter::rgb(int height, int width) {
  if (rgb_ && rgb_->height == height && rgb_->width == width) return rgb_.get();
  rgb_ = make_picture(height, width, AV_PIX_FMT_RGB24);
  return rgb_.get();
}

const AVFrame* Converter::convert(const AVFrame& picture, int height, int width) {
  if (is_interlaced(picture)) return convert(first_field(picture), height, width);
  if (is_transparent(picture)) return convert_transparent(picture, height, width);
  if (is_gray(picture)) return convert_gray(picture, height, width);
  if (is_hdr(picture)) return convert_hdr(picture, height, width);
  return first_.scale(picture, height, width, AV_PIX_FMT_RGB24);
}

/// libswscale takes all grey for full range.
const AVFrame* Converter::convert_gray(const AVFrame& picture, int height, int width) {
  const AVFrame* gray = first_.scale(picture, height, width, AV_PIX_FMT_GRAY8);
  AVFrame* result = rgb(height, width);
  if (!gray || !result) return nullptr;
  std::array<uint8_t, 256> levels{};
  for (int i = 0; i < 256; ++i) {
    const bool limited = picture.color_range == AVCOL_RANGE_MPEG;
    const int level = limited ? ((i - 16) * 255 + 109) / 219 : i;  // 16 to 235: ITU-R BT.601
    levels[static_cast<size_t>(i)] = static_cast<uint8_t>(std::clamp(level, 0, 255));
  }
  for (int y = 0; y < height; ++y) {
    const uint8_t* from = gray->data[0] + y * gray->linesize[0];
    uint8_t* to = result->data[0] + y * result->linesize[0];
    for (int x = 0; x < width; ++x, to += 3) std::memset(to, levels[from[x]], 3);
  }
  return result;
}

/// Laid over black before it is scaled, because what colours transparent pixels have means nothing.
const AVFrame* Converter::convert_transparent(const AVFrame& picture, int height, int width) {
  const AVFrame* rgba = first_.scale(picture, picture.height, picture.width, AV_PIX_FMT_RGBA);
  AVFrame* whole = rgb(picture.height, picture.width);
  if (!rgba || !whole) return nullptr;
  for (int y = 0; y < whole->height; ++y) {
    const uint8_t* from = rgba->data[0] + y * rgba->linesize[0];
    uint8_t* to = whole->data[0] + y * whole->linesize[0];
    for (int x = 0; x < whole->width; ++x, from += 4, to += 3) {
      saw_transparency_ |= from[3] != 255;
      for (int c = 0; c < 3; ++c) to[c] = static_cast<uint8_t>((from[c] * from[3] + 127) / 255);
    }
  }
  if (height == whole->height && width == whole->width) return whole;
  return second_.scale(*whole, height, width, AV_PIX_FMT_RGB24);
}

const AVFrame* Converter::convert_hdr(const AVFrame& picture, int height, int width) {
  const AVFrame* deep = first_.scale(picture, height, width, AV_PIX_FMT_RGB48);
  AVFrame* result = rgb(height, width);
  if (!deep || !result) return nullptr;
  for (int y = 0; y < height; ++y) {
    map_tones(reinterpret_cast<const uint16_t*>(deep->data[0] + y * deep->linesize[0]),
              result->data[0] + y * result->linesize[0], width,
              /*pq=*/picture.color_trc == AVCOL_TRC_SMPTE2084,
              /*wide_gamut=*/picture.color_primaries != AVCOL_PRI_BT709);
  }
  return result;
}

}  // namespace vidgen::video
