#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>

#include "vidgen/infer/int8.h"
#include "vidgen/infer/plan.h"

/// Quantisation-aware fine-tuning: weights learn to make in eight bits the pictures that they made
/// in float32, of which no data is needed. What eight bits do is simulated in the forward pass, and
/// the gradient passes straight through it (Jacob et al., "Quantization and Training of Neural
/// Networks for Efficient Integer-Arithmetic-Only Inference", 2018).
namespace vidgen::compress {

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
