#include "vidgen/nn/batch_norm.h"

#include <torch/nn/modules/batchnorm.h>

#include <optional>
#include <vector>

namespace vidgen::nn {
namespace {

/// A batch normalisation that averages over all that it sees until the end of the scope.
template <class Layer>
class Averaging {
 public:
  explicit Averaging(Layer& layer)
      : layer_(&layer), momentum_(layer.options.momentum()), training_(layer.is_training()) {
    layer.reset_running_stats();
    layer.options.momentum(c10::nullopt);
    layer.train();
  }
  void restore() const {
    layer_->options.momentum(momentum_);
    layer_->train(training_);
  }

 private:
  Layer* layer_;
  std::optional<double> momentum_;
  bool training_;
};

template <class Layer>
std::vector<Averaging<Layer>> averaging(torch::nn::Module& module) {
  std::vector<Averaging<Layer>> layers;
  for (auto& item : module.modules()) {
    if (auto* layer = item->as<Layer>()) layers.emplace_back(*layer);
  }
  return layers;
}

}  // namespace

void recompute_batch_norm(torch::nn::Module& module, const std::function<void()>& forward) {
  const torch::NoGradGuard no_grad;
  const auto pictures = averaging<torch::nn::BatchNorm2dImpl>(module);
  const auto clips = averaging<torch::nn::BatchNorm3dImpl>(module);
  if (!pictures.empty() || !clips.empty()) forward();
  for (const auto& layer : pictures) layer.restore();
  for (const auto& layer : clips) layer.restore();
}

}  // namespace vidgen::nn
