#include "executor.h"

#include <c10/core/InferenceMode.h>

#include <utility>

namespace vidgen::infer {
namespace {

/// Pixels a side of what each layer takes.
std::vector<int64_t> sides_in(const Plan& plan) {
  std::vector<int64_t> in, out;
  for (const auto& layer : plan) {
    const int64_t side = layer.inputs.empty() ? 1 : out[layer.inputs.front()];
    const bool doubles = layer.kind == Layer::Kind::kDouble || layer.kind == Layer::Kind::kRepeat;
    in.push_back(side);
    out.push_back(layer.kind == Layer::Kind::kFromLatent ? 4 : doubles ? 2 * side : side);
  }
  return in;
}

}  // namespace

Executor::Executor(const Plan& plan, const Setting& setting, const StepMaker& special)
    : setting_(setting), last_uses_(infer::last_uses(plan)) {
  const torch::NoGradGuard no_grad;
  const auto sides = sides_in(plan);
  for (size_t i = 0; i < plan.size(); ++i) {
    const auto& layer = plan[i];
    auto step = special ? special(plan, i, sides[i]) : nullptr;
    steps_.push_back(step ? std::move(step) : make_step(layer, sides[i], setting));
    inputs_.push_back(layer.inputs);
    if (layer.kind == Layer::Kind::kAttention &&
        layer.attention->options.axes == nn::AttentionAxes::kSpaceTime)
      looks_along_clips_ = true;
    if (layer.kind == Layer::Kind::kWarp) warp_ = i;
  }
  if (setting.cuda_graph && setting.device.is_cuda())
    replay_ = std::make_unique<CudaReplay>(setting.device);
}

torch::Tensor Executor::run(const torch::Tensor& z, int64_t frames) const {
  return replayed({z}, frames, [this, frames](const std::vector<torch::Tensor>& inputs) {
    const auto& rows = inputs[0];
    if (!paints_clips()) return run_steps(0, steps_.size(), rows, {}, frames);
    const auto painted = paint(rows.slice(0, 0, c10::nullopt, frames));
    return run_steps(warp_, steps_.size(), painted, rows, frames);
  });
}

torch::Tensor Executor::move(const torch::Tensor& painted, const torch::Tensor& z,
                             int64_t frames) const {
  return replayed({painted, z}, frames, [this, frames](const std::vector<torch::Tensor>& inputs) {
    return run_steps(warp_, steps_.size(), inputs[0], inputs[1], frames);
  });
}

torch::Tensor Executor::replayed(const std::vector<torch::Tensor>& inputs, int64_t frames,
                                 const CudaReplay::Work& work) const {
  const c10::InferenceMode inference;
  return replay_ ? replay_->run(inputs, frames, work) : work(inputs);
}

torch::Tensor Executor::run_steps(size_t first, size_t end, const torch::Tensor& in,
                                  const torch::Tensor& z, int64_t frames) const {
  const c10::InferenceMode inference;
  const auto start = in.to(setting_.device, setting_.type);
  std::vector<torch::Tensor> outputs(end);
  for (size_t i = first; i < end; ++i) {
    std::vector<torch::Tensor> inputs;
    if (i == first) {
      inputs.push_back(start);
    } else {
      for (const size_t from : inputs_[i]) {
        if (last_uses_[from] == i) {
          inputs.push_back(std::move(outputs[from]));
        } else {
          inputs.push_back(outputs[from]);
        }
      }
    }
    if (i == warp_ && i > 0) inputs.push_back(z.to(setting_.device));
    outputs[i] = steps_[i]->run(inputs, frames);
  }
  return outputs.back();
}

}  // namespace vidgen::infer
