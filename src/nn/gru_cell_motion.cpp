#include <torch/nn/cloneable.h>
#include <torch/nn/modules/rnn.h>

#include "motion_type.h"

namespace vidgen::nn {
namespace {

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

MotionType gru_cell_motion() { return motion_type_of<GruCellMotion>("gru_cell"); }

}  // namespace vidgen::nn
