#include "vidgen/nn/cuda_graph.h"

#ifdef VIDGEN_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/Event.h>
#include <c10/core/InferenceMode.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>

#include <mutex>
#endif

namespace vidgen::nn {

#ifdef VIDGEN_CUDA

struct CudaGraph::Impl {
  Impl(torch::Device device, int64_t warm_ups)
      : stream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())),
        warm_ups(warm_ups) {}

  void record(const std::function<void()>& work) {
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    c10::cuda::device_synchronize();
    // The record has memory of its own; what the warm-up had is not needed any more.
    c10::cuda::CUDACachingAllocator::emptyCache();
    {
      // LibTorch keeps tensors for random numbers, which graphs recorded outside share.
      const c10::InferenceMode ordinary_tensors(/*enabled=*/false);
      // Not global: other threads, the loader's for one, allocate memory meanwhile.
      graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    }
    try {
      work();
    } catch (...) {
      try {
        graph.capture_end();
      } catch (const c10::Error&) {
        // What `work` threw says more.
      }
      throw;
    }
    graph.capture_end();
  }

  void replay() {
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    graph.replay();
  }

  /// Of all graphs: LibTorch keeps a state for them without a lock, and to wait for the device
  /// breaks a record that another thread is making.
  static inline std::mutex one_at_a_time;

  c10::cuda::CUDAStream stream;
  at::cuda::CUDAGraph graph;
  int64_t warm_ups;
  bool recorded = false;
};

CudaGraph::CudaGraph(torch::Device device, int64_t warm_ups) {
  const c10::cuda::CUDAGuard guard(device);
  impl_ = std::make_unique<Impl>(device, warm_ups);
}

void CudaGraph::run(const std::function<void()>& work) {
  const c10::cuda::CUDAGuard device(impl_->stream.device());
  if (!impl_->recorded) {
    const auto current = c10::cuda::getCurrentCUDAStream();
    const auto after = [](const c10::Stream& first, const c10::Stream& second) {
      c10::Event event(c10::DeviceType::CUDA);
      event.record(first);
      event.block(second);
    };
    const bool warm_up = impl_->warm_ups > 0;
    after(current, impl_->stream);
    {
      const c10::cuda::CUDAStreamGuard stream(impl_->stream);
      warm_up ? work() : impl_->record(work);
    }
    after(impl_->stream, current);
    if (warm_up) {
      --impl_->warm_ups;
      return;
    }
    impl_->recorded = true;
  }
  impl_->replay();
}

CudaGraph::~CudaGraph() {
  const std::lock_guard<std::mutex> lock(Impl::one_at_a_time);
  impl_.reset();
}

#else

struct CudaGraph::Impl {};

CudaGraph::CudaGraph(torch::Device device, int64_t /*warm_ups*/) {
  TORCH_CHECK(false, "no CUDA graph on ", device, ": built without CUDA");
}

void CudaGraph::run(const std::function<void()>& work) { work(); }

CudaGraph::~CudaGraph() = default;

#endif

}  // namespace vidgen::nn
