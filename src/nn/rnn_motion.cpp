#include <torch/nn/cloneable.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/rnn.h>

#include <optional>
#include <tuple>
#include <type_traits>

#include "motion_type.h"

namespace vidgen::nn {
namespace {

/// A stack of layers, torch::nn::LSTM or GRU, over the noise, and a linear map from its state back
/// to a latent. The state starts at zero. Parameters: rnn.*, fc.*.
template <class Rnn>
class RnnMotion : public torch::nn::Cloneable<RnnMotion<Rnn>>,
                  public Motion,
                  public MotionDefaults {
 public:
  static int64_t weights(const TemporalOptions& options) {
    const int64_t gates = kLstm ? 4 : 3, dim = options.motion_dim, hidden = options.hidden;
    return gates * hidden * (dim + hidden + (options.layers - 1) * 2 * hidden) + hidden * dim;
  }
  /// Zeros: of each layer the state, for an LSTM also the cells.
  static torch::Tensor first_state(const TemporalOptions& options, const MotionNoise& noise) {
    const int64_t kept = kMemory * options.layers * options.hidden;
    return torch::zeros({noise.noise.size(0), kept});
  }

  explicit RnnMotion(const TemporalOptions& options)
      : torch::nn::Cloneable<RnnMotion<Rnn>>(kLstm ? "LstmMotion" : "GruMotion"),
        options_(options) {
    reset();
  }
  void reset() override {
    const int64_t dim = options_.motion_dim, hidden = options_.hidden;
    const auto layers =
        std::conditional_t<kLstm, torch::nn::LSTMOptions, torch::nn::GRUOptions>(dim, hidden)
            .num_layers(options_.layers)
            .batch_first(true);
    rnn_ = this->register_module("rnn", Rnn(layers));
    fc_ = this->register_module("fc", torch::nn::Linear(hidden, dim));
  }

  torch::Tensor next(const MotionNoise& noise, int64_t frames, MotionState& state) override {
    expect_rows(noise.noise, options_.motion_dim);
    state.frame += frames;
    return fc_(states(noise.noise, state.memory));
  }

  MotionOutputs describe(graph::Graph& graph, const MotionInputs& inputs) const override {
    const auto parameters = this->named_parameters();
    const bool steps = !inputs.state.empty();
    std::vector<graph::Value> before;
    if (steps) {
      before = graph.split(
          inputs.state,
          std::vector<int64_t>(static_cast<size_t>(kMemory * options_.layers), options_.hidden));
    }
    auto x = graph.transpose(inputs.noise, {1, 0, 2});
    std::vector<graph::Value> after;
    for (int64_t layer = 0; layer < options_.layers; ++layer) {
      std::vector<graph::Value> values{x};
      for (const char* part : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
        const auto name = core::cat("rnn.", part, "_l", layer);
        values.push_back(graph.weight("temporal." + name, parameters[name]));
      }
      for (int64_t i = 0; i < kMemory && steps; ++i) {
        const auto& state = before[static_cast<size_t>(layer * kMemory + i)];
        values.push_back(graph.reshape(state, {1, graph.shape(state)[0], options_.hidden}));
      }
      const auto results = graph.recur(values, kLstm);
      x = results.front();
      for (size_t i = 1; i < results.size() && steps; ++i)
        after.push_back(graph.reshape(results[i], {graph.shape(results[i])[1], options_.hidden}));
    }
    x = graph.linear(x, "temporal.fc", parameters["fc.weight"], parameters["fc.bias"]);
    const auto path = graph.transpose(x, {1, 0, 2});
    return {path, steps ? graph.concatenate(after, 1) : graph::Value()};
  }

 private:
  static constexpr bool kLstm = std::is_same_v<Rnn, torch::nn::LSTM>;
  /// Tensors that a layer remembers.
  static constexpr int64_t kMemory = kLstm ? 2 : 1;

  /// The states of the last layer, [B,T,hidden]; `memory` is what steps before left, or empty, and
  /// becomes what the next ones need.
  torch::Tensor states(const torch::Tensor& x, std::vector<torch::Tensor>& memory) {
    if constexpr (kLstm) {
      std::optional<std::tuple<torch::Tensor, torch::Tensor>> before;
      if (!memory.empty()) before = std::make_tuple(memory[0], memory[1]);
      const auto [output, after] = rnn_->forward(x, before);
      memory = {std::get<0>(after), std::get<1>(after)};
      return output;
    } else {
      const auto [output, after] = rnn_->forward(x, memory.empty() ? torch::Tensor() : memory[0]);
      memory = {after};
      return output;
    }
  }

  TemporalOptions options_;
  Rnn rnn_{nullptr};
  torch::nn::Linear fc_{nullptr};
};

}  // namespace

MotionType lstm_motion() { return motion_type_of<RnnMotion<torch::nn::LSTM>>("lstm"); }
MotionType gru_motion() { return motion_type_of<RnnMotion<torch::nn::GRU>>("gru"); }

}  // namespace vidgen::nn
