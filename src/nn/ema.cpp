#include "vidgen/nn/ema.h"

#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_lerp.h>
#include <torch/nn/modules/batchnorm.h>

#include <algorithm>
#include <cmath>

namespace vidgen::nn {
namespace {

/// Lets each batch normalisation of this kind average over all that it sees, until what is put into
/// `restore` is called.
template <class Layer>
void average(torch::nn::Module& module, std::vector<std::function<void()>>& restore) {
  for (auto& item : module.modules()) {
    auto* layer = item->as<Layer>();
    if (!layer) continue;
    restore.emplace_back(
        [layer, momentum = layer->options.momentum(), training = layer->is_training()] {
          layer->options.momentum(momentum);
          layer->train(training);
        });
    layer->reset_running_stats();
    layer->options.momentum(c10::nullopt);
    layer->train();
  }
}

}  // namespace

void fields(core::FieldVisitor& visitor, EmaOptions& options) {
  visitor.field(
      "decay", options.decay, {0, 1},
      "share of the average that stays at each step; closer to 1 averages over more steps and "
      "lags further behind");
  visitor.field(
      "half_life", options.half_life, {0, 1e12},
      "clips after which an old weight counts half, whatever the batch size; 0 takes it from "
      "decay");
  visitor.field(
      "rampup", options.rampup, {0, 1e6},
      "limits the half-life to this share of the clips seen so far, so that the first, poor "
      "weights are soon forgotten; 0 switches it off");
}

double ema_beta(const EmaOptions& options, int64_t seen, int64_t batch) {
  if (options.half_life == 0 && options.rampup == 0) return options.decay;
  const auto clips = static_cast<double>(batch);
  double half_life =
      options.half_life > 0 ? options.half_life : clips * std::log(0.5) / std::log(options.decay);
  if (options.rampup > 0) {
    half_life = std::min(half_life, static_cast<double>(seen) * options.rampup);
  }
  return std::pow(0.5, clips / std::max(half_life, 1e-8));
}

Ema::Ema(const torch::nn::Module& source, EmaOptions options)
    : options_(options), module_(source.clone()) {
  for (auto& parameter : module_->parameters()) parameter.requires_grad_(false);
  module_->eval();
}

void Ema::update(const torch::nn::Module& source, int64_t batch) {
  const torch::NoGradGuard no_grad;
  const double beta = ema_beta(options_, seen_, batch);
  at::_foreach_lerp_(module_->parameters(), source.parameters(), 1 - beta);
  if (const auto buffers = module_->buffers(); !buffers.empty()) {
    at::_foreach_copy_(buffers, source.buffers());
  }
  seen_ += batch;
}

void recompute_batch_norm(torch::nn::Module& module, const std::function<void()>& forward) {
  const torch::NoGradGuard no_grad;
  std::vector<std::function<void()>> restore;
  average<torch::nn::BatchNorm2dImpl>(module, restore);
  average<torch::nn::BatchNorm3dImpl>(module, restore);
  if (!restore.empty()) forward();
  for (const auto& layer : restore) layer();
}

}  // namespace vidgen::nn
