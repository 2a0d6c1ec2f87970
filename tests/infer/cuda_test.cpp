// Compiled generators on a GPU: what is replayed as a CUDA graph against its layers one by one.
#include <ATen/Context.h>
#include <ATen/record_function.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "infer/networks.h"
#include "vidgen/infer/generator.h"

namespace vidgen::infer {
namespace {

/// The CUDA device, computing the same bits each time.
torch::Device exact_gpu() {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 1);
  auto& context = at::globalContext();
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
  context.setBenchmarkCuDNN(false);
  context.setDeterministicCuDNN(true);
  return {torch::kCUDA, 0};
}

CompiledGenerator compile_for(torch::Device device, const NetworkCase& network_case, bool graph,
                              Precision precision = Precision::kFloat32) {
  return {lively_network(network_case.options), kTinyShape, network_case.options.class_names,
          CompileOptions{precision, device, graph}};
}

torch::Tensor latents_for(const NetworkCase& network_case, int64_t clips) {
  const torch::NoGradGuard no_grad;
  auto network = lively_network(network_case.options);
  return network->frame_latents(some_latents(network, clips));
}

int64_t convolutions = 0;

std::unique_ptr<at::ObserverContext> count_convolution(const at::RecordFunction& function) {
  if (std::string(function.name()) == "aten::convolution") ++convolutions;
  return nullptr;
}

/// Convolutions that LibTorch is asked for by this thread: none where a record is replayed.
int64_t convolutions_in(const std::function<void()>& work) {
  convolutions = 0;
  const auto handle = at::addThreadLocalCallback(at::RecordFunctionCallback(count_convolution));
  work();
  at::removeCallback(handle);
  return convolutions;
}

TEST(CudaReplayTest, IsNothingOnTheCpu) {
  for (const auto& network_case : network_cases()) {
    SCOPED_TRACE(network_case.name);
    const auto with = compile_for(torch::kCPU, network_case, true);
    const auto without = compile_for(torch::kCPU, network_case, false);
    const auto z = latents_for(network_case, 2);
    const auto expected = without.frames(z, 10);
    for (int64_t call = 0; call < 3; ++call) EXPECT_TRUE(with.frames(z, 10).equal(expected));
  }
}

TEST(CudaReplayTest, RendersTheSameClips_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  const auto device = exact_gpu();
  for (const auto& network_case : network_cases()) {
    for (const auto precision : {Precision::kFloat32, Precision::kBfloat16}) {
      SCOPED_TRACE(network_case.name + " " + precision_name(precision));
      const auto plain = compile_for(device, network_case, false, precision);
      const auto replayed = compile_for(device, network_case, true, precision);
      RenderOptions options;
      options.count = 2;
      // The second call of each length records, those after it only replay. 12 frames are more than
      // are trained on.
      for (const int64_t frames : {5, 5, 12, 12, 5, 12}) {
        options.frames = frames;
        ++options.seed;
        torch::Tensor clips, expected;
        const int64_t done = convolutions_in([&] { clips = replayed.render(options); });
        EXPECT_GT(convolutions_in([&] { expected = plain.render(options); }), 0);
        EXPECT_TRUE(clips.equal(expected)) << "seed " << options.seed;
        if (options.seed > 4) {
          EXPECT_EQ(done, 0) << "seed " << options.seed;
        }
      }
    }
  }
}

TEST(CudaReplayTest, StreamsTheSameFrames_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  const auto device = exact_gpu();
  for (const auto& network_case : network_cases()) {
    if (network_case.options.generator.attention_axes == nn::AttentionAxes::kSpaceTime) continue;
    for (const auto precision : {Precision::kFloat32, Precision::kBfloat16}) {
      SCOPED_TRACE(network_case.name + " " + precision_name(precision));
      const auto plain = compile_for(device, network_case, false, precision);
      const auto replayed = compile_for(device, network_case, true, precision);
      auto expected = plain.stream(), expected_other = plain.stream({1});
      auto one = replayed.stream(), other = replayed.stream({1});
      for (int64_t frame = 0; frame < 5; ++frame) {
        EXPECT_TRUE(one.next_frame().equal(expected.next_frame())) << "frame " << frame;
        EXPECT_TRUE(other.next_frame().equal(expected_other.next_frame())) << "frame " << frame;
      }
      EXPECT_GT(convolutions_in([&] { expected.next_frame(); }), 0);
      EXPECT_EQ(convolutions_in([&] { one.next_frame(); }), 0);
    }
  }
}

TEST(CudaReplayTest, RecordsAFewShapesAndRunsTheOthers_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  const auto device = exact_gpu();
  const auto network_case = network_cases().front();
  const auto plain = compile_for(device, network_case, false);
  const auto generator = compile_for(device, network_case, true);
  const auto z = latents_for(network_case, 1);
  const auto check = [&](int64_t rows) {
    torch::Tensor pictures;
    const auto in = z.narrow(0, 10 - rows, rows);
    const int64_t done = convolutions_in([&] { pictures = generator.frames(in); });
    EXPECT_TRUE(pictures.equal(plain.frames(in))) << rows;
    EXPECT_TRUE(pictures.is_contiguous(torch::MemoryFormat::ChannelsLast));
    return done;
  };
  int64_t replayed = 0;
  for (int64_t round = 0; round < 3; ++round) {
    for (int64_t rows = 2; rows < 9; ++rows) {
      const bool launched = check(rows) > 0;
      if (round == 2 && !launched) ++replayed;
    }
  }
  EXPECT_EQ(replayed, 4);
  const auto kept = generator.frames(z.narrow(0, 0, 2));
  const auto copy = kept.clone();
  generator.frames(z.narrow(0, 2, 2));
  EXPECT_TRUE(kept.equal(copy)) << "what a call has given is not written again";
}

TEST(CudaReplayTest, ThreadsMayShareARecord_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  const auto device = exact_gpu();
  const auto network_case = network_cases().front();
  const auto z = latents_for(network_case, 2);
  const auto expected = compile_for(device, network_case, false).frames(z).cpu();
  const auto generator = compile_for(device, network_case, true);
  constexpr int64_t kRows = 10, kCalls = 50;
  for (int64_t call = 0; call < 2; ++call) generator.frames(z.narrow(0, 0, kRows));
  std::vector<std::thread> threads;
  for (int64_t clip = 0; clip < 2; ++clip) {
    threads.emplace_back([&, clip] {
      const c10::impl::VirtualGuardImpl cuda(torch::kCUDA);
      const c10::StreamGuard stream(cuda.getStreamFromGlobalPool(device));
      const auto mine = z.narrow(0, clip * kRows, kRows);
      for (int64_t call = 0; call < kCalls; ++call) {
        EXPECT_LT(difference(generator.frames(mine), expected.narrow(0, clip * kRows, kRows)), 1e-4)
            << "clip " << clip << ", call " << call;
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace vidgen::infer
