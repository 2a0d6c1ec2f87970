#include "vidgen/kernels/phases.h"

#include <cstddef>
#include <cstring>

#include "vidgen/kernels/parallel.h"

namespace vidgen::kernels {
namespace {

/// Pictures of so many pixels before they are doubled, each of so many bytes.
struct Sizes {
  int64_t height, width, pixel;
};

/// One line of the doubled picture. With kBytes, the bytes of a pixel are known to the compiler,
/// which then copies them without a call.
template <int64_t kBytes>
void interleave_line(const std::byte* phases, const Sizes& sizes, int64_t line,
                     std::byte* doubled) {
  const int64_t bytes = kBytes > 0 ? kBytes : sizes.pixel;
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

auto line_function(int64_t pixel) {
  // Colours in bfloat16 and float32, and the usual widths in uint8.
  switch (pixel) {
    case 6:
      return interleave_line<6>;
    case 12:
      return interleave_line<12>;
    case 32:
      return interleave_line<32>;
    case 64:
      return interleave_line<64>;
    case 128:
      return interleave_line<128>;
    default:
      return interleave_line<0>;
  }
}

torch::Tensor interleave_pictures(const torch::Tensor& output) {
  const auto phases = output.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t channels = phases.size(1) / 4;
  const Sizes sizes{phases.size(2) - 1, phases.size(3) - 1,
                    channels * static_cast<int64_t>(phases.element_size())};
  auto doubled = at::empty({phases.size(0), channels, 2 * sizes.height, 2 * sizes.width},
                           phases.options().memory_format(at::MemoryFormat::ChannelsLast));
  const auto* from = static_cast<const std::byte*>(phases.const_data_ptr());
  auto* to = static_cast<std::byte*>(doubled.mutable_data_ptr());
  const int64_t lines = phases.size(0) * 2 * sizes.height;
  const auto interleave = line_function(sizes.pixel);
  // A picture or two are copied before the threads have woken up.
  if (doubled.nbytes() <= 1 << 16) {
    for (int64_t line = 0; line < lines; ++line) interleave(from, sizes, line, to);
  } else {
    parallel_for(lines, [&](int64_t line) { interleave(from, sizes, line, to); });
  }
  return doubled;
}

}  // namespace

torch::Tensor phase_filters(const torch::Tensor& filters) {
  if (filters.dim() == 4) return phase_filters(filters.unsqueeze(2)).squeeze(2);
  const int64_t in = filters.size(0), out = filters.size(1), taps = filters.size(2);
  return filters.flip({2, 3, 4})
      .reshape({in, out, taps, 2, 2, 2, 2})
      .permute({4, 6, 1, 0, 2, 3, 5})
      .reshape({4 * out, in, taps, 2, 2});
}

torch::Tensor interleave_phases(const torch::Tensor& phases) {
  if (phases.dim() == 4) return interleave_pictures(phases);
  const auto frames = phases.transpose(1, 2).flatten(0, 1);
  return interleave_pictures(frames).unflatten(0, {phases.size(0), -1}).transpose(1, 2);
}

}  // namespace vidgen::kernels
