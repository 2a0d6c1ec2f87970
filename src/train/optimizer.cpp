#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>

namespace vidgen::train {

void fields(core::FieldVisitor& v, AdamOptions& o) {
  v.choice("type", o.type, {{"adam", OptimizerType::kAdam}, {"adamw", OptimizerType::kAdamW}},
           "adam adds weight_decay to the gradient, adamw shrinks the weight directly.");
  v.field("lr", o.lr, {0, 10}, "Learning rate.");
  v.field("beta1", o.beta1, {0, 0.999999}, "Decay of the mean of the gradients.");
  v.field("beta2", o.beta2, {0, 0.999999}, "Decay of the mean of the squared gradients.");
  v.field("eps", o.eps, {0, 1}, "Added to the denominator.");
  v.field("weight_decay", o.weight_decay, {0, 10}, "Pull of the weights towards zero.");
}

Adam::Adam(std::vector<std::pair<std::string, torch::Tensor>> parameters,
           const AdamOptions& options)
    : options_(options) {
  for (auto& [name, parameter] : parameters) {
    names_.push_back(name);
    parameters_.push_back(parameter);
    exp_avgs_.push_back(torch::zeros_like(parameter));
    exp_avg_sqs_.push_back(torch::zeros_like(parameter));
    steps_.push_back(torch::zeros({}, parameter.options().requires_grad(false)));
  }
  const auto device = parameters_.empty() ? torch::kCPU : parameters_.front().device();
  // The kernel for CUDA reads a float; the one for the CPU takes all digits.
  lr_ = torch::full(
      {}, options.lr,
      torch::TensorOptions(device).dtype(device.is_cuda() ? torch::kFloat : torch::kDouble));
}

std::vector<torch::Tensor> Adam::gradients() {
  std::vector<torch::Tensor> gradients;
  for (auto& parameter : parameters_) {
    auto& gradient = parameter.mutable_grad();
    if (!gradient.defined()) continue;
    // The fused kernels walk both memories side by side, without looking at the strides.
    if (gradient.strides() != parameter.strides()) {
      gradient =
          torch::empty_like(parameter, torch::TensorOptions().requires_grad(false)).copy_(gradient);
    }
    gradients.push_back(gradient);
  }
  return gradients;
}

void Adam::step(const std::optional<torch::Tensor>& found_inf) {
  torch::NoGradGuard no_grad;
  const auto gradients = this->gradients();
  std::vector<torch::Tensor> parameters, exp_avgs, exp_avg_sqs, steps;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].grad().defined()) continue;
    parameters.push_back(parameters_[i]);
    exp_avgs.push_back(exp_avgs_[i]);
    exp_avg_sqs.push_back(exp_avg_sqs_[i]);
    steps.push_back(steps_[i]);
  }
  if (parameters.empty()) return;
  at::_foreach_add_(steps, 1);
  if (found_inf) {
    at::_foreach_sub_(steps, std::vector<torch::Tensor>(steps.size(), *found_inf));
  }
  const auto kernel = [&](auto update) {
    update(parameters, gradients, exp_avgs, exp_avg_sqs, /*max_exp_avg_sqs=*/at::TensorList(),
           steps, lr_, options_.beta1, options_.beta2, options_.weight_decay, options_.eps,
           /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/std::nullopt, found_inf);
  };
  if (options_.type == OptimizerType::kAdam) {
    kernel(at::_ops::_fused_adam__tensor_lr::call);
  } else {
    kernel(at::_ops::_fused_adamw__tensor_lr::call);
  }
}

void Adam::zero_grad() {
  for (auto& parameter : parameters_) parameter.mutable_grad().reset();
}

void Adam::visit(checkpoint::StateVisitor& visitor, const std::string& prefix) {
  for (size_t i = 0; i < names_.size(); ++i) {
    visitor.tensor(prefix + "." + names_[i] + ".exp_avg", exp_avgs_[i]);
    visitor.tensor(prefix + "." + names_[i] + ".exp_avg_sq", exp_avg_sqs_[i]);
    visitor.tensor(prefix + "." + names_[i] + ".step", steps_[i]);
  }
}

void fields(core::FieldVisitor& v, GradScalerOptions& o) {
  v.choice("mode", o.mode,
           {{"auto", ScalerMode::kAuto}, {"on", ScalerMode::kOn}, {"off", ScalerMode::kOff}},
           "Scale the loss against vanishing gradients; auto does so in float16 only, as bfloat16 "
           "has the range of float32.");
  v.field("init_scale", o.init_scale, {1, 1e30}, "First scale.");
  v.field("growth_factor", o.growth_factor, {1, 1e6},
          "The scale is multiplied by this after growth_interval steps without an overflow.");
  v.field("backoff_factor", o.backoff_factor, {1e-6, 1},
          "The scale is multiplied by this after an overflow.");
  v.field("growth_interval", o.growth_interval, {1, 1000000000},
          "Steps in a row without an overflow before growth.");
}

GradScaler::GradScaler(const GradScalerOptions& options, bool enabled, torch::Device device)
    : options_(options), enabled_(enabled) {
  if (!enabled_) return;
  const auto floats = torch::TensorOptions(device).dtype(torch::kFloat);
  scale_ = torch::full({}, options.init_scale, floats);
  growth_tracker_ = torch::zeros({}, floats.dtype(torch::kInt));
  found_inf_ = torch::zeros({}, floats);
  skipped_ = torch::zeros({}, floats.dtype(torch::kLong));
}

torch::Tensor GradScaler::scale(const torch::Tensor& loss) const {
  return enabled_ ? loss * scale_ : loss;
}

void GradScaler::unscale(const std::vector<torch::Tensor>& gradients) {
  if (!enabled_) return;
  found_inf_.zero_();
  if (gradients.empty()) return;
  const auto inverse = scale_.to(torch::kDouble).reciprocal().to(torch::kFloat);
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, found_inf_, inverse);
}

void GradScaler::update() {
  if (!enabled_) return;
  skipped_ += found_inf_.to(torch::kLong);
  at::_amp_update_scale_(scale_, growth_tracker_, found_inf_, options_.growth_factor,
                         options_.backoff_factor, options_.growth_interval);
}

void GradScaler::visit(checkpoint::StateVisitor& visitor, const std::string& prefix) {
  if (!enabled_) return;
  visitor.tensor(prefix + ".scale", scale_);
  visitor.tensor(prefix + ".growth_tracker", growth_tracker_);
  visitor.tensor(prefix + ".skipped_steps", skipped_);
}

}  // namespace vidgen::train
