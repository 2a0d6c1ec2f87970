#include "vidgen/compress/quantize_aware.h"

#include <ATen/ops/fake_quantize_per_channel_affine.h>
#include <ATen/ops/fake_quantize_per_tensor_affine.h>
#include <torch/utils.h>

#include <string>
#include <utility>
#include <vector>

#include "psnr.h"
#include "vidgen/compress/quantize.h"
#include "vidgen/core/error.h"
#include "vidgen/core/log.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/text.h"
#include "vidgen/train/adam.h"
#include "vidgen/train/options.h"
#include "vidgen/train/schedule.h"

namespace vidgen::compress {
namespace {

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
