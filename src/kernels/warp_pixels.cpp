#include "vidgen/kernels/warp_pixels.h"

#include <cmath>

#include "vidgen/core/clones.h"

namespace vidgen::kernels {
namespace {

/// Where a pixel of the frame comes from: four pixels of the picture, by their channels' offset,
/// and how far it is from the first of them. Where one is outside, it is the first pixel with a
/// share of zero.
struct Source {
  int64_t at[4];
  float inside[4];
  float right, down;

  VIDGEN_INLINE float share(int tap) const {
    return (tap % 2 == 1 ? right : 1 - right) * (tap / 2 == 1 ? down : 1 - down) * inside[tap];
  }
};

/// From -1 to 1, the middle of pixel `index` of `count`.
VIDGEN_INLINE float middle(int64_t index, int64_t count) {
  return static_cast<float>(2 * index + 1) / static_cast<float>(count) - 1;
}

/// Far outside is all the same, and what is no number is there.
VIDGEN_INLINE float clamped(float place, int64_t count) {
  const auto beyond = static_cast<float>(count) + 1;
  return place > -2 ? (place < beyond ? place : beyond) : -2;
}

VIDGEN_INLINE Source source_of(const float* map, float x, float y, const WarpSizes& sizes) {
  const auto width = static_cast<float>(sizes.width), height = static_cast<float>(sizes.height);
  const float column =
      clamped(((map[0] * x + map[1] * y + map[2] + 1) * width - 1) / 2, sizes.width);
  const float row =
      clamped(((map[3] * x + map[4] * y + map[5] + 1) * height - 1) / 2, sizes.height);
  const float left = std::floor(column), top = std::floor(row);
  Source source{{}, {}, column - left, row - top};
  for (int tap = 0; tap < 4; ++tap) {
    const int64_t j = static_cast<int64_t>(left) + tap % 2, i = static_cast<int64_t>(top) + tap / 2;
    const bool inside = j >= 0 && j < sizes.width && i >= 0 && i < sizes.height;
    source.inside[tap] = inside ? 1 : 0;
    source.at[tap] = inside ? (i * sizes.width + j) * sizes.channels : 0;
  }
  return source;
}

/// Calls work(pixel, group, x, y) for each pixel's channels of each group that moves: the offset of
/// the first of them, the group among those that move, and where the pixel is.
template <class Work>
VIDGEN_INLINE void for_each_moving(const WarpSizes& sizes, const Work& work) {
  const int64_t moving = sizes.groups - sizes.still, group = sizes.channels / sizes.groups;
  for (int64_t i = 0; i < sizes.height; ++i) {
    const float y = middle(i, sizes.height);
    for (int64_t j = 0; j < sizes.width; ++j) {
      const float x = middle(j, sizes.width);
      int64_t pixel = (i * sizes.width + j) * sizes.channels + sizes.still * group;
      for (int64_t g = 0; g < moving; ++g, pixel += group) work(pixel, g, x, y);
    }
  }
}

/// With kGroup the channels of a group are known to the compiler.
template <int64_t kGroup, class Number>
VIDGEN_INLINE void warp(const float* picture, const float* maps, const WarpSizes& sizes,
                        Number* frame) {
  const int64_t group = kGroup > 0 ? kGroup : sizes.channels / sizes.groups;
  const int64_t still = sizes.still * group;
  for (int64_t pixel = 0; pixel < sizes.height * sizes.width; ++pixel) {
    for (int64_t c = 0; c < still; ++c)
      frame[pixel * sizes.channels + c] = picture[pixel * sizes.channels + c];
  }
  for_each_moving(sizes, [&](int64_t pixel, int64_t g, float x, float y) VIDGEN_INLINE_LAMBDA {
    const Source source = source_of(maps + 6 * g, x, y, sizes);
    const float* from = picture + still + g * group;
    const float *p0 = from + source.at[0], *p1 = from + source.at[1], *p2 = from + source.at[2],
                *p3 = from + source.at[3];
    const float s0 = source.share(0), s1 = source.share(1), s2 = source.share(2),
                s3 = source.share(3);
    for (int64_t c = 0; c < group; ++c)
      frame[pixel + c] = s0 * p0[c] + s1 * p1[c] + s2 * p2[c] + s3 * p3[c];
  });
}

template <int64_t kGroup, class Number>
VIDGEN_INLINE void gradients(const float* picture, const float* maps, const WarpSizes& sizes,
                             const Number* frame_gradient, float* picture_gradient,
                             float* maps_gradient) {
  const int64_t group = kGroup > 0 ? kGroup : sizes.channels / sizes.groups;
  const int64_t still = sizes.still * group, moving = sizes.groups - sizes.still;
  for (int64_t pixel = 0; pixel < sizes.height * sizes.width; ++pixel) {
    for (int64_t c = 0; c < still; ++c)
      picture_gradient[pixel * sizes.channels + c] +=
          static_cast<float>(frame_gradient[pixel * sizes.channels + c]);
  }
  for (int64_t i = 0; i < 6 * moving; ++i) maps_gradient[i] = 0;
  for_each_moving(sizes, [&](int64_t pixel, int64_t g, float x, float y) VIDGEN_INLINE_LAMBDA {
    const Source source = source_of(maps + 6 * g, x, y, sizes);
    const int64_t first = still + g * group;
    const float left = 1 - source.right, up = 1 - source.down;
    // How much the frame's pixel gains by each of the four when it comes from further right or
    // down.
    const float across[4] = {-up * source.inside[0], up * source.inside[1],
                             -source.down * source.inside[2], source.down * source.inside[3]};
    const float along[4] = {-left * source.inside[0], -source.right * source.inside[1],
                            left * source.inside[2], source.right * source.inside[3]};
    // A usual group at once; of another, channel by channel.
    constexpr int64_t kLanes = kGroup > 0 ? kGroup : 1;
    float right = 0, down = 0;
    for (int64_t c = 0; c < group; c += kLanes) {
      const Number* given = frame_gradient + pixel + c;
      float gradient[kLanes];
      for (int64_t lane = 0; lane < kLanes; ++lane)
        gradient[lane] = static_cast<float>(given[lane]);
      for (int tap = 0; tap < 4; ++tap) {
        if (source.inside[tap] == 0) continue;
        const float share = source.share(tap);
        float* to = picture_gradient + source.at[tap] + first + c;
#pragma omp simd
        for (int64_t lane = 0; lane < kLanes; ++lane) to[lane] += share * gradient[lane];
      }
      const float* from = picture + first + c;
      const float *v0 = from + source.at[0], *v1 = from + source.at[1], *v2 = from + source.at[2],
                  *v3 = from + source.at[3];
#pragma omp simd reduction(+ : right, down)
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        right += gradient[lane] * (across[0] * v0[lane] + across[1] * v1[lane] +
                                   across[2] * v2[lane] + across[3] * v3[lane]);
        down += gradient[lane] * (along[0] * v0[lane] + along[1] * v1[lane] + along[2] * v2[lane] +
                                  along[3] * v3[lane]);
      }
    }
    right *= static_cast<float>(sizes.width) / 2;
    down *= static_cast<float>(sizes.height) / 2;
    float* map = maps_gradient + 6 * g;
    map[0] += right * x;
    map[1] += right * y;
    map[2] += right;
    map[3] += down * x;
    map[4] += down * y;
    map[5] += down;
  });
}

/// Calls a function template with the number of a group's channels, where that is a usual one.
#define VIDGEN_BY_GROUP(function, ...)     \
  switch (sizes.channels / sizes.groups) { \
    case 4:                                \
      return function<4>(__VA_ARGS__);     \
    case 8:                                \
      return function<8>(__VA_ARGS__);     \
    case 16:                               \
      return function<16>(__VA_ARGS__);    \
    case 32:                               \
      return function<32>(__VA_ARGS__);    \
    default:                               \
      return function<0>(__VA_ARGS__);     \
  }

}  // namespace

VIDGEN_CLONES void warp_picture(const float* picture, const float* maps, const WarpSizes& sizes,
                                float* frame) {
  VIDGEN_BY_GROUP(warp, picture, maps, sizes, frame);
}

VIDGEN_CLONES void warp_picture(const float* picture, const float* maps, const WarpSizes& sizes,
                                c10::BFloat16* frame) {
  VIDGEN_BY_GROUP(warp, picture, maps, sizes, frame);
}

VIDGEN_CLONES void warp_gradients(const float* picture, const float* maps, const WarpSizes& sizes,
                                  const float* frame_gradient, float* picture_gradient,
                                  float* maps_gradient) {
  VIDGEN_BY_GROUP(gradients, picture, maps, sizes, frame_gradient, picture_gradient, maps_gradient);
}

VIDGEN_CLONES void warp_gradients(const float* picture, const float* maps, const WarpSizes& sizes,
                                  const c10::BFloat16* frame_gradient, float* picture_gradient,
                                  float* maps_gradient) {
  VIDGEN_BY_GROUP(gradients, picture, maps, sizes, frame_gradient, picture_gradient, maps_gradient);
}

}  // namespace vidgen::kernels
