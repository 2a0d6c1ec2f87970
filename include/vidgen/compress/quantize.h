#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>

#include "vidgen/infer/int8.h"
#include "vidgen/infer/plan.h"

/// From real numbers to eight bits, as pure functions of tensors.
///
/// Quantisation-aware fine-tuning: weights learn to make in eight bits the pictures that they made
/// in float32, of which no data is needed. What eight bits do is simulated in the forward pass, and
/// the gradient passes straight through it (Jacob et al., "Quantization and Training of Neural
/// Networks for Efficient Integer-Arithmetic-Only Inference", 2018).
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

/// dequantize_weight() of quantize_weight(), to which it is equal up to halves that are rounded the
/// other way. The gradient is that of the weight itself: no weight is outside of its range. Throws
/// as quantize_weight().
torch::Tensor fake_int8_weight(const torch::Tensor& weight, int64_t output_axis);

/// The real numbers that infer::to_uint8(x) stands for, float32. The gradient is that of x where x
/// is inside the range of uint8, and zero outside.
torch::Tensor fake_uint8(const torch::Tensor& x, const infer::Uint8Scale& scale);

/// What infer::run_plan_int8() computes, up to rounding, in floating point and with gradients: the
/// weights of those of the plan's layers that are in `layers` are rounded to eight bits, and so are
/// their inputs, at the scales that `layers` names. Nothing else of `layers` is read.
torch::Tensor simulate_int8(const infer::Plan& plan, const infer::QuantizedLayers& layers,
                            const torch::Tensor& z, int64_t frames);

struct QuantizeAwareOptions {
  /// 0: no fine-tuning.
  int64_t steps = 0;
  /// Of Adam in the first step, in (0, 1]; it falls to 0 by a cosine. About how far a weight moves
  /// in a step, as a share of the root mean square of its layer's weights.
  double lr = 1e-4;
  /// Clips a step.
  int64_t batch = 4;
};

/// Draws the latents [M,D] of a step, of which each `frames` rows are one clip.
using StepLatents = std::function<torch::Tensor(int64_t step)>;

/// The plan with weights and biases of `layers` tuned so that the mean squared error of
/// simulate_int8() to the plan's own pictures becomes small; the input scales stay those of
/// `layers`. Weights that are 0 stay so: those of a pruned network, and those for latents that it
/// does not read. Shows progress on stderr.
infer::Plan finetune_int8(const infer::Plan& plan, const infer::QuantizedLayers& layers,
                          const StepLatents& latents, int64_t frames,
                          const QuantizeAwareOptions& options);

}  // namespace vidgen::compress
