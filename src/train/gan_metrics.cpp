#include "vidgen/train/gan_step.h"
#include "vidgen/train/penalties.h"

/// What a step says about itself.
namespace vidgen::train {

void GanStep::name_discriminators() {
  std::map<std::string, int> seen;
  for (const auto& discriminator : options_.model.discriminators) {
    const int count = ++seen[discriminator.type];
    discriminator_names_.push_back(discriminator.type + (count > 1 ? std::to_string(count) : ""));
  }
}

GanStep::Scores GanStep::no_scores() const {
  const auto zero = [this] {
    return torch::zeros({}, torch::TensorOptions(device_).dtype(torch::kFloat));
  };
  const auto zeros = [&zero](size_t count) {
    std::vector<torch::Tensor> all;
    while (all.size() < count) all.push_back(zero());
    return all;
  };
  Scores scores;
  scores.generator_loss = zero();
  scores.generator_norm = zero();
  scores.discriminator_norm = zero();
  for (auto* each : {&scores.losses, &scores.real, &scores.fake}) {
    *each = zeros(discriminators_.size());
  }
  scores.penalties = zeros(penalty_names(options_.loss).size());
  if (options_.augment.adapts()) scores.real_sign = zero();
  if (distillation_) scores.taught = zeros(distillation_->names().size());
  return scores;
}

void GanStep::set_metrics(const Scores& scores) {
  std::vector<std::string> names;
  std::vector<torch::Tensor> values;
  const auto batches = static_cast<double>(options_.train.accumulate);
  const auto add = [&](std::string name, const torch::Tensor& value) {
    names.push_back(std::move(name));
    values.push_back(value);
  };
  const bool adversarial = !discriminators_.empty();
  if (adversarial) {
    discriminator_losses_ = torch::stack(scores.losses) / batches;
    add("loss_d", discriminator_losses_.sum());
  }
  add("loss_g", scores.generator_loss);
  if (adversarial) add("grad_norm_d", scores.discriminator_norm);
  add("grad_norm_g", scores.generator_norm);
  for (size_t i = 0; i < discriminators_.size(); ++i) {
    add("d_real_" + discriminator_names_[i], scores.real[i] / batches);
    add("d_fake_" + discriminator_names_[i], scores.fake[i] / batches);
  }
  const auto penalties = penalty_names(options_.loss);
  for (size_t i = 0; i < penalties.size(); ++i) add(penalties[i], scores.penalties[i] / batches);
  if (options_.augment.adapts()) add("augment_p", augmentation_.probability());
  for (size_t i = 0; i < scores.taught.size(); ++i)
    add(distillation_->names()[i], scores.taught[i] / batches);
  if (generator_scaler_->enabled()) {
    const auto both = [&](const std::string& what, const auto& value_of) {
      if (adversarial) add(what + "_d", value_of(*discriminator_scaler_));
      add(what + "_g", value_of(*generator_scaler_));
    };
    both("scale", [](const GradScaler& scaler) { return scaler.current_scale(); });
    both("skipped",
         [](const GradScaler& scaler) { return scaler.skipped_steps().to(torch::kFloat); });
  }
  metric_names_ = std::move(names);
  metrics_ = torch::stack(values);
}

}  // namespace vidgen::train
