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
// Clang 14, which builds the fuzzers, does not know these names.
#if defined(__x86_64__) && !defined(__clang__)
#define VIDGEN_BY_PROCESSOR
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
#endif

/// Those of winograd_tiles_kernels.h as they are compiled in the namespace `kind`.
#define VIDGEN_TRANSFORMS(kind)                                                          \
  {                                                                                      \
    kind::read_large<Number>, kind::write_large<Number>, kind::read_small<Number>,       \
        kind::write_small<Number>, kind::read_filter<Number>, kind::write_filter<Number> \
  }

}  // namespace

template <class Number>
Transforms<Number> transforms() {
#ifdef VIDGEN_BY_PROCESSOR
  static const bool avx512 = __builtin_cpu_supports("x86-64-v4");
  static const bool avx2 = __builtin_cpu_supports("x86-64-v3");
  if (avx512) return VIDGEN_TRANSFORMS(with_avx512);
  if (avx2) return VIDGEN_TRANSFORMS(with_avx2);
#endif
  return VIDGEN_TRANSFORMS(any_processor);
}
template Transforms<float> transforms();
template Transforms<c10::BFloat16> transforms();

}  // namespace vidgen::kernels::winograd
