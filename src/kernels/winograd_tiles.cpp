#include "winograd_tiles.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "vidgen/core/clones.h"

namespace vidgen::kernels::winograd {
namespace {

namespace any_processor {
#include "winograd_tiles_kernels.h"
}
#ifdef __x86_64__
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
namespace with_avx512 {
#include "winograd_tiles_kernels.h"
}
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
namespace with_avx2 {
#include "winograd_tiles_kernels.h"
}
#pragma GCC pop_options

enum class Processor { kAny, kAvx2, kAvx512 };

Processor processor() {
#ifdef __clang__
  // Clang 14, which builds the fuzzers, does not know these names.
  return Processor::kAny;
#else
  static const Processor kind = __builtin_cpu_supports("x86-64-v4")   ? Processor::kAvx512
                                : __builtin_cpu_supports("x86-64-v3") ? Processor::kAvx2
                                                                      : Processor::kAny;
  return kind;
#endif
}

/// Calls a function of winograd_tiles_kernels.h as it is compiled for this processor.
#define VIDGEN_CALL(function, ...)                 \
  switch (processor()) {                           \
    case Processor::kAvx512:                       \
      return with_avx512::function(__VA_ARGS__);   \
    case Processor::kAvx2:                         \
      return with_avx2::function(__VA_ARGS__);     \
    default:                                       \
      return any_processor::function(__VA_ARGS__); \
  }
#else
#define VIDGEN_CALL(function, ...) return any_processor::function(__VA_ARGS__);
#endif

}  // namespace

void read_large(const float* picture, const Plane& plane, const Rows<float>& out) {
  VIDGEN_CALL(read_large, picture, plane, out)
}
void read_large(const c10::BFloat16* picture, const Plane& plane, const Rows<c10::BFloat16>& out) {
  VIDGEN_CALL(read_large, picture, plane, out)
}

void write_large(const Rows<const float>& in, const Plane& plane, float* picture, const float* bias,
                 float slope) {
  VIDGEN_CALL(write_large, in, plane, picture, bias, slope)
}
void write_large(const Rows<const c10::BFloat16>& in, const Plane& plane, c10::BFloat16* picture,
                 const float* bias, float slope) {
  VIDGEN_CALL(write_large, in, plane, picture, bias, slope)
}

void read_small(const float* picture, const Plane& plane, const Rows<float>& out) {
  VIDGEN_CALL(read_small, picture, plane, out)
}
void read_small(const c10::BFloat16* picture, const Plane& plane, const Rows<c10::BFloat16>& out) {
  VIDGEN_CALL(read_small, picture, plane, out)
}

void write_small(const Rows<const float>& in, const Plane& plane, float* picture) {
  VIDGEN_CALL(write_small, in, plane, picture)
}
void write_small(const Rows<const c10::BFloat16>& in, const Plane& plane, c10::BFloat16* picture) {
  VIDGEN_CALL(write_small, in, plane, picture)
}

void read_filter(const float* filter, int64_t channels, const Rows<float>& out) {
  VIDGEN_CALL(read_filter, filter, channels, out)
}
void read_filter(const float* filter, int64_t channels, const Rows<c10::BFloat16>& out) {
  VIDGEN_CALL(read_filter, filter, channels, out)
}

void write_filter(const Rows<const float>& in, int64_t channels, float* filter) {
  VIDGEN_CALL(write_filter, in, channels, filter)
}
void write_filter(const Rows<const c10::BFloat16>& in, int64_t channels, float* filter) {
  VIDGEN_CALL(write_filter, in, channels, filter)
}

}  // namespace vidgen::kernels::winograd
