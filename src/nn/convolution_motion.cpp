#include <torch/nn/cloneable.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include "motion_type.h"

namespace vidgen::nn {
namespace {

/// A motion path by convolutions over time without padding, LeakyReLU 0.2 between them, as in
/// StyleGAN-V (Skorokhodov et al., 2022). Frame t depends on the noise t ... t + layers * (kernel -
/// 1) and on nothing else, and by the same function for every t: the path is stationary, so that a
/// long clip drifts nowhere, and any part of it can be computed by itself. Parameters: main.<i>.*.
class ConvolutionMotion : public torch::nn::Cloneable<ConvolutionMotion>,
                          public Motion,
                          public MotionDefaults {
 public:
  static void validate(const TemporalOptions& options, const std::string& path) {
    if (options.kernel % 2 == 0) {
      throw core::FieldError(path + ".kernel",
                             core::cat("found ", options.kernel, ", expected an odd number"));
    }
  }
  static int64_t more_noise(const TemporalOptions& options) {
    return options.layers * (options.kernel - 1);
  }
  static int64_t weights(const TemporalOptions& options) {
    const int64_t dim = options.motion_dim, hidden = options.hidden;
    if (options.layers == 1) return dim * dim * options.kernel;
    return (2 * dim * hidden + (options.layers - 2) * hidden * hidden) * options.kernel;
  }
  /// The first more_noise() frames of the noise, in a row.
  static torch::Tensor first_state(const TemporalOptions& options, const MotionNoise& noise) {
    const int64_t frames = more_noise(options);
    if (frames == 0) return {};
    return noise.noise.narrow(1, 0, frames).flatten(1);
  }

  explicit ConvolutionMotion(const TemporalOptions& options) : options_(options) { reset(); }
  void reset() override {
    namespace layers = torch::nn;
    main_ = layers::Sequential();
    for (int64_t i = 0; i < options_.layers; ++i) {
      const int64_t in = i == 0 ? options_.motion_dim : options_.hidden;
      const int64_t out = i + 1 == options_.layers ? options_.motion_dim : options_.hidden;
      if (i > 0)
        main_->push_back(layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2)));
      main_->push_back(layers::Conv1d(layers::Conv1dOptions(in, out, options_.kernel)));
    }
    register_module("main", main_);
  }

  torch::Tensor next(const MotionNoise& noise, int64_t frames, MotionState& state) override {
    auto& memory = state.memory;
    const auto window = memory.empty() ? noise.noise : torch::cat({memory[0], noise.noise}, 1);
    expect_rows(window, options_.motion_dim, more_noise(options_));
    // A copy: a view would keep all that was given.
    memory = {window.detach().narrow(1, frames, window.size(1) - frames).clone()};
    state.frame += frames;
    return main_->forward(window.transpose(1, 2)).transpose(1, 2);
  }

  MotionOutputs describe(graph::Graph& graph, const MotionInputs& inputs) const override {
    const int64_t more = more_noise(options_), dim = options_.motion_dim;
    auto window = inputs.noise;
    graph::Value state;
    if (!inputs.state.empty()) {
      const auto clips = graph.shape(window)[0];
      window = graph.concatenate({graph.reshape(inputs.state, {clips, more, dim}), window}, 1);
      // The oldest frame of noise leaves.
      state = graph.reshape(graph.split(window, {1, more}).back(), {clips, more * dim});
    }
    auto x = graph.transpose(window, {0, 2, 1});
    for (int64_t i = 0; i < options_.layers; ++i) {
      if (i > 0) x = graph.apply(graph::Function::kLeakyRelu, {x});
      // An activation stands between each two.
      const std::string name = core::cat("main.", 2 * i);
      const auto parameter = [&](const char* part) {
        return graph.weight(core::cat("temporal.", name, part), named_parameters()[name + part]);
      };
      x = graph.convolve(x, parameter(".weight"), parameter(".bias"), {/*axes=*/1});
    }
    return {graph.transpose(x, {0, 2, 1}), state};
  }

 private:
  TemporalOptions options_;
  torch::nn::Sequential main_;
};

}  // namespace

MotionType convolution_motion() { return motion_type_of<ConvolutionMotion>("convolution"); }

}  // namespace vidgen::nn
