#include "vidgen/train/meters.h"

namespace vidgen::train {

Meters::Meters(const GanStep& gan, torch::Device device) {
  const auto count = static_cast<int64_t>(gan.metric_names().size());
  const auto discriminators = static_cast<int64_t>(gan.discriminators().size());
  sums_ = torch::zeros({count}, torch::TensorOptions(device).dtype(torch::kFloat));
  loss_sums_ = torch::zeros({discriminators}, sums_.options());
  first_bad_step_ = torch::full({count}, -1, torch::TensorOptions(device).dtype(torch::kLong));
}

void Meters::add(const GanStep& gan, int64_t step) {
  sums_ += gan.metrics();
  ++count_;
  loss_sums_ += gan.discriminator_losses();
  ++loss_count_;
  const auto bad = gan.metrics().isfinite().logical_not().logical_and(first_bad_step_ < 0);
  first_bad_step_.masked_fill_(bad, step);
}

void Meters::reset() {
  sums_.zero_();
  count_ = 0;
  loss_sums_.zero_();
  loss_count_ = 0;
  start_clock();
}

double Meters::steps_per_second() const {
  const auto passed = std::chrono::steady_clock::now() - started_;
  const double seconds = std::chrono::duration<double>(passed).count();
  return seconds > 0 ? static_cast<double>(loss_count_) / seconds : 0;
}

void Meters::write_means(const GanStep& gan, core::Json& line) const {
  const auto means = (sums_ / static_cast<double>(count_)).to(torch::kCPU);
  for (size_t i = 0; i < gan.metric_names().size(); ++i)
    line[gan.metric_names()[i]] = means.data_ptr<float>()[i];
}

torch::Tensor Meters::discriminator_losses() const {
  return (loss_sums_ / static_cast<double>(loss_count_)).to(torch::kCPU);
}

std::optional<std::pair<size_t, int64_t>> Meters::bad_loss(const GanStep& gan) const {
  const auto bad = first_bad_step_.to(torch::kCPU);
  for (size_t i = 0; i < gan.metric_names().size(); ++i) {
    const int64_t step = bad.data_ptr<int64_t>()[i];
    // An infinite gradient norm is how loss scaling finds its scale: that step was skipped.
    if (step >= 0 && gan.metric_names()[i].compare(0, 4, "loss") == 0) return std::pair{i, step};
  }
  return std::nullopt;
}

void Meters::visit(checkpoint::StateVisitor& visitor) {
  visitor.tensor("meters.sums", sums_);
  visitor.counter("meters.count", count_);
}

}  // namespace vidgen::train
