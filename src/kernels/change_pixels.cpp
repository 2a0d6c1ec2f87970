#include "vidgen/kernels/change_pixels.h"

#include <algorithm>

#include "vidgen/core/clones.h"
#include "vidgen/kernels/number.h"

namespace vidgen::kernels {
namespace {

/// The sum of all numbers, of which those of each line are added up in float32.
template <class Number>
VIDGEN_INLINE double sum_of(const Number* numbers, int64_t lines, int64_t line) {
  double sum = 0;
  for (int64_t i = 0; i < lines; ++i) {
    float of_line = 0;
#pragma omp simd reduction(+ : of_line)
    for (int64_t k = 0; k < line; ++k) of_line += static_cast<float>(numbers[i * line + k]);
    sum += of_line;
  }
  return sum;
}

/// Calls show(line, from, first, end) for each line of the result and the columns of it that show
/// something, `from` being the line that they show, and hide(line, first, end) for the others.
template <class Show, class Hide>
VIDGEN_INLINE void for_each_line(const ClipSize& size, const PixelChange& change, const Show& show,
                                 const Hide& hide) {
  const int64_t first = std::clamp<int64_t>(-change.right, 0, size.width),
                end = std::clamp<int64_t>(size.width - change.right, first, size.width);
  const int64_t cut_from = std::clamp(change.left, first, end),
                cut_to = std::clamp(change.right_end, cut_from, end);
  for (int64_t frame = 0; frame < size.frames; ++frame) {
    for (int64_t y = 0; y < size.height; ++y) {
      const int64_t line = frame * size.height + y, from = y + change.down;
      if (from < 0 || from >= size.height) {
        hide(line, 0, size.width);
        continue;
      }
      const bool cut = y >= change.top && y < change.bottom && cut_from < cut_to;
      hide(line, 0, first);
      show(line, frame * size.height + from, first, cut ? cut_from : end);
      if (cut) {
        hide(line, cut_from, cut_to);
        show(line, frame * size.height + from, cut_to, end);
      }
      hide(line, end, size.width);
    }
  }
}

template <int64_t kChannels, class Number>
VIDGEN_INLINE void changed_clip(const Number* clip, const ClipSize& size, const PixelChange& change,
                                float* changed) {
  const int64_t row = size.width * kChannels;
  float mean = 0;
  if (change.level != 0) {
    mean = static_cast<float>(sum_of(clip, size.frames * size.height, row) /
                              static_cast<double>(size.numbers()));
  }
  const float offset = change.offset + change.level * mean, own = change.own,
              grey = change.grey / static_cast<float>(kChannels);
  for_each_line(
      size, change,
      [&](int64_t line, int64_t from, int64_t first, int64_t end) VIDGEN_INLINE_LAMBDA {
        const Number* in = clip + from * row + (first + change.right) * kChannels;
        float* out = changed + line * row + first * kChannels;
        const int64_t count = end - first;
        for (int64_t k = 0; k < count; ++k) {
          float sum = 0;
          for (int64_t c = 0; c < kChannels; ++c) sum += static_cast<float>(in[k * kChannels + c]);
          const float added = grey * sum + offset;
          for (int64_t c = 0; c < kChannels; ++c)
            out[k * kChannels + c] = own * static_cast<float>(in[k * kChannels + c]) + added;
        }
      },
      [&](int64_t line, int64_t first, int64_t end) VIDGEN_INLINE_LAMBDA {
        std::fill(changed + line * row + first * kChannels, changed + line * row + end * kChannels,
                  0.0F);
      });
}

template <int64_t kChannels, class Number>
VIDGEN_INLINE void gradients(const float* gradient, const ClipSize& size, const PixelChange& change,
                             Number* of_clip) {
  const int64_t row = size.width * kChannels;
  float everywhere = 0;
  if (change.level != 0) {
    double sum = 0;
    for_each_line(
        size, change,
        [&](int64_t line, int64_t, int64_t first, int64_t end) VIDGEN_INLINE_LAMBDA {
          if (first < end)
            sum += sum_of(gradient + line * row + first * kChannels, 1, (end - first) * kChannels);
        },
        [](int64_t, int64_t, int64_t) VIDGEN_INLINE_LAMBDA {});
    everywhere = static_cast<float>(change.level * sum / static_cast<double>(size.numbers()));
  }
  const float own = change.own, grey = change.grey / static_cast<float>(kChannels);
  // What is not shown has the gradient of the mean alone.
  Number nothing{};
  store(everywhere, &nothing);
  std::fill_n(of_clip, size.numbers(), nothing);
  for_each_line(
      size, change,
      [&](int64_t line, int64_t from, int64_t first, int64_t end) VIDGEN_INLINE_LAMBDA {
        const float* in = gradient + line * row + first * kChannels;
        Number* out = of_clip + from * row + (first + change.right) * kChannels;
        const int64_t count = end - first;
        for (int64_t k = 0; k < count; ++k) {
          float sum = 0;
          for (int64_t c = 0; c < kChannels; ++c) sum += in[k * kChannels + c];
          const float added = grey * sum + everywhere;
          for (int64_t c = 0; c < kChannels; ++c)
            store(own * in[k * kChannels + c] + added, out + k * kChannels + c);
        }
      },
      [](int64_t, int64_t, int64_t) VIDGEN_INLINE_LAMBDA {});
}

}  // namespace

template <class Number>
VIDGEN_CLONES void change_pixels(const Number* clip, const ClipSize& size,
                                 const PixelChange& change, float* changed) {
  if (size.channels == 1) return changed_clip<1>(clip, size, change, changed);
  changed_clip<3>(clip, size, change, changed);
}

template <class Number>
VIDGEN_CLONES void change_gradients(const float* gradient, const ClipSize& size,
                                    const PixelChange& change, Number* of_clip) {
  if (size.channels == 1) return gradients<1>(gradient, size, change, of_clip);
  gradients<3>(gradient, size, change, of_clip);
}

template void change_pixels(const float*, const ClipSize&, const PixelChange&, float*);
template void change_pixels(const c10::BFloat16*, const ClipSize&, const PixelChange&, float*);
template void change_gradients(const float*, const ClipSize&, const PixelChange&, float*);
template void change_gradients(const float*, const ClipSize&, const PixelChange&, c10::BFloat16*);

}  // namespace vidgen::kernels
