#include <torch/nn/cloneable.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <cmath>
#include <utility>

#include "motion_type.h"

namespace vidgen::nn {
namespace {

/// D / 2 waves, each a sine and a cosine: of frame t and wave j, sqrt(2) sin(w_j t + p_j) and
/// sqrt(2) cos(w_j t + p_j). The first half of the noise gives the phases, p_j = pi noise_j; the
/// second half the frequencies, through a layer of LeakyReLU 0.2 and sigmoid, 0 < w_j < pi / 2 (a
/// period of four frames). Stationary, as ConvolutionMotion, and frame t needs no other. After the
/// positional codes of StyleGAN-V (Skorokhodov et al., 2022), whose waves also change along a clip.
/// Parameters: frequency.0.*, frequency.2.*.
class SinusoidalMotion : public torch::nn::Cloneable<SinusoidalMotion>,
                         public Motion,
                         public MotionDefaults {
 public:
  static constexpr bool kReadsNoise = false, kReadsInitial = true;
  /// A sine and a cosine a wave.
  static constexpr int64_t kUnit = 2;
  static void validate(const TemporalOptions& options, const std::string& path) {
    if (options.motion_dim % kUnit != 0) {
      throw core::FieldError(path + ".motion_dim",
                             core::cat("found ", options.motion_dim,
                                       ", expected an even number: a sine and a cosine a wave"));
    }
    expect_one_layer(options, path);
  }
  static int64_t weights(const TemporalOptions& options) {
    return 2 * (options.motion_dim / 2) * options.hidden;
  }
  /// The noise of the clip, and the number of the frame.
  static torch::Tensor first_state(const TemporalOptions&, const MotionNoise& noise) {
    return torch::cat({noise.initial, torch::zeros({noise.initial.size(0), 1})}, 1);
  }

  explicit SinusoidalMotion(const TemporalOptions& options)
      : dim_(options.motion_dim), hidden_(options.hidden) {
    reset();
  }
  void reset() override {
    namespace layers = torch::nn;
    frequency_ =
        layers::Sequential(layers::Linear(dim_ / 2, hidden_),
                           layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2)),
                           layers::Linear(hidden_, dim_ / 2));
    register_module("frequency", frequency_);
  }

  torch::Tensor next(const MotionNoise& noise, int64_t frames, MotionState& state) override {
    const auto [frequencies, phases] = waves(noise.initial);
    const auto time = torch::arange(state.frame, state.frame + frames, noise.initial.options());
    const auto angles = frequencies.unsqueeze(1) * time.view({1, frames, 1}) + phases.unsqueeze(1);
    state.frame += frames;
    return M_SQRT2 * torch::cat({angles.sin(), angles.cos()}, 2);
  }

  /// The angle is computed in float64.
  torch::Tensor next_row(const MotionNoise& noise, MotionState& state) override {
    const auto [frequencies, phases] = waves(noise.initial);
    const auto angles =
        frequencies.to(torch::kDouble) * static_cast<double>(state.frame++) + phases;
    return (M_SQRT2 * torch::cat({angles.sin(), angles.cos()}, 1)).to(noise.initial.scalar_type());
  }

  MotionOutputs describe(graph::Graph& graph, const MotionInputs& inputs) const override {
    const auto parameters = named_parameters();
    const bool steps = !inputs.state.empty();
    auto initial = inputs.initial;
    graph::Value time, state;
    if (steps) {
      const auto parts = graph.split(inputs.state, {dim_, 1});
      initial = parts[0];
      time = graph.reshape(parts[1], {graph.shape(initial)[0], 1, 1});
      state = graph.concatenate({initial, graph.add(parts[1], graph.number(1))}, 1);
    } else {
      const auto times = graph.input("times", torch::kFloat, {graph::each_frame()});
      time = graph.reshape(times, {1, graph::each_frame(), 1});
    }
    const int64_t half = dim_ / 2;
    const auto halves = graph.split(initial, {half, half});
    const auto layer = [&](graph::Value x, const std::string& name) {
      return graph.linear(x, "temporal." + name, parameters[name + ".weight"],
                          parameters[name + ".bias"]);
    };
    const auto hidden = graph.apply(graph::Function::kLeakyRelu, {layer(halves[1], "frequency.0")});
    const auto share = graph.apply(graph::Function::kSigmoid, {layer(hidden, "frequency.2")});
    const auto of_frames = [&](graph::Value x) {
      return graph.reshape(x, {graph.shape(x)[0], 1, half});
    };
    const auto frequencies = of_frames(graph.multiply(share, graph.number(M_PI / 2)));
    const auto phases = of_frames(graph.multiply(halves[0], graph.number(M_PI)));
    const auto angles = graph.add(graph.multiply(frequencies, time), phases);
    const auto both = graph.concatenate({graph.apply(graph::Function::kSin, {angles}),
                                         graph.apply(graph::Function::kCos, {angles})},
                                        2);
    return {graph.multiply(both, graph.number(M_SQRT2)), state};
  }

 private:
  /// Frequencies and phases [B,D/2] of the noise of clips [B,D].
  std::pair<torch::Tensor, torch::Tensor> waves(const torch::Tensor& noise) {
    TORCH_CHECK(noise.dim() == 2 && noise.size(1) == dim_, "expected noise [B,", dim_, "], found ",
                noise.sizes());
    const auto halves = noise.chunk(2, 1);
    return {M_PI / 2 * frequency_->forward(halves[1]).sigmoid(), M_PI * halves[0]};
  }

  int64_t dim_, hidden_;
  torch::nn::Sequential frequency_;
};

}  // namespace

MotionType sinusoidal_motion() { return motion_type_of<SinusoidalMotion>("sinusoidal"); }

}  // namespace vidgen::nn
