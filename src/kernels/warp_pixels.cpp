#include "vidgen/kernels/warp_pixels.h"

#include <algorithm>
#include <cmath>

#include "vidgen/core/clones.h"
#include "vidgen/kernels/number.h"

namespace vidgen::kernels {
namespace {

/// Pixels of a line that are done together.
constexpr int64_t kRun = 64;

/// Where the pixels of a run come from: each from four pixels of the picture, by the offset of
/// their channels, a share of each. One outside is the first pixel with a share of 0.
struct Sources {
  /// Where the pixels are, from -1 to 1.
  float x[kRun];
  int32_t at[4][kRun];
  float share[4][kRun];
  /// How much each share grows as the source moves right, and down, by a pixel.
  float across[4][kRun], along[4][kRun];
};

/// From -1 to 1, the middle of pixel `index` of `count`.
VIDGEN_INLINE float middle(int32_t index, int32_t count) {
  return static_cast<float>(2 * index + 1) / static_cast<float>(count) - 1;
}

/// Far outside is all the same, and what is no number is there.
VIDGEN_INLINE float clamped(float place, float count) {
  return place > -2 ? (place < count + 1 ? place : count + 1) : -2;
}

VIDGEN_INLINE void find_sources(const float* map, const WarpSizes& sizes, int64_t line,
                                int64_t first, int64_t count, Sources& sources) {
  const auto width = static_cast<int32_t>(sizes.width), height = static_cast<int32_t>(sizes.height),
             channels = static_cast<int32_t>(sizes.channels), start = static_cast<int32_t>(first);
  const auto w = static_cast<float>(width), h = static_cast<float>(height);
  const float y = middle(static_cast<int32_t>(line), height);
#pragma omp simd
  for (int32_t k = 0; k < static_cast<int32_t>(count); ++k) {
    const float x = middle(start + k, width);
    const float column = clamped(((map[0] * x + map[1] * y + map[2] + 1) * w - 1) / 2, w);
    const float row = clamped(((map[3] * x + map[4] * y + map[5] + 1) * h - 1) / 2, h);
    const float from_left = std::floor(column), from_top = std::floor(row);
    const float right = column - from_left, down = row - from_top, left = 1 - right, up = 1 - down;
    const auto j = static_cast<int32_t>(from_left), i = static_cast<int32_t>(from_top);
    // All bits where that column or line of the four is in the picture.
    const int32_t l = -static_cast<int32_t>((j >= 0) & (j < width)),
                  r = -static_cast<int32_t>((j >= -1) & (j < width - 1)),
                  t = -static_cast<int32_t>((i >= 0) & (i < height)),
                  b = -static_cast<int32_t>((i >= -1) & (i < height - 1));
    const auto lt = static_cast<float>(l & t & 1), rt = static_cast<float>(r & t & 1),
               lb = static_cast<float>(l & b & 1), rb = static_cast<float>(r & b & 1);
    const int32_t offset = (i * width + j) * channels, below = width * channels;
    sources.x[k] = x;
    sources.at[0][k] = offset & l & t;
    sources.at[1][k] = (offset + channels) & r & t;
    sources.at[2][k] = (offset + below) & l & b;
    sources.at[3][k] = (offset + below + channels) & r & b;
    sources.share[0][k] = left * up * lt;
    sources.share[1][k] = right * up * rt;
    sources.share[2][k] = left * down * lb;
    sources.share[3][k] = right * down * rb;
    sources.across[0][k] = -up * lt;
    sources.across[1][k] = up * rt;
    sources.across[2][k] = -down * lb;
    sources.across[3][k] = down * rb;
    sources.along[0][k] = -left * lt;
    sources.along[1][k] = -right * rt;
    sources.along[2][k] = left * lb;
    sources.along[3][k] = right * rb;
  }
}

/// Calls work(line, first, count) for runs of pixels, line by line.
template <class Work>
VIDGEN_INLINE void for_each_run(const WarpSizes& sizes, const Work& work) {
  for (int64_t line = 0; line < sizes.height; ++line) {
    for (int64_t first = 0; first < sizes.width; first += kRun)
      work(line, first, std::min(kRun, sizes.width - first));
  }
}

/// kLanes channels at once, of which a group has a multiple.
template <int64_t kLanes, class Number>
VIDGEN_INLINE void warp(const float* pictures, const float* maps, const float* fades,
                        const WarpSizes& sizes, Number* frame) {
  const int64_t channels = sizes.channels, group = channels / sizes.groups;
  const int64_t still = sizes.still * group, moving = sizes.moving();
  const int64_t picture = sizes.height * sizes.width * channels;
  for (int64_t pixel = 0; pixel < picture; pixel += channels) {
    for (int64_t c = pixel; c < pixel + still; c += kLanes) {
      float sum[kLanes] = {};
      for (int64_t slot = 0; slot < sizes.slots; ++slot) {
        const float* from = pictures + slot * picture + c;
#pragma omp simd
        for (int64_t lane = 0; lane < kLanes; ++lane) sum[lane] += from[lane];
      }
#pragma omp simd
      for (int64_t lane = 0; lane < kLanes; ++lane) store(sum[lane], frame + c + lane);
    }
  }
  Sources sources = {};
  float sums[kRun * kLanes];
  for_each_run(sizes, [&](int64_t line, int64_t first, int64_t count) VIDGEN_INLINE_LAMBDA {
    for (int64_t c = 0; c < moving * group; c += kLanes) {
      const int64_t g = c / group;
      for (int64_t i = 0; i < count * kLanes; ++i) sums[i] = 0;
      for (int64_t slot = 0; slot < sizes.slots; ++slot) {
        const int64_t part = slot * moving + g;
        find_sources(maps + 6 * part, sizes, line, first, count, sources);
        if (fades) {
          for (auto& shares : sources.share) {
#pragma omp simd
            for (int64_t k = 0; k < kRun; ++k) shares[k] *= fades[part];
          }
        }
        const float* from = pictures + slot * picture + still + c;
        for (int64_t k = 0; k < count; ++k) {
          const float *p0 = from + sources.at[0][k], *p1 = from + sources.at[1][k],
                      *p2 = from + sources.at[2][k], *p3 = from + sources.at[3][k];
          const float s0 = sources.share[0][k], s1 = sources.share[1][k], s2 = sources.share[2][k],
                      s3 = sources.share[3][k];
          float* sum = sums + k * kLanes;
#pragma omp simd
          for (int64_t lane = 0; lane < kLanes; ++lane)
            sum[lane] += s0 * p0[lane] + s1 * p1[lane] + s2 * p2[lane] + s3 * p3[lane];
        }
      }
      Number* to = frame + (line * sizes.width + first) * channels + still + c;
      for (int64_t k = 0; k < count; ++k) {
#pragma omp simd
        for (int64_t lane = 0; lane < kLanes; ++lane)
          store(sums[k * kLanes + lane], to + k * channels + lane);
      }
    }
  });
}

template <int64_t kLanes>
VIDGEN_INLINE float sum_of(const float* lanes) {
  float sum = 0;
  for (int64_t lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  return sum;
}

template <int64_t kLanes, class Number>
VIDGEN_INLINE void gradients(const float* pictures, const float* maps, const float* fades,
                             const WarpSizes& sizes, const Number* frame_gradient,
                             float* picture_gradients, float* map_gradients,
                             float* fade_gradients) {
  const int64_t channels = sizes.channels, group = channels / sizes.groups;
  const int64_t still = sizes.still * group, moving = sizes.moving();
  const int64_t picture = sizes.height * sizes.width * channels;
  const float half_width = static_cast<float>(sizes.width) / 2,
              half_height = static_cast<float>(sizes.height) / 2;
  std::fill_n(map_gradients, 6 * sizes.slots * moving, 0.0F);
  if (fades) std::fill_n(fade_gradients, sizes.slots * moving, 0.0F);
  Sources sources;
  float run_gradient[kRun * kLanes];
  for (int64_t slot = 0; slot < sizes.slots; ++slot) {
    float* of_picture = picture_gradients + slot * picture;
    for (int64_t pixel = 0; pixel < picture; pixel += channels) {
      for (int64_t c = pixel; c < pixel + still; c += kLanes) {
#pragma omp simd
        for (int64_t lane = 0; lane < kLanes; ++lane)
          of_picture[c + lane] += static_cast<float>(frame_gradient[c + lane]);
      }
    }
    for_each_run(sizes, [&](int64_t line, int64_t first, int64_t count) VIDGEN_INLINE_LAMBDA {
      const Number* run = frame_gradient + (line * sizes.width + first) * channels + still;
      for (int64_t c = 0; c < moving * group; c += kLanes) {
        const int64_t part = slot * moving + c / group;
        find_sources(maps + 6 * part, sizes, line, first, count, sources);
        const float fade = fades ? fades[part] : 1;
        const float* from = pictures + slot * picture + still + c;
        float* to = of_picture + still + c;
        // Of what a channel gains as the sources of the run move, as much as its gradient says;
        // those weighted by x turn and stretch it.
        float right[kLanes] = {}, right_by_x[kLanes] = {}, down[kLanes] = {},
              down_by_x[kLanes] = {}, shown[kLanes] = {};
        for (int64_t k = 0; k < count; ++k) {
#pragma omp simd
          for (int64_t lane = 0; lane < kLanes; ++lane)
            run_gradient[k * kLanes + lane] = static_cast<float>(run[k * channels + c + lane]);
        }
        for (int64_t k = 0; k < count; ++k) {
          const float* gradient = run_gradient + k * kLanes;
          const float x = sources.x[k];
          float across[4], along[4], share[4];
          int32_t at[4];
          for (int tap = 0; tap < 4; ++tap) {
            across[tap] = sources.across[tap][k];
            along[tap] = sources.along[tap][k];
            share[tap] = sources.share[tap][k];
            at[tap] = sources.at[tap][k];
          }
          const float *p0 = from + at[0], *p1 = from + at[1], *p2 = from + at[2],
                      *p3 = from + at[3];
#pragma omp simd
          for (int64_t lane = 0; lane < kLanes; ++lane) {
            const float by_right = gradient[lane] * (across[0] * p0[lane] + across[1] * p1[lane] +
                                                     across[2] * p2[lane] + across[3] * p3[lane]);
            const float by_down = gradient[lane] * (along[0] * p0[lane] + along[1] * p1[lane] +
                                                    along[2] * p2[lane] + along[3] * p3[lane]);
            right[lane] += by_right;
            right_by_x[lane] += by_right * x;
            down[lane] += by_down;
            down_by_x[lane] += by_down * x;
            shown[lane] += gradient[lane] * (share[0] * p0[lane] + share[1] * p1[lane] +
                                             share[2] * p2[lane] + share[3] * p3[lane]);
          }
          for (int tap = 0; tap < 4; ++tap) {
            if (share[tap] == 0) continue;
            const float factor = fade * share[tap];
            float* pixel = to + at[tap];
#pragma omp simd
            for (int64_t lane = 0; lane < kLanes; ++lane) pixel[lane] += factor * gradient[lane];
          }
        }
        const float y = middle(static_cast<int32_t>(line), static_cast<int32_t>(sizes.height));
        const float all_right = fade * half_width * sum_of<kLanes>(right),
                    all_down = fade * half_height * sum_of<kLanes>(down);
        float* map = map_gradients + 6 * part;
        map[0] += fade * half_width * sum_of<kLanes>(right_by_x);
        map[1] += all_right * y;
        map[2] += all_right;
        map[3] += fade * half_height * sum_of<kLanes>(down_by_x);
        map[4] += all_down * y;
        map[5] += all_down;
        if (fades) fade_gradients[part] += sum_of<kLanes>(shown);
      }
    });
  }
}

}  // namespace

VIDGEN_CLONES void warp_frame(const float* pictures, const float* maps, const float* fades,
                              const WarpSizes& sizes, float* frame) {
  VIDGEN_BY_LANES((sizes.channels / sizes.groups), warp, pictures, maps, fades, sizes, frame);
}

VIDGEN_CLONES void warp_frame(const float* pictures, const float* maps, const float* fades,
                              const WarpSizes& sizes, c10::BFloat16* frame) {
  VIDGEN_BY_LANES((sizes.channels / sizes.groups), warp, pictures, maps, fades, sizes, frame);
}

VIDGEN_CLONES void warp_gradients(const float* pictures, const float* maps, const float* fades,
                                  const WarpSizes& sizes, const float* frame_gradient,
                                  float* picture_gradients, float* map_gradients,
                                  float* fade_gradients) {
  VIDGEN_BY_LANES((sizes.channels / sizes.groups), gradients, pictures, maps, fades, sizes,
                  frame_gradient, picture_gradients, map_gradients, fade_gradients);
}

VIDGEN_CLONES void warp_gradients(const float* pictures, const float* maps, const float* fades,
                                  const WarpSizes& sizes, const c10::BFloat16* frame_gradient,
                                  float* picture_gradients, float* map_gradients,
                                  float* fade_gradients) {
  VIDGEN_BY_LANES((sizes.channels / sizes.groups), gradients, pictures, maps, fades, sizes,
                  frame_gradient, picture_gradients, map_gradients, fade_gradients);
}

}  // namespace vidgen::kernels
