#include "vidgen/nn/convolution_motion.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/conv.h>

#include "motion_type.h"

namespace vidgen::nn {
namespace {

struct ConvolutionType : MotionDefaults {
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
  static std::shared_ptr<Motion> make(const TemporalOptions& options) {
    return std::make_shared<ConvolutionMotionImpl>(ConvolutionMotionOptions{
        options.motion_dim, options.hidden, options.layers, options.kernel});
  }
};

}  // namespace

MotionType convolution_motion() { return motion_type_of<ConvolutionType>("convolution"); }

ConvolutionMotionImpl::ConvolutionMotionImpl(ConvolutionMotionOptions options) : options(options) {
  reset();
}

void ConvolutionMotionImpl::reset() {
  namespace layers = torch::nn;
  main_ = layers::Sequential();
  for (int64_t i = 0; i < options.layers; ++i) {
    const int64_t in = i == 0 ? options.dim : options.hidden;
    const int64_t out = i + 1 == options.layers ? options.dim : options.hidden;
    if (i > 0) main_->push_back(layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2)));
    main_->push_back(layers::Conv1d(layers::Conv1dOptions(in, out, options.kernel)));
  }
  register_module("main", main_);
}

torch::Tensor ConvolutionMotionImpl::forward(const torch::Tensor& noise) {
  const int64_t more = options.layers * (options.kernel - 1);
  TORCH_CHECK(noise.dim() == 3 && noise.size(1) > more && noise.size(2) == options.dim,
              "expected noise [B,T+", more, ",", options.dim, "], found ", noise.sizes());
  return main_->forward(noise.transpose(1, 2)).transpose(1, 2);
}

torch::Tensor ConvolutionMotionImpl::next(const MotionNoise& noise, int64_t frames,
                                          MotionState& state) {
  auto& memory = state.memory;
  const auto window = memory.empty() ? noise.noise : torch::cat({memory[0], noise.noise}, 1);
  // A copy: a view would keep all that was given.
  memory = {window.detach().narrow(1, frames, window.size(1) - frames).clone()};
  state.frame += frames;
  return forward(window);
}

MotionOutputs ConvolutionMotionImpl::describe(graph::Graph& graph,
                                              const MotionInputs& inputs) const {
  const int64_t more = options.layers * (options.kernel - 1);
  const bool steps = !inputs.state.empty();
  auto window = inputs.noise;
  graph::Value state;
  if (steps) {
    const auto clips = graph.shape(window)[0];
    const auto seen = graph.reshape(inputs.state, {clips, more, options.dim});
    window = graph.concatenate({seen, window}, 1);
    // The oldest frame of noise leaves.
    state = graph.reshape(graph.split(window, {1, more}).back(), {clips, more * options.dim});
  }
  auto x = graph.transpose(window, {0, 2, 1});
  for (int64_t i = 0; i < options.layers; ++i) {
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

}  // namespace vidgen::nn
