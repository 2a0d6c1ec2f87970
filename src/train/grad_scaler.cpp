#include "vidgen/train/grad_scaler.h"

namespace vidgen::train {

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
