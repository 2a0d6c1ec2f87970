#include "vidgen/train/gan_step.h"
#include "vidgen/train/penalties.h"

/// What a step says about itself.
namespace vidgen::train {

void GanStep::name_metrics() {
  const bool adversarial = !discriminators_.empty();
  metric_names_ = adversarial
                      ? std::vector<std::string>{"loss_d", "loss_g", "grad_norm_d", "grad_norm_g"}
                      : std::vector<std::string>{"loss_g", "grad_norm_g"};
  std::map<std::string, int> seen;
  for (const auto& discriminator : options_.model.discriminators) {
    std::string name = discriminator.type == models::DiscriminatorType::kFrame ? "frame" : "clip";
    if (const int count = ++seen[name]; count > 1) name += std::to_string(count);
    metric_names_.push_back("d_real_" + name);
    metric_names_.push_back("d_fake_" + name);
    discriminator_names_.push_back(name);
  }
  for (auto& name : penalty_names(options_.loss)) metric_names_.push_back(name);
  if (options_.augment.adapts()) metric_names_.emplace_back("augment_p");
  if (distillation_) {
    for (const auto& name : distillation_->names()) metric_names_.push_back(name);
  }
  if (!generator_scaler_->enabled()) return;
  for (const std::string what : {"scale_", "skipped_"}) {
    if (adversarial) metric_names_.push_back(what + "d");
    metric_names_.push_back(what + "g");
  }
}

GanStep::Scores GanStep::no_scores() const {
  const auto zero = [this] {
    return torch::zeros({}, torch::TensorOptions(device_).dtype(torch::kFloat));
  };
  Scores scores;
  for (size_t i = 0; i < discriminators_.size(); ++i) {
    scores.losses.push_back(zero());
    scores.real.push_back(zero());
    scores.fake.push_back(zero());
  }
  for (size_t i = 0; i < penalty_names(options_.loss).size(); ++i) {
    scores.penalties.push_back(zero());
  }
  if (options_.augment.adapts()) scores.real_sign = zero();
  for (size_t i = 0; distillation_ && i < distillation_->names().size(); ++i) {
    scores.taught.push_back(zero());
  }
  return scores;
}

torch::Tensor GanStep::metrics_of(const Scores& scores, const std::vector<torch::Tensor>& first) {
  auto values = first;
  const auto batches = static_cast<double>(options_.train.accumulate);
  for (size_t i = 0; i < discriminators_.size(); ++i) {
    values.push_back(scores.real[i] / batches);
    values.push_back(scores.fake[i] / batches);
  }
  for (const auto& penalty : scores.penalties) values.push_back(penalty / batches);
  if (options_.augment.adapts()) values.push_back(augmentation_.probability());
  for (const auto& term : scores.taught) values.push_back(term / batches);
  if (generator_scaler_->enabled()) {
    const auto both = [&](const auto& value_of) {
      if (!discriminators_.empty()) values.push_back(value_of(*discriminator_scaler_));
      values.push_back(value_of(*generator_scaler_));
    };
    both([](const GradScaler& scaler) { return scaler.current_scale(); });
    both([](const GradScaler& scaler) { return scaler.skipped_steps().to(torch::kFloat); });
  }
  return torch::stack(values);
}

}  // namespace vidgen::train
