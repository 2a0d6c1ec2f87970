#include "vidgen/nn/gru_cell_motion.h"

#include "motion_type.h"

namespace vidgen::nn {
namespace {

struct GruCellType : MotionDefaults {
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
  static std::shared_ptr<Motion> make(const TemporalOptions& options) {
    return std::make_shared<GruCellMotionImpl>(GruCellMotionOptions{options.motion_dim});
  }
};

}  // namespace

MotionType gru_cell_motion() { return motion_type_of<GruCellType>("gru_cell"); }

GruCellMotionImpl::GruCellMotionImpl(GruCellMotionOptions options) : options(options) { reset(); }

void GruCellMotionImpl::reset() {
  recurrent_ = register_module("recurrent", torch::nn::GRUCell(options.dim, options.dim));
}

torch::Tensor GruCellMotionImpl::forward(const torch::Tensor& noise, const torch::Tensor& initial) {
  TORCH_CHECK(noise.dim() == 3 && noise.size(2) == options.dim, "expected noise [B,T,", options.dim,
              "], found ", noise.sizes());
  std::vector<torch::Tensor> path;
  torch::Tensor state = initial;
  for (const auto& step : noise.unbind(1)) {
    state = recurrent_(step, state);
    path.push_back(state);
  }
  return torch::stack(path, 1);
}

torch::Tensor GruCellMotionImpl::next(const MotionNoise& noise, int64_t frames,
                                      MotionState& state) {
  auto& memory = state.memory;
  const auto path = forward(noise.noise, memory.empty() ? noise.initial : memory[0]);
  memory = {path.select(1, frames - 1)};
  state.frame += frames;
  return path;
}

MotionOutputs GruCellMotionImpl::describe(graph::Graph& graph, const MotionInputs& inputs) const {
  const bool steps = !inputs.state.empty();
  const auto before = steps ? inputs.state : inputs.initial;
  const auto clips = graph.shape(before)[0];
  std::vector<graph::Value> values{graph.transpose(inputs.noise, {1, 0, 2})};
  for (const char* part : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
    values.push_back(graph.weight(core::cat("temporal.recurrent.", part),
                                  named_parameters()[core::cat("recurrent.", part)]));
  }
  values.push_back(graph.reshape(before, {1, clips, options.dim}));
  const auto results = graph.recur(values, /*lstm=*/false);
  const auto path = graph.transpose(results[0], {1, 0, 2});
  return {path, steps ? graph.reshape(results[1], {clips, options.dim}) : graph::Value()};
}

}  // namespace vidgen::nn
