#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>

namespace vidgen::checkpoint {

/// Whether none of these numbers is infinite or NaN; true for a type other than kHalf, kBFloat16,
/// kFloat and kDouble.
bool all_finite(const void* data, int64_t count, c10::ScalarType type);

}  // namespace vidgen::checkpoint
