#include "vidgen/kernels/windows.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace vidgen::kernels {
namespace {

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
