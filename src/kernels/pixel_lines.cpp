#include "vidgen/kernels/pixel_lines.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "vidgen/core/clones.h"

namespace vidgen::kernels {
namespace {

/// tanh by the rational function of Eigen's generic_fast_tanh_float(): tanh is 1 in float32 from 9
/// on. Without branches, so that the compiler makes vectors of it.
VIDGEN_INLINE uint8_t tanh_pixel(float x) {
  // In this order what is not a number becomes -9.
  x = x > -9.F ? x : -9.F;
  x = x < 9.F ? x : 9.F;
  const float square = x * x;
  float p = -2.76076847742355e-16F;
  p = p * square + 2.00018790482477e-13F;
  p = p * square - 8.60467152213735e-11F;
  p = p * square + 5.12229709037114e-08F;
  p = p * square + 1.48572235717979e-05F;
  p = p * square + 6.37261928875436e-04F;
  p = p * square + 4.89352455891786e-03F;
  float q = 1.19825839466702e-06F;
  q = q * square + 1.18534705686654e-04F;
  q = q * square + 2.26843463243900e-03F;
  q = q * square + 4.89352518554385e-03F;
  // Half of one more than 127.5, for what follows cuts off.
  return static_cast<uint8_t>(static_cast<int>(127.5F * (x * p / q) + 128.F));
}

}  // namespace

// Seen from outside, as the function that picks among clones has to be.
VIDGEN_CLONES void tanh_pixels_float(const float* __restrict from, int64_t count,
                                     uint8_t* __restrict to) {
  for (int64_t i = 0; i < count; ++i) to[i] = tanh_pixel(from[i]);
}

namespace {

/// The pixel of each bfloat16, whose bits are the upper half of a float's.
const std::vector<uint8_t>& bfloat16_pixels() {
  static const std::vector<uint8_t> pixels = [] {
    constexpr uint32_t kNumbers = 1 << 16;
    std::vector<float> numbers(kNumbers);
    for (uint32_t i = 0; i < kNumbers; ++i) {
      const uint32_t bits = i << 16;
      std::memcpy(&numbers[i], &bits, sizeof(bits));
    }
    std::vector<uint8_t> result(kNumbers);
    tanh_pixels_float(numbers.data(), kNumbers, result.data());
    return result;
  }();
  return pixels;
}

void tanh_pixels(const PictureSums& sums, int64_t first, int64_t count, uint8_t* to) {
  if (!sums.bfloat16)
    return tanh_pixels_float(static_cast<const float*>(sums.data) + first, count, to);
  const auto* const from = static_cast<const uint16_t*>(sums.data) + first;
  const auto* const pixels = bfloat16_pixels().data();
  for (int64_t i = 0; i < count; ++i) to[i] = pixels[from[i]];
}

template <int64_t kChannels>
void put_rgb(const uint8_t* pixel, uint8_t* rgb) {
  if constexpr (kChannels == 3) {
    std::memcpy(rgb, pixel, 3);
  } else {
    std::memset(rgb, *pixel, 3);
  }
}

/// A line of pixels from the one of phases that it lies in, as interleave_phases() does.
template <int64_t kChannels>
void interleave_rgb(const uint8_t* phases, int64_t width, uint8_t* rgb) {
  for (int64_t column = 0; column < width; ++column) {
    put_rgb<kChannels>(phases, rgb);
    put_rgb<kChannels>(phases + 5 * kChannels, rgb + 3);
    phases += 4 * kChannels;
    rgb += 6;
  }
}

/// Line `row` of a picture's sums, as `pixels`, to its places in the picture: two lines of phases
/// are in one.
template <int64_t kChannels>
void place_line(const uint8_t* pixels, const PictureSums& sums, int64_t row, uint8_t* picture) {
  const int64_t line = 3 * sums.side, half = sums.side / 2;
  if (sums.phases) {
    if (row < half) interleave_rgb<kChannels>(pixels, half, picture + 2 * row * line);
    if (row > 0)
      interleave_rgb<kChannels>(pixels + 2 * kChannels, half, picture + (2 * row - 1) * line);
  } else {
    for (int64_t column = 0; column < sums.side; ++column)
      put_rgb<kChannels>(pixels + column * kChannels, picture + row * line + 3 * column);
  }
}

template <int64_t kChannels>
void write_lines(const PictureSums& sums, uint8_t* rgb) {
  const int64_t rows = sums.phases ? sums.side / 2 + 1 : sums.side;
  const int64_t numbers = (sums.phases ? 4 * rows : rows) * kChannels;
  const int64_t lines = sums.pictures * rows;
  // A picture or two are done before the threads have woken up.
  constexpr int64_t kWorthThreads = 1 << 15;
  [[maybe_unused]] const bool worth = lines * numbers > kWorthThreads;
  const bool in_place = kChannels == 3 && !sums.phases;
#pragma omp parallel if (worth)
  {
    std::vector<uint8_t> pixels(static_cast<size_t>(in_place ? 0 : numbers));
#pragma omp for
    for (int64_t line = 0; line < lines; ++line) {
      if (in_place) {
        tanh_pixels(sums, line * numbers, numbers, rgb + line * numbers);
      } else {
        tanh_pixels(sums, line * numbers, numbers, pixels.data());
        uint8_t* picture = rgb + line / rows * sums.side * sums.side * 3;
        place_line<kChannels>(pixels.data(), sums, line % rows, picture);
      }
    }
  }
}

/// A picture or two are copied before the threads have woken up.
bool worth_threads(int64_t bytes) { return bytes > (1 << 16); }

/// Two pixels of a line from `column` on, -1 to width - 1.
void copy_pair(const std::byte* line, const PictureSizes& sizes, int64_t column, uint8_t outside,
               std::byte* to) {
  const int64_t first = std::max<int64_t>(column, 0);
  const int64_t pixels = std::min(column + 2, sizes.width) - first, bytes = sizes.pixel_bytes;
  if (pixels < 2) std::memset(to, outside, static_cast<size_t>(2 * bytes));
  std::memcpy(to + (first - column) * bytes, line + first * bytes,
              static_cast<size_t>(pixels * bytes));
}

}  // namespace

void write_rgb(const PictureSums& sums, uint8_t* rgb) {
  if (sums.channels == 3) {
    write_lines<3>(sums, rgb);
  } else {
    write_lines<1>(sums, rgb);
  }
}

void gather_windows(const void* pictures, const PictureSizes& sizes, int64_t a, int64_t b,
                    uint8_t outside, void* windows) {
  const auto* const from = static_cast<const std::byte*>(pictures);
  auto* const to = static_cast<std::byte*>(windows);
  const int64_t lines = sizes.count * sizes.height, pair = 2 * sizes.pixel_bytes;
  [[maybe_unused]] const bool worth = worth_threads(lines * sizes.width * 2 * pair);
#pragma omp parallel for if (worth)
  for (int64_t line = 0; line < lines; ++line) {
    for (int64_t i = 0; i < 2; ++i) {
      const int64_t row = line % sizes.height - 1 + a + i;
      const bool inside = row >= 0 && row < sizes.height;
      const std::byte* source =
          inside ? from + (line - 1 + a + i) * sizes.width * sizes.pixel_bytes : nullptr;
      for (int64_t column = 0; column < sizes.width; ++column) {
        std::byte* window = to + ((line * sizes.width + column) * 2 + i) * pair;
        if (inside) {
          copy_pair(source, sizes, column - 1 + b, outside, window);
        } else {
          std::memset(window, outside, static_cast<size_t>(pair));
        }
      }
    }
  }
}

void place_phase(const void* phase, const PictureSizes& sizes, int64_t a, int64_t b,
                 void* doubled) {
  const auto* const from = static_cast<const std::byte*>(phase);
  auto* const to = static_cast<std::byte*>(doubled);
  const int64_t lines = sizes.count * sizes.height, bytes = sizes.pixel_bytes;
  [[maybe_unused]] const bool worth = worth_threads(lines * sizes.width * bytes);
#pragma omp parallel for if (worth)
  for (int64_t line = 0; line < lines; ++line) {
    const std::byte* pixel = from + line * sizes.width * bytes;
    std::byte* place = to + ((2 * line + a) * 2 * sizes.width + b) * bytes;
    for (int64_t column = 0; column < sizes.width; ++column) {
      std::memcpy(place, pixel, static_cast<size_t>(bytes));
      pixel += bytes;
      place += 2 * bytes;
    }
  }
}

}  // namespace vidgen::kernels
