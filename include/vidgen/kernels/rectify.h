#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// The inner loops of activation.h, in plain memory without gaps; pictures are channels last. Each
/// is computed in float32 and rounded once.
namespace vidgen::kernels {

/// rectified(v) = lrelu(factor * v): what is negative is multiplied by `slope`, 0 to 1. `factor` is
/// positive.
struct Rectifier {
  float factor = 1;
  float slope = 0.2F;
};

/// Of a picture or clip: lines of so many pixels.
struct PictureSize {
  int64_t height, width, channels;

  int64_t pixels() const { return height * width; }
};

/// The numbers in another type; those of bfloat16 are rounded to the nearest.
void convert(const float* from, int64_t count, float* to);
void convert(const float* from, int64_t count, c10::BFloat16* to);
void convert(const c10::BFloat16* from, int64_t count, float* to);

/// to = rectified(first + second); `second` may be null, for zeros.
template <class Number>
void rectify(const Number* first, const Number* second, const Rectifier& rectifier, int64_t count,
             Number* to);

/// From the gradient of what was rectified, `result`, that of what it was made of.
template <class Number>
void rectify_gradient(const Number* gradient, const Number* result, const Rectifier& rectifier,
                      int64_t count, Number* to);

/// Adds to `sums` and `squares`, [C], those of x - shift.
template <class Number>
void add_sums(const Number* x, const float* shift, int64_t pixels, int64_t channels, float* sums,
              float* squares);

/// y = rectified(x * scale + offset + skip): scale and offset [C], `skip` a picture of half the
/// size whose pixels are repeated, or null.
template <class Number>
void norm_rectify(const Number* x, const float* scale, const float* offset, const Number* skip,
                  const PictureSize& size, const Rectifier& rectifier, Number* y);

/// Adds to `sums`, [C], the gradients g of what y was rectified from, and to `products` those of
/// g * (x - shift).
template <class Number>
void add_norm_gradients(const Number* gradient, const Number* y, const Number* x,
                        const float* shift, int64_t pixels, int64_t channels,
                        const Rectifier& rectifier, float* sums, float* products);

/// of_x = g * by_g + x * by_x + offset, each [C], where g are the gradients of what y was rectified
/// from; of_skip, if not null, is the sum of g over what was repeated.
template <class Number>
void norm_gradients(const Number* gradient, const Number* y, const Number* x, const float* by_g,
                    const float* by_x, const float* offset, const PictureSize& size,
                    const Rectifier& rectifier, Number* of_x, Number* of_skip);

}  // namespace vidgen::kernels
