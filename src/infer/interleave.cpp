#include "interleave.h"

#include <cstddef>
#include <cstring>

namespace vidgen::infer {
namespace {

struct Sizes {
  int64_t pictures, height, width, pixel_bytes;
};

/// One line of the doubled picture. With kBytes, the bytes of a pixel are known to the compiler,
/// which then copies them without a call.
template <int64_t kBytes>
void interleave_line(const std::byte* phases, const Sizes& sizes, int64_t line,
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
void interleave(const std::byte* phases, const Sizes& sizes, std::byte* doubled) {
  const int64_t lines = sizes.pictures * 2 * sizes.height;
  // A picture or two are copied before the threads have woken up.
  constexpr int64_t kWorthThreads = 1 << 16;
  [[maybe_unused]] const bool worth = lines * 2 * sizes.width * sizes.pixel_bytes > kWorthThreads;
#pragma omp parallel for if (worth)
  for (int64_t line = 0; line < lines; ++line)
    interleave_line<kBytes>(phases, sizes, line, doubled);
}

}  // namespace

void interleave_phases(const void* phases, int64_t pictures, int64_t height, int64_t width,
                       int64_t pixel_bytes, void* doubled) {
  const auto* from = static_cast<const std::byte*>(phases);
  auto* to = static_cast<std::byte*>(doubled);
  const Sizes sizes{pictures, height, width, pixel_bytes};
  // Colours in float32 and bfloat16, and the usual widths in uint8.
  switch (pixel_bytes) {
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

}  // namespace vidgen::infer
