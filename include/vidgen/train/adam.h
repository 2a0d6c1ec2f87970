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

  const std::vector<torch::Tensor>& parameters() const { return parameters_; }
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

}  // namespace vidgen::train
