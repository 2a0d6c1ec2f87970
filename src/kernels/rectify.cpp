#include "vidgen/kernels/rectify.h"

#include <algorithm>
#include <cstring>

#include "vidgen/core/clones.h"
#include "vidgen/kernels/number.h"

namespace vidgen::kernels {
namespace {

/// Pixels that are done together, so that their channels stay in the nearest cache.
constexpr int64_t kRun = 64;

VIDGEN_INLINE float rectified(float value, float slope) {
  const float less = value * slope;
  return value > less ? value : less;
}

/// What gradients are multiplied with. A choice between numbers is left a branch by the compiler,
/// one between their bits is not.
struct Passed {
  explicit Passed(const Rectifier& rectifier) {
    const float below = rectifier.factor * rectifier.slope;
    std::memcpy(&above_bits, &rectifier.factor, sizeof above_bits);
    std::memcpy(&below_bits, &below, sizeof below_bits);
  }
  /// Where the result is this.
  VIDGEN_INLINE float at(float result) const {
    int32_t bits;
    std::memcpy(&bits, &result, sizeof bits);
    const int32_t mask = -static_cast<int32_t>(bits > 0);
    const int32_t chosen = (above_bits & mask) | (below_bits & ~mask);
    float factor;
    std::memcpy(&factor, &chosen, sizeof factor);
    return factor;
  }
  int32_t above_bits, below_bits;
};

template <class Number>
VIDGEN_INLINE void rectify_all(const Number* first, const Number* second,
                               const Rectifier& rectifier, int64_t count, Number* to) {
  const float factor = rectifier.factor, slope = rectifier.slope;
  if (second) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
      const float sum = static_cast<float>(first[i]) + static_cast<float>(second[i]);
      store(rectified(factor * sum, slope), to + i);
    }
    return;
  }
#pragma omp simd
  for (int64_t i = 0; i < count; ++i)
    store(rectified(factor * static_cast<float>(first[i]), slope), to + i);
}

template <class Number>
VIDGEN_INLINE void gradients_of_all(const Number* gradient, const Number* result,
                                    const Rectifier& rectifier, int64_t count, Number* to) {
  const Passed passed(rectifier);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i)
    store(static_cast<float>(gradient[i]) * passed.at(static_cast<float>(result[i])), to + i);
}

/// Calls work(pixel, count, channel) for runs of pixels and as many channels as are done at once.
template <int64_t kLanes, class Work>
VIDGEN_INLINE void for_each_run(int64_t pixels, int64_t channels, const Work& work) {
  for (int64_t first = 0; first < pixels; first += kRun) {
    for (int64_t c = 0; c < channels; c += kLanes) work(first, std::min(kRun, pixels - first), c);
  }
}

template <int64_t kLanes, class Number>
VIDGEN_INLINE void sums_of(const Number* x, const float* shift, int64_t pixels, int64_t channels,
                           float* sums, float* squares) {
  for_each_run<kLanes>(pixels, channels,
                       [&](int64_t first, int64_t count, int64_t c) VIDGEN_INLINE_LAMBDA {
                         float sum[kLanes] = {}, square[kLanes] = {};
                         for (int64_t k = 0; k < count; ++k) {
                           const Number* pixel = x + (first + k) * channels + c;
#pragma omp simd
                           for (int64_t lane = 0; lane < kLanes; ++lane) {
                             const float value = static_cast<float>(pixel[lane]) - shift[c + lane];
                             sum[lane] += value;
                             square[lane] += value * value;
                           }
                         }
#pragma omp simd
                         for (int64_t lane = 0; lane < kLanes; ++lane) {
                           sums[c + lane] += sum[lane];
                           squares[c + lane] += square[lane];
                         }
                       });
}

template <int64_t kLanes, class Number>
VIDGEN_INLINE void normed(const Number* x, const float* scale, const float* offset,
                          const Number* skip, const PictureSize& size, const Rectifier& rectifier,
                          Number* y) {
  const int64_t channels = size.channels;
  const float factor = rectifier.factor, slope = rectifier.slope;
  const auto run = [&](const Number* in, const Number* added, int64_t count, int64_t c,
                       Number* out) VIDGEN_INLINE_LAMBDA {
    float times[kLanes], plus[kLanes];
#pragma omp simd
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      times[lane] = factor * scale[c + lane];
      plus[lane] = factor * offset[c + lane];
    }
    for (int64_t k = 0; k < count; ++k) {
      const Number* pixel = in + k * channels;
#pragma omp simd
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        float value = static_cast<float>(pixel[lane]) * times[lane] + plus[lane];
        if (added) value += factor * static_cast<float>(added[k / 2 * channels + lane]);
        store(rectified(value, slope), out + k * channels + lane);
      }
    }
  };
  if (!skip) {
    for_each_run<kLanes>(size.pixels(), channels,
                         [&](int64_t first, int64_t count, int64_t c) VIDGEN_INLINE_LAMBDA {
                           const int64_t at = first * channels + c;
                           run(x + at, nullptr, count, c, y + at);
                         });
    return;
  }
  for (int64_t line = 0; line < size.height; ++line) {
    const int64_t start = line * size.width * channels;
    const Number* skip_line = skip + line / 2 * (size.width / 2) * channels;
    for_each_run<kLanes>(size.width, channels,
                         [&](int64_t first, int64_t count, int64_t c) VIDGEN_INLINE_LAMBDA {
                           const int64_t at = start + first * channels + c;
                           run(x + at, skip_line + first / 2 * channels + c, count, c, y + at);
                         });
  }
}

template <int64_t kLanes, class Number>
VIDGEN_INLINE void gradient_sums(const Number* gradient, const Number* y, const Number* x,
                                 const float* shift, int64_t pixels, int64_t channels,
                                 const Rectifier& rectifier, float* sums, float* products) {
  const Passed passed(rectifier);
  for_each_run<kLanes>(
      pixels, channels, [&](int64_t first, int64_t count, int64_t c) VIDGEN_INLINE_LAMBDA {
        float sum[kLanes] = {}, product[kLanes] = {};
        for (int64_t k = 0; k < count; ++k) {
          const int64_t at = (first + k) * channels + c;
#pragma omp simd
          for (int64_t lane = 0; lane < kLanes; ++lane) {
            const float g = static_cast<float>(gradient[at + lane]) *
                            passed.at(static_cast<float>(y[at + lane]));
            sum[lane] += g;
            product[lane] += g * (static_cast<float>(x[at + lane]) - shift[c + lane]);
          }
        }
#pragma omp simd
        for (int64_t lane = 0; lane < kLanes; ++lane) {
          sums[c + lane] += sum[lane];
          products[c + lane] += product[lane];
        }
      });
}

template <int64_t kLanes, class Number>
VIDGEN_INLINE void gradients_of_norm(const Number* gradient, const Number* y, const Number* x,
                                     const float* by_g, const float* by_x, const float* offset,
                                     const PictureSize& size, const Rectifier& rectifier,
                                     Number* of_x, Number* of_skip) {
  const int64_t channels = size.channels;
  const Passed passed(rectifier);
  // Of `kLanes` channels at an offset; `sum` gains the gradients of what was rectified.
  const auto one = [&](int64_t at, int64_t c, float* sum) VIDGEN_INLINE_LAMBDA {
#pragma omp simd
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const float g =
          static_cast<float>(gradient[at + lane]) * passed.at(static_cast<float>(y[at + lane]));
      if (sum) sum[lane] += g;
      store(
          g * by_g[c + lane] + static_cast<float>(x[at + lane]) * by_x[c + lane] + offset[c + lane],
          of_x + at + lane);
    }
  };
  if (!of_skip) {
    for_each_run<kLanes>(size.pixels(), channels,
                         [&](int64_t first, int64_t count, int64_t c) VIDGEN_INLINE_LAMBDA {
                           for (int64_t k = first; k < first + count; ++k)
                             one(k * channels + c, c, nullptr);
                         });
    return;
  }
  const int64_t line = size.width * channels;
  for (int64_t row = 0; row < size.height / 2; ++row) {
    for_each_run<kLanes>(size.width / 2, channels,
                         [&](int64_t first, int64_t count, int64_t c) VIDGEN_INLINE_LAMBDA {
                           for (int64_t k = first; k < first + count; ++k) {
                             const int64_t at = 2 * row * line + 2 * k * channels + c;
                             float sum[kLanes] = {};
                             one(at, c, sum);
                             one(at + channels, c, sum);
                             one(at + line, c, sum);
                             one(at + line + channels, c, sum);
                             Number* to = of_skip + (row * (size.width / 2) + k) * channels + c;
#pragma omp simd
                             for (int64_t lane = 0; lane < kLanes; ++lane)
                               store(sum[lane], to + lane);
                           }
                         });
  }
}

}  // namespace

void convert(const float* from, int64_t count, float* to) { std::copy_n(from, count, to); }

VIDGEN_CLONES void convert(const float* from, int64_t count, c10::BFloat16* to) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) store(from[i], to + i);
}

VIDGEN_CLONES void convert(const c10::BFloat16* from, int64_t count, float* to) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]);
}

template <class Number>
VIDGEN_CLONES void rectify(const Number* first, const Number* second, const Rectifier& rectifier,
                           int64_t count, Number* to) {
  rectify_all(first, second, rectifier, count, to);
}

template <class Number>
VIDGEN_CLONES void rectify_gradient(const Number* gradient, const Number* result,
                                    const Rectifier& rectifier, int64_t count, Number* to) {
  gradients_of_all(gradient, result, rectifier, count, to);
}

template <class Number>
VIDGEN_CLONES void add_sums(const Number* x, const float* shift, int64_t pixels, int64_t channels,
                            float* sums, float* squares) {
  VIDGEN_BY_LANES(channels, sums_of, x, shift, pixels, channels, sums, squares);
}

template <class Number>
VIDGEN_CLONES void norm_rectify(const Number* x, const float* scale, const float* offset,
                                const Number* skip, const PictureSize& size,
                                const Rectifier& rectifier, Number* y) {
  VIDGEN_BY_LANES(size.channels, normed, x, scale, offset, skip, size, rectifier, y);
}

template <class Number>
VIDGEN_CLONES void add_norm_gradients(const Number* gradient, const Number* y, const Number* x,
                                      const float* shift, int64_t pixels, int64_t channels,
                                      const Rectifier& rectifier, float* sums, float* products) {
  VIDGEN_BY_LANES(channels, gradient_sums, gradient, y, x, shift, pixels, channels, rectifier, sums,
                  products);
}

template <class Number>
VIDGEN_CLONES void norm_gradients(const Number* gradient, const Number* y, const Number* x,
                                  const float* by_g, const float* by_x, const float* offset,
                                  const PictureSize& size, const Rectifier& rectifier, Number* of_x,
                                  Number* of_skip) {
  VIDGEN_BY_LANES(size.channels, gradients_of_norm, gradient, y, x, by_g, by_x, offset, size,
                  rectifier, of_x, of_skip);
}

template void rectify(const float*, const float*, const Rectifier&, int64_t, float*);
template void rectify_gradient(const float*, const float*, const Rectifier&, int64_t, float*);
template void add_sums(const float*, const float*, int64_t, int64_t, float*, float*);
template void norm_rectify(const float*, const float*, const float*, const float*,
                           const PictureSize&, const Rectifier&, float*);
template void add_norm_gradients(const float*, const float*, const float*, const float*, int64_t,
                                 int64_t, const Rectifier&, float*, float*);
template void norm_gradients(const float*, const float*, const float*, const float*, const float*,
                             const float*, const PictureSize&, const Rectifier&, float*, float*);

using c10::BFloat16;
template void rectify(const BFloat16*, const BFloat16*, const Rectifier&, int64_t, BFloat16*);
template void rectify_gradient(const BFloat16*, const BFloat16*, const Rectifier&, int64_t,
                               BFloat16*);
template void add_sums(const BFloat16*, const float*, int64_t, int64_t, float*, float*);
template void norm_rectify(const BFloat16*, const float*, const float*, const BFloat16*,
                           const PictureSize&, const Rectifier&, BFloat16*);
template void add_norm_gradients(const BFloat16*, const BFloat16*, const BFloat16*, const float*,
                                 int64_t, int64_t, const Rectifier&, float*, float*);
template void norm_gradients(const BFloat16*, const BFloat16*, const BFloat16*, const float*,
                             const float*, const float*, const PictureSize&, const Rectifier&,
                             BFloat16*, BFloat16*);

}  // namespace vidgen::kernels
