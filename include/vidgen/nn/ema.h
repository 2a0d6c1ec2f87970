#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <memory>

#include "vidgen/core/fields.h"

namespace vidgen::nn {

/// "train.ema"; fields() describes each.
struct EmaOptions {
  double decay = 0.999;
  double half_life = 0;
  double rampup = 0.05;
};

void fields(core::FieldVisitor& visitor, EmaOptions& options);

/// The share of the average that stays when an update follows `seen` clips and adds `batch` more:
/// 0.5^(batch / max(min(half_life, seen * rampup), 1e-8)) (Karras et al., StyleGAN2-ADA, 2020).
/// Plain `decay` when neither half_life nor rampup is set.
double ema_beta(const EmaOptions& options, int64_t seen, int64_t batch);

/// The exponential moving average of a module's weights, held in a second module of the same type.
/// What resume needs is module()'s parameters and buffers, and seen().
class Ema {
 public:
  /// Starts at a copy of the source's weights, in evaluation mode and without gradients.
  Ema(const torch::nn::Module& source, EmaOptions options);

  /// average = beta * average + (1 - beta) * source for every parameter; buffers are copied.
  /// `batch` is the number of clips in the step that led to the source's present weights.
  void update(const torch::nn::Module& source, int64_t batch);

  std::shared_ptr<torch::nn::Module> module() const { return module_; }
  /// The average as the source's own type: `ema.as<models::VideoGenerator>()`. Shares its weights.
  template <class Holder>
  Holder as() const {
    return Holder(std::dynamic_pointer_cast<typename Holder::ContainedType>(module_));
  }

  /// Clips seen so far, on which the ramp-up depends; resume sets it.
  int64_t& seen() { return seen_; }

 private:
  EmaOptions options_;
  std::shared_ptr<torch::nn::Module> module_;
  int64_t seen_ = 0;
};

/// Sets the running means and variances of every batch normalisation in `module` to the averages
/// over what `forward` runs through it: for weights that have not been trained themselves, such as
/// averages of others, whose activations follow other statistics than those of the weights that
/// were averaged. Neither records gradients nor changes anything else of the module. Does nothing
/// for a module without batch normalisation.
void recompute_batch_norm(torch::nn::Module& module, const std::function<void()>& forward);

}  // namespace vidgen::nn
