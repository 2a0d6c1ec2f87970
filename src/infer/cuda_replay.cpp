#include "cuda_replay.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include "vidgen/nn/cuda_graph.h"

namespace vidgen::infer {
namespace {

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

struct CudaReplay::Record {
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

CudaReplay::CudaReplay(torch::Device device) : device_(device) {}

CudaReplay::~CudaReplay() = default;

torch::Tensor CudaReplay::run(const std::vector<torch::Tensor>& inputs, int64_t frames,
                              const Work& work) {
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

}  // namespace vidgen::infer
