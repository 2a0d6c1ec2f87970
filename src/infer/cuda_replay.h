#pragma once

#include <c10/core/Event.h>
#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace vidgen::infer {

/// Runs work on a CUDA device. For inputs of a shape that comes again it is recorded as a CUDA
/// graph, and replayed from then on. Several threads may use one, each on a stream of its own too.
class CudaReplay {
 public:
  /// Makes one tensor of others, as nn::CudaGraph asks for it.
  using Work = std::function<torch::Tensor(const std::vector<torch::Tensor>& inputs)>;

  /// Shapes that are recorded, the first that come twice; each keeps the memory that it needs. All
  /// others run as they are.
  static constexpr int64_t kMaxRecords = 4;

  explicit CudaReplay(torch::Device device);
  ~CudaReplay();

  /// work(inputs). It depends on `frames` and on the types and sizes of the inputs, and must be the
  /// same for all calls in which these are the same. The inputs may be in any place.
  torch::Tensor run(const std::vector<torch::Tensor>& inputs, int64_t frames, const Work& work);

 private:
  struct Record;

  torch::Device device_;
  std::mutex mutex_;
  /// By shape_of(); null where inputs of that shape came once, or too late.
  std::map<std::vector<int64_t>, std::unique_ptr<Record>> records_;
  int64_t recorded_ = 0;
  /// The end of the last replay, whatever stream it was on.
  c10::Event last_use_{c10::DeviceType::CUDA};
};

}  // namespace vidgen::infer
