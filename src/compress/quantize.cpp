#include "vidgen/compress/quantize.h"

#include <ATen/ops/fake_quantize_per_channel_affine.h>
#include <ATen/ops/fake_quantize_per_tensor_affine.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "psnr.h"
#include "vidgen/core/error.h"
#include "vidgen/core/log.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/text.h"
#include "vidgen/train/optimizer.h"
#include "vidgen/train/options.h"
#include "vidgen/train/schedule.h"

namespace vidgen::compress {
namespace {

/// The numbers of one output channel each, for a weight of `dims` dimensions.
torch::Tensor along_axis(const torch::Tensor& numbers, int64_t dims, int64_t axis) {
  std::vector<int64_t> shape(static_cast<size_t>(dims), 1);
  shape[static_cast<size_t>(axis)] = -1;
  return numbers.view(shape);
}

/// Mean squared error, times a constant, of the histogram's numbers in eight bits.
double squared_error(const ActivationHistogram& histogram, const torch::Tensor& centers,
                     const infer::Uint8Scale& scale) {
  const auto zero = static_cast<double>(scale.zero_point);
  const auto q = (centers / scale.scale).round().add(zero).clamp(0, 255);
  const auto error = (q - zero) * scale.scale - centers;
  return (error.square() * histogram.counts()).sum().item<double>();
}

/// The weight and the bias of a layer as what is learned times a unit, which brings those of all
/// layers to about 1, so that one learning rate fits them.
struct LearnedLayer {
  LearnedLayer(const infer::Layer& layer, size_t place) : place(place) {
    const auto size = layer.weight.square().mean().sqrt();
    const auto unit = torch::where(size > 0, size, torch::ones_like(size));
    weight_unit = layer.weight.ne(0) * unit;
    bias_unit = unit;
    weight = (layer.weight / unit).requires_grad_();
    bias = (layer.bias / unit).requires_grad_();
  }

  /// In the plan.
  size_t place;
  /// Learned.
  torch::Tensor weight, bias;
  /// Zeros where the weight has to stay 0, and of no dimensions.
  torch::Tensor weight_unit, bias_unit;
};

std::vector<LearnedLayer> learned_layers(const infer::Plan& plan,
                                         const infer::QuantizedLayers& layers) {
  std::vector<LearnedLayer> learned;
  for (size_t i = 0; i < plan.size(); ++i) {
    if (layers.count(plan[i].name) > 0) learned.emplace_back(plan[i], i);
  }
  return learned;
}

train::Adam make_optimizer(const infer::Plan& plan, const std::vector<LearnedLayer>& learned,
                           double lr) {
  std::vector<std::pair<std::string, torch::Tensor>> parameters;
  for (const auto& layer : learned) {
    parameters.emplace_back(plan[layer.place].name + ".weight", layer.weight);
    parameters.emplace_back(plan[layer.place].name + ".bias", layer.bias);
  }
  train::AdamOptions options;
  options.lr = lr;
  options.beta1 = 0.9;
  // The error is small from the start, and so are its gradients.
  options.eps = 1e-12;
  return train::Adam(std::move(parameters), options);
}

infer::Plan with_learned(infer::Plan plan, const std::vector<LearnedLayer>& learned) {
  for (const auto& layer : learned) {
    plan[layer.place].weight = layer.weight * layer.weight_unit;
    plan[layer.place].bias = layer.bias * layer.bias_unit;
  }
  return plan;
}

}  // namespace

Int8Weight quantize_weight(const torch::Tensor& weight, int64_t output_axis) {
  const auto w = weight.detach().to(torch::kFloat).contiguous();
  const auto largest = w.abs().transpose(0, output_axis).flatten(1).amax(1);
  if (!largest.isfinite().all().item<bool>()) {
    throw Error("weight: holds a value that is infinite or not a number");
  }
  auto scale = largest / 127;
  scale = scale.masked_fill(scale.lt(std::numeric_limits<float>::min()), 1);
  const auto steps = (w / along_axis(scale, w.dim(), output_axis)).round();
  return {steps.clamp(-127, 127).to(torch::kChar), scale};
}

torch::Tensor dequantize_weight(const Int8Weight& weight, int64_t output_axis) {
  return weight.values.to(torch::kFloat) *
         along_axis(weight.scale, weight.values.dim(), output_axis);
}

ActivationRange widened(const ActivationRange& range, const torch::Tensor& x) {
  const auto [low, high] = torch::aminmax(x);
  const double min = low.item<double>(), max = high.item<double>();
  if (!std::isfinite(min) || !std::isfinite(max)) {
    throw Error("activations: hold a value that is infinite or not a number");
  }
  return {std::min(range.min, min), std::max(range.max, max)};
}

infer::Uint8Scale uint8_scale(const ActivationRange& range) {
  // In float32, as the kernels take it and PyTorch's observers compute it.
  const auto min = static_cast<float>(std::min(range.min, 0.0));
  const auto max = static_cast<float>(std::max(range.max, 0.0));
  const float scale = (max - min) / 255;
  if (!(scale >= std::numeric_limits<float>::min())) return {1, 0};
  const auto zero = static_cast<int64_t>(-std::nearbyint(min / scale));
  return {scale, std::clamp<int64_t>(zero, 0, 255)};
}

ActivationHistogram::ActivationHistogram(const ActivationRange& range)
    : range_{std::min(range.min, 0.0), std::max(range.max, 0.0)},
      counts_(torch::zeros({kBins}, torch::kDouble)) {}

void ActivationHistogram::add(const torch::Tensor& x) {
  if (!(range_.max > range_.min)) return;
  // Row by row, because float32 counts to 2^24 only.
  for (const auto& row : x.to(torch::kFloat).unbind(0))
    counts_ += torch::histc(row.flatten(), kBins, range_.min, range_.max);
}

ActivationRange percentile_range(const ActivationHistogram& histogram, double percentile) {
  if (!(percentile > 50 && percentile <= 100)) {
    throw Error(core::cat("percentile: found ", percentile, ", expected above 50, up to 100"));
  }
  const auto total = histogram.counts().sum().item<double>();
  if (total == 0) return histogram.range();
  const double above = total * percentile / 100, below = total - above;
  const auto* counts = histogram.counts().const_data_ptr<double>();
  int64_t first = 0, last = 0;
  double seen = 0;
  for (int64_t bin = 0; bin < ActivationHistogram::kBins; ++bin) {
    if (seen <= below) first = bin;
    if (seen < above) last = bin;
    seen += counts[bin];
  }
  const auto edge = [&histogram](int64_t bin) {
    return histogram.range().min + static_cast<double>(bin) * histogram.bin_width();
  };
  return {std::min(edge(first), 0.0), std::max(edge(last + 1), 0.0)};
}

ActivationRange mse_range(const ActivationHistogram& histogram) {
  const auto centers =
      (torch::arange(ActivationHistogram::kBins, torch::kDouble) + 0.5) * histogram.bin_width() +
      histogram.range().min;
  ActivationRange best = histogram.range();
  double least = std::numeric_limits<double>::infinity();
  for (int percent = 100; percent >= 20; --percent) {
    const ActivationRange range{histogram.range().min * percent / 100,
                                histogram.range().max * percent / 100};
    const double error = squared_error(histogram, centers, uint8_scale(range));
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

torch::Tensor fake_int8_weight(const torch::Tensor& weight, int64_t output_axis) {
  const auto scale = quantize_weight(weight, output_axis).scale;
  const auto zero_point = torch::zeros(scale.sizes(), torch::kInt);
  return at::fake_quantize_per_channel_affine(weight, scale, zero_point, output_axis, -127, 127);
}

torch::Tensor fake_uint8(const torch::Tensor& x, const infer::Uint8Scale& scale) {
  return at::fake_quantize_per_tensor_affine(x.to(torch::kFloat), scale.scale, scale.zero_point, 0,
                                             255);
}

torch::Tensor simulate_int8(const infer::Plan& plan, const infer::QuantizedLayers& layers,
                            const torch::Tensor& z, int64_t frames) {
  auto simulated = plan;
  for (auto& layer : simulated) {
    if (layers.count(layer.name) == 0) continue;
    layer.weight = fake_int8_weight(layer.weight, infer::output_axis(layer.kind))
                       .contiguous(torch::MemoryFormat::ChannelsLast);
  }
  return infer::run_plan_with_gradients(
      simulated, z, frames, [&](size_t index, const torch::Tensor& input) {
        const auto found = layers.find(plan[index].name);
        return found == layers.end() ? input : fake_uint8(input, found->second.input());
      });
}

infer::Plan finetune_int8(const infer::Plan& plan, const infer::QuantizedLayers& layers,
                          const StepLatents& latents, int64_t frames,
                          const QuantizeAwareOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto learned = learned_layers(plan, layers);
  auto optimizer = make_optimizer(plan, learned, options.lr);
  train::OptimOptions schedule;
  schedule.decay = train::Decay::kCosine;
  core::log_info(core::cat("fine-tuning ", learned.size(), " layers in int8 for ", options.steps,
                           " steps of ", options.batch, " clips"));
  core::Progress progress("step", options.steps);
  for (int64_t step = 0; step < options.steps; ++step) {
    const auto z = latents(step);
    const auto expected = infer::run_plan(plan, z, frames);
    torch::Tensor error;
    {
      const torch::AutoGradMode record(true);
      const auto made = simulate_int8(with_learned(plan, learned), layers, z, frames);
      error = (made - expected).square().mean();
      error.backward();
    }
    optimizer.set_lr_factor(train::lr_factor(schedule, step, options.steps));
    optimizer.step();
    optimizer.zero_grad();
    const double psnr = psnr_of(error.item<double>());
    progress.update(step + 1, core::cat("PSNR ", core::format_number(psnr, 1), " dB"));
  }
  return with_learned(plan, learned);
}

}  // namespace vidgen::compress
