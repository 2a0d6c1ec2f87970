#include "int8_steps.h"

#include <utility>

#include "vidgen/kernels/phases.h"

namespace vidgen::infer {
namespace {

/// The quantised layer of phases_of() a kUpsample2x.
QuantizedLayer int8_phases(QuantizedLayer doubling) {
  doubling.weight = kernels::phase_filters(doubling.weight);
  doubling.weight_scale = doubling.weight_scale.repeat({4});
  doubling.bias = doubling.bias.repeat({4});
  return doubling;
}

class Int8Step : public Step {
 public:
  explicit Int8Step(Int8Layer layer) : layer_(std::move(layer)) {}

  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t /*frames*/) const override {
    return layer_.forward(inputs.front());
  }

 private:
  Int8Layer layer_;
};

/// A layer in floating point that hands on uint8.
class ToUint8Step : public Step {
 public:
  ToUint8Step(std::unique_ptr<Step> step, const Uint8Scale& scale)
      : step_(std::move(step)), scale_(scale) {}

  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t frames) const override {
    return to_uint8(step_->run(inputs, frames), scale_);
  }

 private:
  std::unique_ptr<Step> step_;
  Uint8Scale scale_;
};

}  // namespace

StepMaker int8_steps(QuantizedLayers layers, const Setting& setting) {
  return [layers = std::move(layers), setting](const Plan& plan, size_t index,
                                               int64_t side) -> std::unique_ptr<Step> {
    const auto& layer = plan[index];
    const auto output = handovers(plan, layers, setting.type)[index];
    const auto found = layers.find(layer.name);
    if (found != layers.end()) {
      const auto& quantized = found->second;
      // Filters of 4x4 are a kUpsample2x's still.
      const bool phases = layer.kind == Layer::Kind::kConvolution && quantized.weight.size(2) == 4;
      return std::make_unique<Int8Step>(
          Int8Layer(layer, phases ? int8_phases(quantized) : quantized, output, side));
    }
    if (output.type != torch::kByte) return nullptr;
    return std::make_unique<ToUint8Step>(make_step(layer, side, setting), output.scale);
  };
}

torch::Tensor run_plan_int8(const Plan& plan, const QuantizedLayers& layers, const torch::Tensor& z,
                            int64_t frames, torch::ScalarType other) {
  const Setting setting{torch::kCPU, other};
  const Executor executor(plan, setting, int8_steps(layers, setting));
  return executor.run(z, frames).to(torch::kFloat);
}

}  // namespace vidgen::infer
