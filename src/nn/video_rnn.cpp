#include "vidgen/nn/video_rnn.h"

#include <optional>
#include <tuple>

#include "motion_type.h"

namespace vidgen::nn {
namespace {

template <RnnCell kCell>
struct RnnMotion : MotionDefaults {
  static constexpr bool kLstm = kCell == RnnCell::kLstm;
  static int64_t weights(const TemporalOptions& options) {
    const int64_t gates = kLstm ? 4 : 3, dim = options.motion_dim, hidden = options.hidden;
    return gates * hidden * (dim + hidden + (options.layers - 1) * 2 * hidden) + hidden * dim;
  }
  /// Zeros: of each layer the state, for an LSTM also the cells.
  static torch::Tensor first_state(const TemporalOptions& options, const MotionNoise& noise) {
    return torch::zeros({noise.noise.size(0), (kLstm ? 2 : 1) * options.layers * options.hidden});
  }
  static std::shared_ptr<Motion> make(const TemporalOptions& options) {
    return std::make_shared<VideoRnnImpl>(
        VideoRnnOptions{kCell, options.motion_dim, options.hidden, options.layers});
  }
};

}  // namespace

MotionType lstm_motion() { return motion_type_of<RnnMotion<RnnCell::kLstm>>("lstm"); }
MotionType gru_motion() { return motion_type_of<RnnMotion<RnnCell::kGru>>("gru"); }

VideoRnnImpl::VideoRnnImpl(VideoRnnOptions options) : options(options) { reset(); }

void VideoRnnImpl::reset() {
  const auto configured = [this](auto rnn_options) {
    return rnn_options.num_layers(options.layers).batch_first(true);
  };
  if (options.cell == RnnCell::kLstm) {
    lstm_ = register_module(
        "rnn", torch::nn::LSTM(configured(torch::nn::LSTMOptions(options.dim, options.hidden))));
  } else {
    gru_ = register_module(
        "rnn", torch::nn::GRU(configured(torch::nn::GRUOptions(options.dim, options.hidden))));
  }
  fc_ = register_module("fc", torch::nn::Linear(options.hidden, options.dim));
}

torch::Tensor VideoRnnImpl::states(const torch::Tensor& x, std::vector<torch::Tensor>& memory) {
  TORCH_CHECK(x.dim() == 3 && x.size(2) == options.dim, "expected latents [B,T,", options.dim,
              "], found ", x.sizes());
  torch::Tensor output;
  if (lstm_) {
    std::optional<std::tuple<torch::Tensor, torch::Tensor>> before;
    if (!memory.empty()) before = std::make_tuple(memory[0], memory[1]);
    std::tuple<torch::Tensor, torch::Tensor> after;
    std::tie(output, after) = lstm_->forward(x, before);
    memory = {std::get<0>(after), std::get<1>(after)};
  } else {
    torch::Tensor after;
    std::tie(output, after) = gru_->forward(x, memory.empty() ? torch::Tensor() : memory[0]);
    memory = {after};
  }
  return output;
}

torch::Tensor VideoRnnImpl::forward(const torch::Tensor& x) {
  std::vector<torch::Tensor> memory;
  return fc_(states(x, memory));
}

torch::Tensor VideoRnnImpl::predict_next(const torch::Tensor& x) {
  std::vector<torch::Tensor> memory;
  return fc_(states(x, memory).select(1, -1));
}

torch::Tensor VideoRnnImpl::next(const MotionNoise& noise, int64_t frames, MotionState& state) {
  state.frame += frames;
  return fc_(states(noise.noise, state.memory));
}

MotionOutputs VideoRnnImpl::describe(graph::Graph& graph, const MotionInputs& inputs) const {
  const auto parameters = named_parameters();
  const bool lstm = options.cell == RnnCell::kLstm;
  const bool steps = !inputs.state.empty();
  const size_t kept = lstm ? 2 : 1;
  std::vector<graph::Value> before;
  if (steps) {
    before = graph.split(
        inputs.state,
        std::vector<int64_t>(kept * static_cast<size_t>(options.layers), options.hidden));
  }
  auto x = graph.transpose(inputs.noise, {1, 0, 2});
  std::vector<graph::Value> after;
  for (int64_t layer = 0; layer < options.layers; ++layer) {
    std::vector<graph::Value> values{x};
    for (const char* part : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
      const auto name = core::cat("rnn.", part, "_l", layer);
      values.push_back(graph.weight("temporal." + name, parameters[name]));
    }
    for (size_t i = 0; i < kept && steps; ++i) {
      const auto& state = before[static_cast<size_t>(layer) * kept + i];
      values.push_back(graph.reshape(state, {1, graph.shape(state)[0], options.hidden}));
    }
    const auto results = graph.recur(values, lstm);
    x = results.front();
    for (size_t i = 1; i < results.size() && steps; ++i)
      after.push_back(graph.reshape(results[i], {graph.shape(results[i])[1], options.hidden}));
  }
  x = graph.linear(x, "temporal.fc", parameters["fc.weight"], parameters["fc.bias"]);
  const auto path = graph.transpose(x, {1, 0, 2});
  return {path, steps ? graph.concatenate(after, 1) : graph::Value()};
}

}  // namespace vidgen::nn
