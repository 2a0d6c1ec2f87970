#pragma once

#include <torch/types.h>

#include <optional>
#include <vector>

#include "vidgen/checkpoint/state.h"
#include "vidgen/core/fields.h"

namespace vidgen::train {

enum class OptimizerType { kAdam, kAdamW };

/// "optim.generator" and "optim.discriminator"; fields() describes each.
struct AdamOptions {
  OptimizerType type = OptimizerType::kAdam;
  double lr = 2e-4;
  double beta1 = 0.5;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
};

void fields(core::FieldVisitor& visitor, AdamOptions& options);

/// Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019) by LibTorch's fused kernels,
/// which update all parameters in one pass, on the CPU and on CUDA.
class Adam {
 public:
  /// `names` go into the checkpoint, one for each parameter.
  Adam(std::vector<std::pair<std::string, torch::Tensor>> parameters, const AdamOptions& options);

  /// The gradients that are there, laid out in memory as their parameters (the kernels require it).
  std::vector<torch::Tensor> gradients();
  /// The steps from now on are taken at `factor` times the learning rate.
  void set_lr_factor(double factor) { lr_.fill_(options_.lr * factor); }
  /// Updates every parameter that has a gradient. When `found_inf` is given and 1, nothing changes,
  /// without the host having to know.
  void step(const std::optional<torch::Tensor>& found_inf = std::nullopt);
  void zero_grad();

  void visit(checkpoint::StateVisitor& visitor, const std::string& prefix);

 private:
  AdamOptions options_;
  std::vector<std::string> names_;
  std::vector<torch::Tensor> parameters_;
  std::vector<torch::Tensor> exp_avgs_;
  std::vector<torch::Tensor> exp_avg_sqs_;
  std::vector<torch::Tensor> steps_;
  /// On the device, where a CUDA graph finds what it is at each replay.
  torch::Tensor lr_;
};

enum class ScalerMode { kAuto, kOn, kOff };

/// "train.scaler"; fields() describes each.
struct GradScalerOptions {
  ScalerMode mode = ScalerMode::kAuto;
  double init_scale = 65536;
  double growth_factor = 2;
  double backoff_factor = 0.5;
  int64_t growth_interval = 2000;
};

void fields(core::FieldVisitor& visitor, GradScalerOptions& options);

/// Dynamic loss scaling around one optimiser, with the semantics of torch.amp.GradScaler
/// (Micikevicius et al., "Mixed precision training", 2018): scale the loss, unscale the gradients
/// once, skip the optimiser's step when any gradient is infinite or NaN, then update(). A disabled
/// scaler passes everything through. All state stays on the device.
class GradScaler {
 public:
  GradScaler(const GradScalerOptions& options, bool enabled, torch::Device device);

  bool enabled() const { return enabled_; }
  /// loss * scale.
  torch::Tensor scale(const torch::Tensor& loss) const;
  /// Divides the gradients by the scale in place and notes whether any is not finite. Once per
  /// step.
  void unscale(const std::vector<torch::Tensor>& gradients);
  /// Float scalar, 1 when the last unscale() found a gradient that is not finite, else 0. Undefined
  /// when disabled.
  torch::Tensor found_inf() const { return found_inf_; }
  /// Grows or shrinks the scale by what unscale() found, and counts the steps that were skipped.
  void update();

  /// Float scalars on the device.
  torch::Tensor current_scale() const { return scale_; }
  torch::Tensor skipped_steps() const { return skipped_; }

  void visit(checkpoint::StateVisitor& visitor, const std::string& prefix);

 private:
  GradScalerOptions options_;
  bool enabled_;
  torch::Tensor scale_;
  torch::Tensor growth_tracker_;
  torch::Tensor found_inf_;
  torch::Tensor skipped_;
};

}  // namespace vidgen::train
