#include "steps.h"

#include <optional>
#include <utility>

#include "onednn.h"
#include "vidgen/kernels/phases.h"
#include "vidgen/nn/convolution.h"
#include "vidgen/nn/layout.h"

namespace vidgen::infer {
namespace {

torch::Tensor placed(const torch::Tensor& tensor, const Setting& setting) {
  return tensor.to(setting.device, setting.type);
}

/// One matrix product: pixel by pixel, a column for each channel.
class FromLatentStep : public Step {
 public:
  FromLatentStep(const Layer& layer, const Setting& setting)
      : weight_(placed(layer.weight.permute({0, 2, 3, 1}).flatten(1).contiguous(), setting)),
        bias_(placed(layer.bias.repeat({16}), setting)),
        channels_(layer.bias.size(0)),
        activation_(layer.activation) {}

  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t /*frames*/) const override {
    const auto z = inputs.front().reshape({-1, weight_.size(0)});
    const auto pixels = activate_(at::addmm(bias_, z, weight_), activation_);
    return pixels.view({z.size(0), 4, 4, channels_}).permute({0, 3, 1, 2});
  }

 private:
  torch::Tensor weight_, bias_;
  int64_t channels_;
  Activation activation_;
};

/// kUpsample2x and kConvolution by whatever LibTorch has on the device.
class PlainStep : public Step {
 public:
  PlainStep(const Layer& layer, const Setting& setting)
      : weight_(placed(layer.weight, setting).contiguous(torch::MemoryFormat::ChannelsLast)),
        bias_(placed(layer.bias, setting)),
        doubles_(layer.kind == Layer::Kind::kUpsample2x),
        activation_(layer.activation) {}

  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t /*frames*/) const override {
    const int64_t stride = doubles_ ? 2 : 1, padding = doubles_ ? 1 : weight_.size(2) / 2;
    return activate_(
        at::convolution(inputs.front(), weight_, bias_, {stride, stride}, {padding, padding},
                        {1, 1}, /*transposed=*/doubles_, {0, 0}, 1),
        activation_);
  }

 private:
  torch::Tensor weight_, bias_;
  bool doubles_;
  Activation activation_;
};

/// On the CPU.
class ConvolutionStep : public Step {
 public:
  ConvolutionStep(const Layer& layer, int64_t side, const Setting& setting)
      : convolution_(placed(layer.weight, setting), placed(layer.bias, setting),
                     {/*transposed=*/false, 1, layer.weight.size(2) / 2, side}, layer.activation) {}

  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t /*frames*/) const override {
    return convolution_(inputs.front());
  }

 private:
  PackedConvolution convolution_;
};

/// kUpsample2x on the CPU: by the Winograd algorithm where that is faster, else by oneDNN.
class DoubleStep : public Step {
 public:
  DoubleStep(const Layer& layer, int64_t side, const Setting& setting)
      : convolution_(placed(layer.weight, setting), placed(layer.bias, setting),
                     {/*transposed=*/true, 2, 1, side}, layer.activation),
        activation_(layer.activation) {
    if (!nn::DoublingConvolution::may_pay(layer.weight, setting.type)) return;
    const double slope = activation_ == Activation::kRelu        ? 0
                         : activation_ == Activation::kLeakyRelu ? 0.2
                                                                 : 1;
    winograd_.emplace(layer.weight.to(torch::kFloat), layer.bias.to(torch::kFloat), slope,
                      setting.type);
  }

  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t /*frames*/) const override {
    const auto& x = inputs.front();
    if (!winograd_ || !winograd_->pays(x.size(0), x.size(2), x.size(3))) return convolution_(x);
    const auto y = (*winograd_)(x);
    return activation_ == Activation::kTanh ? activate_(y, activation_) : y;
  }

 private:
  PackedConvolution convolution_;
  std::optional<nn::DoublingConvolution> winograd_;
  Activation activation_;
};

/// kUpsample2x to few channels on the CPU, which oneDNN is slow at. The even and the odd lines and
/// columns of the result are four pictures; all are one convolution of 2x2 pixels.
class PhasesStep : public Step {
 public:
  PhasesStep(const Layer& layer, int64_t side, const Setting& setting)
      : convolution_(placed(kernels::phase_filters(layer.weight), setting),
                     placed(layer.bias.repeat({4}), setting), {/*transposed=*/false, 1, 1, side},
                     layer.activation) {}

  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t /*frames*/) const override {
    return kernels::interleave_phases(convolution_(inputs.front()));
  }

 private:
  PackedConvolution convolution_;
};

class RepeatStep : public Step {
 public:
  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t /*frames*/) const override {
    const auto& x = inputs.front();
    return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
  }
};

class AddStep : public Step {
 public:
  explicit AddStep(const Layer& layer) : scale_(layer.scale), activation_(layer.activation) {}

  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t /*frames*/) const override {
    const auto& x = inputs.at(0);
    const torch::Tensor sum = x.use_count() == 1 ? x.add_(inputs.at(1)) : x + inputs.at(1);
    return activate_(sum.mul_(scale_), activation_);
  }

 private:
  double scale_;
  Activation activation_;
};

class AttentionStep : public Step {
 public:
  AttentionStep(const Layer& layer, const Setting& setting)
      : attention_(std::dynamic_pointer_cast<nn::SelfAttentionImpl>(layer.attention->clone())) {
    attention_->to(setting.device, setting.type);
    nn::to_channels_last(*attention_);
  }

  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t frames) const override {
    auto attention = attention_;
    return attention->forward(inputs.front(), frames);
  }

 private:
  nn::SelfAttention attention_;
};

class WarpStep : public Step {
 public:
  WarpStep(const Layer& layer, const Setting& setting)
      : warp_(std::dynamic_pointer_cast<nn::WarpImpl>(layer.warp->clone())) {
    warp_->to(setting.device);
  }

  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t /*frames*/) const override {
    auto warp = warp_;
    return warp->forward(inputs.at(0), inputs.at(1));
  }

 private:
  nn::Warp warp_;
};

/// Below this many channels the result of a transposed convolution leaves most of a vector
/// register empty.
constexpr int64_t kFewChannels = 16;

std::unique_ptr<Step> make_doubling(const Layer& layer, int64_t side, const Setting& setting) {
  if (!setting.device.is_cpu()) return std::make_unique<PlainStep>(layer, setting);
  if (layer.bias.size(0) < kFewChannels) return std::make_unique<PhasesStep>(layer, side, setting);
  return std::make_unique<DoubleStep>(layer, side, setting);
}

}  // namespace

Layer phases_of(const Layer& doubling) {
  auto phases = doubling;
  phases.kind = Layer::Kind::kConvolution;
  phases.weight = kernels::phase_filters(doubling.weight);
  phases.bias = doubling.bias.repeat({4});
  phases.activation = Activation::kNone;
  return phases;
}

std::unique_ptr<Step> make_step(const Layer& layer, int64_t side, const Setting& setting) {
  switch (layer.kind) {
    case Layer::Kind::kFromLatent:
      return std::make_unique<FromLatentStep>(layer, setting);
    case Layer::Kind::kUpsample2x:
      return make_doubling(layer, side, setting);
    case Layer::Kind::kConvolution:
      if (setting.device.is_cpu()) return std::make_unique<ConvolutionStep>(layer, side, setting);
      return std::make_unique<PlainStep>(layer, setting);
    case Layer::Kind::kRepeat:
      return std::make_unique<RepeatStep>();
    case Layer::Kind::kAdd:
      return std::make_unique<AddStep>(layer);
    case Layer::Kind::kAttention:
      return std::make_unique<AttentionStep>(layer, setting);
    case Layer::Kind::kWarp:
      return std::make_unique<WarpStep>(layer, setting);
  }
  TORCH_CHECK(false, layer.name, ": unknown kind of layer");
}

}  // namespace vidgen::infer
