#include "vidgen/compress/quantize_checkpoint.h"

#include <algorithm>
#include <cmath>

#include "psnr.h"
#include "vidgen/compress/quantize.h"
#include "vidgen/core/error.h"
#include "vidgen/core/text.h"
#include "vidgen/infer/generator.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/train/step_inputs.h"

namespace vidgen::compress {
namespace {

using core::cat;
using infer::Plan;
using infer::QuantizedLayers;

void check_quantize_options(const QuantizeOptions& options) {
  if (options.clips < 1) throw Error(cat("clips: found ", options.clips, ", expected 1 or more"));
  if (!(options.max_drop >= 0))
    throw Error(cat("max-drop: found ", options.max_drop, ", expected 0 dB or more"));
  if (std::isnan(options.min_psnr)) throw Error("min-psnr: found nan, expected dB");
  const auto& [steps, lr, batch] = options.finetune;
  if (steps < 0) throw Error(cat("finetune-steps: found ", steps, ", expected 0 or more"));
  if (!(lr > 0 && lr <= 1))
    throw Error(cat("finetune-lr: found ", lr, ", expected above 0, up to 1"));
  if (batch < 1) throw Error(cat("finetune-batch: found ", batch, ", expected 1 or more"));
}

/// The latents of each clip's frames, [T,D] a clip.
std::vector<torch::Tensor> clip_latents(models::VideoGenerator network, int64_t clips,
                                        int64_t frames, uint64_t seed) {
  auto latents = models::sample_latents(network->options.temporal, clips, frames, seed);
  latents.condition = models::ConditionSampler(network->options.condition).in_turn(clips);
  return network->frame_latents(latents).split(frames);
}

/// Shows the input of each layer that can be quantised, by its place in the plan.
template <class Show>
void show_inputs(const Plan& plan, const std::vector<torch::Tensor>& clips, const Show& show) {
  const auto observer = [&](size_t index, const torch::Tensor& input, const torch::Tensor&) {
    if (infer::can_be_int8(plan[index].kind)) show(index, input);
  };
  for (const auto& z : clips) infer::run_plan(plan, z, z.size(0), observer);
}

/// The scale of each layer's input.
std::vector<infer::Uint8Scale> calibrate(const Plan& plan, const std::vector<torch::Tensor>& clips,
                                         const QuantizeOptions& options) {
  std::vector<ActivationRange> ranges(plan.size());
  show_inputs(plan, clips, [&](size_t index, const torch::Tensor& input) {
    ranges[index] = widened(ranges[index], input);
  });
  if (options.calibration != Calibration::kMinMax) {
    std::vector<ActivationHistogram> histograms(ranges.begin(), ranges.end());
    show_inputs(plan, clips,
                [&](size_t index, const torch::Tensor& input) { histograms[index].add(input); });
    for (size_t i = 0; i < plan.size(); ++i) {
      ranges[i] = options.calibration == Calibration::kPercentile
                      ? percentile_range(histograms[i], options.percentile)
                      : mse_range(histograms[i]);
    }
  }
  std::vector<infer::Uint8Scale> scales;
  for (const auto& range : ranges) scales.push_back(uint8_scale(range));
  return scales;
}

infer::QuantizedLayer quantize_layer(const infer::Layer& layer, const infer::Uint8Scale& input) {
  const auto weight = quantize_weight(layer.weight, infer::output_axis(layer.kind));
  return {weight.values, weight.scale, layer.bias, input.scale, input.zero_point};
}

QuantizedLayers quantize_layers(const Plan& plan, const std::vector<infer::Uint8Scale>& inputs) {
  QuantizedLayers layers;
  for (size_t i = 0; i < plan.size(); ++i) {
    if (infer::can_be_int8(plan[i].kind)) layers[plan[i].name] = quantize_layer(plan[i], inputs[i]);
  }
  return layers;
}

/// What layers that are not in eight bits are computed in: bfloat16 where the processor has it.
torch::ScalarType floating_type() {
  const bool bfloat16 = infer::can_compute(infer::Precision::kBfloat16, torch::kCPU);
  return bfloat16 ? torch::kBFloat16 : torch::kFloat;
}

/// Compares pictures with those of the plan in float32.
class PsnrMeter {
 public:
  PsnrMeter(const Plan& plan, std::vector<torch::Tensor> clips)
      : plan_(plan), clips_(std::move(clips)) {
    for (const auto& z : clips_) pictures_.push_back(infer::run_plan(plan_, z, z.size(0)));
  }

  /// PSNR, in dB, with `layers` in eight bits and the others in the type `other`.
  double psnr(const QuantizedLayers& layers, torch::ScalarType other) const {
    double error = 0, count = 0;
    for (size_t i = 0; i < clips_.size(); ++i) {
      const auto& z = clips_[i];
      const auto made = infer::run_plan_int8(plan_, layers, z, z.size(0), other);
      error += (made - pictures_[i]).square().sum(torch::kDouble).item<double>();
      count += static_cast<double>(made.numel());
    }
    return psnr_of(error / count);
  }

 private:
  const Plan& plan_;
  const std::vector<torch::Tensor> clips_;
  std::vector<torch::Tensor> pictures_;
};

/// Takes the layers that lose most out of `layers` until the whole is good enough.
void choose_precisions(const PsnrMeter& meter, const QuantizeOptions& options,
                       QuantizedLayers& layers, QuantizeResult& result) {
  const double target = std::max(options.min_psnr, result.bfloat16_psnr - options.max_drop);
  auto& rows = result.rows;
  const auto loses_more = [](const QuantizeRow& a, const QuantizeRow& b) {
    return a.int8 != b.int8 ? a.int8 : a.psnr_alone < b.psnr_alone;
  };
  result.psnr = meter.psnr(layers, floating_type());
  while (result.psnr < target) {
    const auto worst = std::min_element(rows.begin(), rows.end(), loses_more);
    worst->int8 = false;
    layers.erase(worst->name);
    if (layers.empty()) {
      throw Error(cat("no layer can be in eight bits: a PSNR of ", core::format_number(target, 1),
                      " dB was asked for, and ", core::format_number(result.psnr, 1),
                      " dB is reached with ", worst->name, " alone"));
    }
    result.psnr = meter.psnr(layers, floating_type());
  }
}

/// The latents of each step of fine-tuning.
StepLatents finetune_latents(models::VideoGenerator network, int64_t frames,
                             const QuantizeOptions& options) {
  const int64_t clips = options.finetune.batch;
  const auto seed = static_cast<int64_t>(options.seed);
  return [network, frames, clips, seed](int64_t step) mutable {
    auto latents = models::draw_latents(network->options.temporal, clips, frames,
                                        train::random_stream(seed, "finetune", step));
    latents.condition =
        models::ConditionSampler(network->options.condition).in_turn(clips, step * clips);
    return network->frame_latents(latents);
  };
}

/// Fine-tunes `layers`, and keeps what they were where that is nearer to float32.
void finetune_layers(const Plan& plan, const PsnrMeter& meter, const StepLatents& latents,
                     int64_t frames, const QuantizeAwareOptions& options, QuantizedLayers& layers,
                     QuantizeResult& result) {
  QuantizedLayers tuned;
  for (const auto& layer : finetune_int8(plan, layers, latents, frames, options)) {
    const auto found = layers.find(layer.name);
    if (found != layers.end()) tuned[layer.name] = quantize_layer(layer, found->second.input());
  }
  result.finetune = FinetuneGain{result.psnr, meter.psnr(tuned, floating_type())};
  if (!result.finetune->kept()) return;
  layers = std::move(tuned);
  result.psnr = result.finetune->psnr_after;
}

/// The tensors of a quantised file: the layers in eight bits, the other weights of the plan, and
/// what is not in the plan.
checkpoint::Tensors quantized_tensors(const checkpoint::Checkpoint& source, const Plan& plan,
                                      const QuantizedLayers& layers) {
  checkpoint::Checkpoint file;
  infer::write_int8(file, layers);
  auto& tensors = file.file.tensors;
  for (const auto& layer : plan) {
    if (!layer.weight.defined() || layers.count(layer.name) > 0) continue;
    tensors["plan." + layer.name + ".weight"] = layer.weight.to(torch::kBFloat16);
    tensors["plan." + layer.name + ".bias"] = layer.bias;
  }
  for (const auto& item : source.tensors_under(source.generator_prefix())) {
    if (infer::outside_plan(plan, item.first)) tensors["generator." + item.first] = item.second;
  }
  return tensors;
}

core::Json pass_options(const QuantizeOptions& options, const QuantizeResult& result) {
  core::Json json{{"clips", options.clips}, {"min_psnr", options.min_psnr}, {"seed", options.seed}};
  for (const auto& [name, calibration] : calibration_choices()) {
    if (calibration == options.calibration) json["calibration"] = name;
  }
  if (options.calibration == Calibration::kPercentile) json["percentile"] = options.percentile;
  if (std::isfinite(options.max_drop)) json["max_drop"] = options.max_drop;
  if (result.finetune) {
    json["finetune"] = core::Json{
        {"steps", options.finetune.steps},           {"lr", options.finetune.lr},
        {"batch", options.finetune.batch},           {"psnr_before", result.finetune->psnr_before},
        {"psnr_after", result.finetune->psnr_after}, {"kept", result.finetune->kept()}};
  }
  return json;
}

}  // namespace

const core::Choices<Calibration>& calibration_choices() {
  static const core::Choices<Calibration> choices{{"min-max", Calibration::kMinMax},
                                                  {"percentile", Calibration::kPercentile},
                                                  {"mse", Calibration::kMse}};
  return choices;
}

QuantizeResult quantize_checkpoint(const checkpoint::Checkpoint& source,
                                   const QuantizeOptions& options) {
  const torch::NoGradGuard no_grad;
  check_quantize_options(options);
  const int64_t frames = source.clip.frames;
  const auto network = checkpoint::load_generator(source);
  // Blocks that the plan shares with the network are not fine-tuned.
  for (auto& parameter : network->parameters()) parameter.requires_grad_(false);
  const auto plan = infer::make_plan(network);
  const auto latents = [&](uint64_t seed) {
    return clip_latents(network, options.clips, frames, seed);
  };
  const auto inputs = calibrate(plan, latents(options.seed), options);
  auto layers = quantize_layers(plan, inputs);

  QuantizeResult result;
  const PsnrMeter meter(plan, latents(options.seed + 1));
  result.bfloat16_psnr = meter.psnr({}, floating_type());
  for (size_t i = 0; i < plan.size(); ++i) {
    const auto& layer = plan[i];
    if (!infer::can_be_int8(layer.kind)) continue;
    const QuantizedLayers alone{{layer.name, layers.at(layer.name)}};
    result.rows.push_back({layer.name, layer.kind, layer.weight.numel(), inputs[i],
                           meter.psnr(alone, torch::kFloat), /*int8=*/true});
  }
  choose_precisions(meter, options, layers, result);
  if (options.finetune.steps > 0) {
    finetune_layers(plan, meter, finetune_latents(network, frames, options), frames,
                    options.finetune, layers, result);
  }

  result.file = source;
  result.file.kind = checkpoint::Kind::kQuantized;
  result.file.file = checkpoint::SafetensorsFile{{}, quantized_tensors(source, plan, layers)};
  checkpoint::add_pass(result.file, "quantize", pass_options(options, result));
  return result;
}

}  // namespace vidgen::compress
