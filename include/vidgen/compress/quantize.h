#pragma once

#include <torch/types.h>

#include <cstdint>

#include "vidgen/infer/int8.h"

/// From real numbers to eight bits, as pure functions of tensors.
namespace vidgen::compress {

struct Int8Weight {
  /// int8 in [-127, 127], of the weight's shape.
  torch::Tensor values;
  /// float32, of each output channel: the weight is about scale * values.
  torch::Tensor scale;
};

/// Symmetric, per output channel: scale = max|w| / 127, values = round(w / scale), halves to even.
/// A channel of zeros, or of numbers too small for float32 to divide by, has scale 1. Throws
/// vidgen::Error when a weight is infinite or not a number.
Int8Weight quantize_weight(const torch::Tensor& weight, int64_t output_axis);

/// scale * values, float32.
torch::Tensor dequantize_weight(const Int8Weight& weight, int64_t output_axis);

/// The numbers that 0 to 255 stand for. It always holds 0, which padding needs exactly.
struct ActivationRange {
  double min = 0;
  double max = 0;
};

/// The smallest range that holds `range` and all of x. Throws vidgen::Error when a number of x is
/// infinite or not a number.
ActivationRange widened(const ActivationRange& range, const torch::Tensor& x);

/// scale = (max - min) / 255 in float32, zero_point = -round(min / scale); {1, 0} for an empty
/// range.
infer::Uint8Scale uint8_scale(const ActivationRange& range);

/// How often numbers fall into each of kBins equal parts of a range.
class ActivationHistogram {
 public:
  static constexpr int64_t kBins = 2048;

  explicit ActivationHistogram(const ActivationRange& range);
  /// Counts x [M,...], floating point; numbers outside the range are left out.
  void add(const torch::Tensor& x);

  const ActivationRange& range() const { return range_; }
  /// float64 [kBins].
  const torch::Tensor& counts() const { return counts_; }
  double bin_width() const { return (range_.max - range_.min) / kBins; }

 private:
  ActivationRange range_;
  torch::Tensor counts_;
};

/// The range without the (100 - percentile) % of the numbers that are smallest, nor as many of the
/// largest; percentile in (50, 100].
ActivationRange percentile_range(const ActivationHistogram& histogram, double percentile);

/// The range, that of the histogram or the same made smaller, in which eight bits cause the least
/// mean squared error.
ActivationRange mse_range(const ActivationHistogram& histogram);

}  // namespace vidgen::compress
