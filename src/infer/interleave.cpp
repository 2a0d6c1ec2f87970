#include "interleave.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace vidgen::infer {
namespace {

/// A picture or two are copied before the threads have woken up.
bool worth_threads(int64_t bytes) { return bytes > (1 << 16); }

/// One line of the doubled picture. With kBytes, the bytes of a pixel are known to the compiler,
/// which then copies them without a call.
template <int64_t kBytes>
void interleave_line(const std::byte* phases, const PictureSizes& sizes, int64_t line,
                     std::byte* doubled) {
  const int64_t bytes = kBytes > 0 ? kBytes : sizes.pixel_bytes;
  const int64_t lines = 2 * sizes.height;
  const int64_t picture = line / lines, row = line % lines / 2, phase = line % 2;
  const std::byte* from =
      phases +
      ((picture * (sizes.height + 1) + row + phase) * (sizes.width + 1) * 4 + 2 * phase) * bytes;
  std::byte* to = doubled + line * 2 * sizes.width * bytes;
  for (int64_t column = 0; column < sizes.width; ++column) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
    std::memcpy(to + bytes, from + 5 * bytes, static_cast<size_t>(bytes));
    from += 4 * bytes;
    to += 2 * bytes;
  }
}

template <int64_t kBytes>
void interleave(const std::byte* phases, const PictureSizes& sizes, std::byte* doubled) {
  const int64_t lines = sizes.count * 2 * sizes.height;
  [[maybe_unused]] const bool worth = worth_threads(lines * 2 * sizes.width * sizes.pixel_bytes);
#pragma omp parallel for if (worth)
  for (int64_t line = 0; line < lines; ++line)
    interleave_line<kBytes>(phases, sizes, line, doubled);
}

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

void interleave_phases(const void* phases, const PictureSizes& sizes, void* doubled) {
  const auto* from = static_cast<const std::byte*>(phases);
  auto* to = static_cast<std::byte*>(doubled);
  // Colours in float32 and bfloat16, and the usual widths in uint8.
  switch (sizes.pixel_bytes) {
    case 6:
      return interleave<6>(from, sizes, to);
    case 12:
      return interleave<12>(from, sizes, to);
    case 32:
      return interleave<32>(from, sizes, to);
    case 64:
      return interleave<64>(from, sizes, to);
    case 128:
      return interleave<128>(from, sizes, to);
    default:
      return interleave<0>(from, sizes, to);
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

}  // namespace vidgen::infer
