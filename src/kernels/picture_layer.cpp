#include "vidgen/kernels/picture_layer.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "vidgen/core/clones.h"
#include "vidgen/kernels/number.h"

namespace vidgen::kernels {
namespace {

namespace any_processor {
#include "picture_layer_kernels.h"
}
// Clang 14, which builds the fuzzers, does not know these names.
#if defined(__x86_64__) && !defined(__clang__)
#define VIDGEN_BY_PROCESSOR
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
namespace with_avx512 {
#include "picture_layer_kernels.h"
}
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
namespace with_avx2 {
#include "picture_layer_kernels.h"
}
#pragma GCC pop_options
#endif

/// work(function) of the namespace for this processor.
#ifdef VIDGEN_BY_PROCESSOR
#define VIDGEN_CALL(function, ...)                                \
  static const bool avx512 = __builtin_cpu_supports("x86-64-v4"); \
  static const bool avx2 = __builtin_cpu_supports("x86-64-v3");   \
  if (avx512) return with_avx512::function(__VA_ARGS__);          \
  if (avx2) return with_avx2::function(__VA_ARGS__);              \
  return any_processor::function(__VA_ARGS__)
#else
#define VIDGEN_CALL(function, ...) return any_processor::function(__VA_ARGS__)
#endif

template <int kOut, class Number>
void convolve(const PictureLayer& layer, const Number* x, const float* weight, const float* bias,
              Number* y) {
  VIDGEN_CALL(template convolve<kOut>, layer, x, weight, bias, y);
}

template <int kOut, class Number>
void gradients(const PictureLayer& layer, const Number* x, const float* weight,
               const Number* gradient, Number* of_x, float* of_weight, float* of_bias) {
  VIDGEN_CALL(template gradients<kOut>, layer, x, weight, gradient, of_x, of_weight, of_bias);
}

}  // namespace

template <class Number>
void convolve_to_picture(const PictureLayer& layer, const Number* x, const float* weight,
                         const float* bias, Number* y) {
  if (layer.out == 1) return convolve<1>(layer, x, weight, bias, y);
  convolve<3>(layer, x, weight, bias, y);
}

template <class Number>
void picture_layer_gradients(const PictureLayer& layer, const Number* x, const float* weight,
                             const Number* gradient, Number* of_x, float* of_weight,
                             float* of_bias) {
  if (layer.out == 1) return gradients<1>(layer, x, weight, gradient, of_x, of_weight, of_bias);
  gradients<3>(layer, x, weight, gradient, of_x, of_weight, of_bias);
}

template void convolve_to_picture(const PictureLayer&, const float*, const float*, const float*,
                                  float*);
template void convolve_to_picture(const PictureLayer&, const c10::BFloat16*, const float*,
                                  const float*, c10::BFloat16*);
template void picture_layer_gradients(const PictureLayer&, const float*, const float*, const float*,
                                      float*, float*, float*);
template void picture_layer_gradients(const PictureLayer&, const c10::BFloat16*, const float*,
                                      const c10::BFloat16*, c10::BFloat16*, float*, float*);

}  // namespace vidgen::kernels
