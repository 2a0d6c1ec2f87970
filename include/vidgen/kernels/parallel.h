#pragma once

#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <functional>

namespace vidgen::kernels {

/// Calls work(0) ... work(count - 1) on the threads that LibTorch computes with (at::parallel_for()
/// has one thread outside LibTorch). It must not throw.
void parallel_for(int64_t count, const std::function<void(int64_t)>& work);

/// work(Number()) for the type in which pictures are stored: float32 or bfloat16.
template <class Work>
void with_number(c10::ScalarType type, const Work& work) {
  if (type == c10::kFloat) return work(float());
  TORCH_CHECK(type == c10::kBFloat16, "expected float32 or bfloat16, found ", type);
  work(c10::BFloat16());
}

}  // namespace vidgen::kernels
