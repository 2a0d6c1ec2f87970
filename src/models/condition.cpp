#include "vidgen/models/condition.h"

namespace vidgen::models {

bool Condition::empty() const { return clips() == 0; }

int64_t Condition::clips() const {
  int64_t clips = 0;
  for_each([&clips](const char*, const torch::Tensor& part) { clips = part.size(0); });
  return clips;
}

Condition Condition::to(torch::Device device, bool non_blocking) const {
  return map([&](const torch::Tensor& part) { return part.to(device, non_blocking); });
}

Condition Condition::narrow(int64_t first, int64_t count) const {
  return map([&](const torch::Tensor& part) { return part.narrow(0, first, count); });
}

Condition Condition::index(const torch::Tensor& rows) const {
  return map([&](const torch::Tensor& part) { return part.index_select(0, rows); });
}

Condition Condition::repeat(int64_t count) const {
  return map([&](const torch::Tensor& part) { return part.repeat_interleave(count, 0); });
}

ConditionSampler::ConditionSampler(const ConditionOptions& options) {
  if (options.classes > 0) list_.labels = torch::arange(options.classes, torch::kLong);
}

Condition ConditionSampler::in_turn(int64_t clips, int64_t first) const {
  if (list_.empty()) return {};
  return list_.index(torch::arange(first, first + clips, torch::kLong).remainder(list_.clips()));
}

Condition ConditionSampler::at_random(int64_t clips, at::Generator generator) const {
  if (list_.empty()) return {};
  return list_.index(torch::randint(0, list_.clips(), {clips}, std::move(generator), torch::kLong));
}

}  // namespace vidgen::models
