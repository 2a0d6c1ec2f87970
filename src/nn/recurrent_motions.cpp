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

/// The motion path of MoCoGAN (Tulyakov et al., 2018): h_{t+1} = GRUCell(noise_t, h_t), and frame t
/// gets h_{t+1}, so that h_0, the noise of the clip, itself makes no frame. Parameters:
/// recurrent.*.
class GruCellMotion : public torch::nn::Cloneable<GruCellMotion>,
                      public Motion,
                      public MotionDefaults {
 public:
  static constexpr bool kReadsInitial = true;
  static void validate(const TemporalOptions& options, const std::string& path) {
    expect_one_layer(options, path);
  }
  static int64_t weights(const TemporalOptions& options) {
    return 3 * options.motion_dim * 2 * options.motion_dim;
  }
  static torch::Tensor first_state(const TemporalOptions&, const MotionNoise& noise) {
    return noise.initial;
  }

  explicit GruCellMotion(const TemporalOptions& options) : dim_(options.motion_dim) { reset(); }
  void reset() override {
    recurrent_ = register_module("recurrent", torch::nn::GRUCell(dim_, dim_));
  }

  torch::Tensor next(const MotionNoise& noise, int64_t frames, MotionState& state) override {
    expect_rows(noise.noise, dim_);
    std::vector<torch::Tensor> path;
    auto& memory = state.memory;
    if (memory.empty()) memory = {noise.initial};
    for (const auto& step : noise.noise.unbind(1)) {
      memory = {recurrent_(step, memory[0])};
      path.push_back(memory[0]);
    }
    state.frame += frames;
    return torch::stack(path, 1);
  }

  MotionOutputs describe(graph::Graph& graph, const MotionInputs& inputs) const override {
    const bool steps = !inputs.state.empty();
    const auto before = steps ? inputs.state : inputs.initial;
    const auto clips = graph.shape(before)[0];
    std::vector<graph::Value> values{graph.transpose(inputs.noise, {1, 0, 2})};
    for (const char* part : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
      values.push_back(graph.weight(core::cat("temporal.recurrent.", part),
                                    named_parameters()[core::cat("recurrent.", part)]));
    }
    values.push_back(graph.reshape(before, {1, clips, dim_}));
    const auto results = graph.recur(values, /*lstm=*/false);
    const auto path = graph.transpose(results[0], {1, 0, 2});
    return {path, steps ? graph.reshape(results[1], {clips, dim_}) : graph::Value()};
  }

 private:
  int64_t dim_;
  torch::nn::GRUCell recurrent_{nullptr};
};

}  // namespace

MotionType lstm_motion() { return motion_type_of<RnnMotion<torch::nn::LSTM>>("lstm"); }
MotionType gru_motion() { return motion_type_of<RnnMotion<torch::nn::GRU>>("gru"); }
MotionType gru_cell_motion() { return motion_type_of<GruCellMotion>("gru_cell"); }

}  // namespace vidgen::nn
