#pragma once

#include <ATen/CPUGeneratorImpl.h>

namespace vidgen::test {

inline at::Generator random(uint64_t seed) { return at::detail::createCPUGenerator(seed); }

}  // namespace vidgen::test
