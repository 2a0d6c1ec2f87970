#pragma once

#include <cstdint>
#include <functional>

namespace vidgen::kernels {

/// Calls work(0) ... work(count - 1) on the threads that LibTorch computes with (at::parallel_for()
/// has one thread outside LibTorch). It must not throw.
void parallel_for(int64_t count, const std::function<void(int64_t)>& work);

}  // namespace vidgen::kernels
