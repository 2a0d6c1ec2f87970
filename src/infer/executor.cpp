#include "executor.h"

#include <c10/core/Event.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <map>
#include <mutex>
#include <utility>

#include "vidgen/models/pixels.h"
#include "vidgen/nn/cuda_graph.h"

namespace vidgen::infer {
namespace {

/// Pixels a side of what each layer takes.
std::vector<int64_t> sides_in(const Plan& plan) {
  std::vector<int64_t> in, out;
  for (const auto& layer : plan) {
    const int64_t side = layer.inputs.empty() ? 1 : out[layer.inputs.front()];
    const bool doubles =
        layer.kind == Layer::Kind::kUpsample2x || layer.kind == Layer::Kind::kRepeat;
    in.push_back(side);
    out.push_back(layer.kind == Layer::Kind::kFromLatent ? 4 : doubles ? 2 * side : side);
  }
  return in;
}

std::vector<int64_t> shape_of(const std::vector<torch::Tensor>& inputs, int64_t frames) {
  std::vector<int64_t> shape{frames};
  for (const auto& input : inputs) {
    const auto sizes = input.sizes();
    shape.push_back(static_cast<int64_t>(input.scalar_type()));
    shape.push_back(input.dim());
    shape.insert(shape.end(), sizes.begin(), sizes.end());
  }
  return shape;
}

}  // namespace

/// Runs work on a CUDA device. For inputs of a shape that comes again it is recorded as a CUDA
/// graph, and replayed from then on. Several threads may use one, each on a stream of its own too.
class CudaReplay {
 public:
  using Work = Executor::Work;

  explicit CudaReplay(torch::Device device) : device_(device) {}

  /// work(inputs). It depends on `frames` and on the types and sizes of the inputs, and must be the
  /// same for all calls in which these are the same. The inputs may be in any place.
  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t frames, const Work& work) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto [place, is_new] = records_.try_emplace(shape_of(inputs, frames));
    auto& record = place->second;
    if (!record) {
      if (is_new || recorded_ == kMaxRecords) {
        lock.unlock();
        return work(inputs);
      }
      record = std::make_unique<Record>(device_, inputs, work);
      ++recorded_;
    }
    const auto stream = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
    last_use_.block(stream);
    const auto output = record->run(inputs, work);
    last_use_.record(stream);
    return output;
  }

 private:
  /// Shapes that are recorded, the first that come twice; each keeps the memory that it needs. All
  /// others run as they are.
  static constexpr int64_t kMaxRecords = 4;

  struct Record {
    /// Warms up, in the thread that will record: LibTorch's handles of libraries are each thread's.
    Record(torch::Device device, const std::vector<torch::Tensor>& first, const Work& work)
        : graph(device, /*warm_ups=*/1) {
      for (const auto& input : first) inputs.push_back(input.to(device).clone());
      graph.run([&] { work(inputs); });
    }

    torch::Tensor run(const std::vector<torch::Tensor>& from, const Work& work) {
      for (size_t i = 0; i < inputs.size(); ++i) inputs[i].copy_(from[i]);
      graph.run([&] { output = work(inputs); });
      return output.clone();
    }

    nn::CudaGraph graph;
    /// Where the graph reads and writes.
    std::vector<torch::Tensor> inputs;
    torch::Tensor output;
  };

  torch::Device device_;
  std::mutex mutex_;
  /// By shape_of(); null where inputs of that shape came once, or too late.
  std::map<std::vector<int64_t>, std::unique_ptr<Record>> records_;
  int64_t recorded_ = 0;
  /// The end of the last replay, whatever stream it was on.
  c10::Event last_use_{c10::DeviceType::CUDA};
};

Executor::Executor(const Plan& plan, const Setting& setting, const StepMaker& special)
    : setting_(setting), last_uses_(infer::last_uses(plan)) {
  const torch::NoGradGuard no_grad;
  const auto sides = sides_in(plan);
  const auto make = [&](const Plan& layers, size_t i) {
    auto step = special ? special(layers, i, sides[i]) : Step();
    return step ? std::move(step) : make_step(layers[i], sides[i], setting);
  };
  for (size_t i = 0; i < plan.size(); ++i) {
    const auto& layer = plan[i];
    steps_.push_back(make(plan, i));
    inputs_.push_back(layer.inputs);
    if (layer.kind == Layer::Kind::kAttention &&
        layer.attention->options.axes == nn::AttentionAxes::kSpaceTime)
      looks_along_clips_ = true;
    if (layer.kind == Layer::Kind::kWarp) warp_ = i;
  }
  if (setting.device.is_cpu() && plan.back().activation == Activation::kTanh) {
    auto bare = plan;
    auto& last = bare.back();
    last.activation = Activation::kNone;
    sums_are_phases_ = last.kind == Layer::Kind::kUpsample2x;
    if (sums_are_phases_) last = phases_of(last);
    sums_ = make(bare, bare.size() - 1);
  }
  if (setting.cuda_graph && setting.device.is_cuda())
    replay_ = std::make_unique<CudaReplay>(setting.device);
}

Executor::~Executor() = default;

torch::Tensor Executor::run(const torch::Tensor& z, int64_t frames) const {
  return run_all(z, frames, steps_.back());
}

torch::Tensor Executor::pixels(const torch::Tensor& z, int64_t frames) const {
  return to_pixels(run_all(z, frames, before_pixels()));
}

torch::Tensor Executor::move(const torch::Tensor& painted, const torch::Tensor& z,
                             int64_t frames) const {
  const auto work = [this, frames](const std::vector<torch::Tensor>& inputs) {
    return run_steps(warp_, steps_.size(), inputs[0], inputs[1], frames, before_pixels());
  };
  return to_pixels(replayed({painted, z}, frames, work));
}

torch::Tensor Executor::to_pixels(const torch::Tensor& output) const {
  if (sums_) return tanh_to_rgb(output, sums_are_phases_);
  return models::to_rgb(output.unsqueeze(2)).squeeze(1);
}

torch::Tensor Executor::run_all(const torch::Tensor& z, int64_t frames, const Step& last) const {
  return replayed({z}, frames, [this, frames, &last](const std::vector<torch::Tensor>& inputs) {
    const auto& rows = inputs[0];
    if (!paints_clips()) return run_steps(0, steps_.size(), rows, {}, frames, last);
    const auto painted = paint(rows.slice(0, 0, c10::nullopt, frames));
    return run_steps(warp_, steps_.size(), painted, rows, frames, last);
  });
}

torch::Tensor Executor::replayed(const std::vector<torch::Tensor>& inputs, int64_t frames,
                                 const Work& work) const {
  const c10::InferenceMode inference;
  return replay_ ? replay_->run(inputs, frames, work) : work(inputs);
}

torch::Tensor Executor::run_steps(size_t first, size_t end, const torch::Tensor& in,
                                  const torch::Tensor& z, int64_t frames, const Step& last) const {
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
    const auto& step = i + 1 == steps_.size() ? last : steps_[i];
    outputs[i] = step(inputs, frames);
  }
  return outputs.back();
}

}  // namespace vidgen::infer
