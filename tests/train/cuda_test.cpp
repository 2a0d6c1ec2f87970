// Training on CUDA: the settings that it has, what is refused without it, and what only a GPU
// shows.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <cstdlib>

#include "support/error.h"
#include "train/tiny_gan.h"
#include "vidgen/train/device.h"

namespace vidgen::train {
namespace {

TEST(SetUpTest, SetsWhatLibTorchHasOneOf) {
  auto& context = at::globalContext();
  for (const bool on : {true, false}) {
    TrainOptions options;
    options.threads = on ? 1 : 2;
    options.tf32 = options.cudnn_benchmark = on;
    set_up_libtorch(options);
    EXPECT_EQ(at::get_num_threads(), options.threads);
    EXPECT_EQ(context.allowTF32CuBLAS(), on);
    EXPECT_EQ(context.allowTF32CuDNN(), on);
    EXPECT_EQ(context.benchmarkCuDNN(), on);
  }
}

TEST(CudaGraphTest, IsRefusedWhereItCannotWork) {
  auto options = tiny_options();
  options.train.cuda_graph = true;
  EXPECT_THAT(test::error_of([&] { GanStep(options, torch::kCPU); }),
              testing::HasSubstr("train.cuda_graph: found true, but this computes on the CPU"));
  options.train.accumulate = 2;
  EXPECT_THAT(test::error_of([&] { check_cuda_graph(options, torch::kCUDA); }),
              testing::HasSubstr("train.cuda_graph: found true with train.accumulate 2"));
  options.train.accumulate = 1;
  EXPECT_NO_THROW(check_cuda_graph(options, torch::kCUDA));
  options.loss.penalty_every = 16;
  EXPECT_NO_THROW(check_cuda_graph(options, torch::kCUDA)) << "there is no penalty";
  options.loss.r1 = 1;
  EXPECT_THAT(test::error_of([&] { check_cuda_graph(options, torch::kCUDA); }),
              testing::HasSubstr("train.cuda_graph: found true with loss.penalty_every 16"));
  options.loss.penalty_every = 1;
  EXPECT_NO_THROW(check_cuda_graph(options, torch::kCUDA));
}

/// The CUDA device, computing the same bits each time.
torch::Device exact_cuda() {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 1);
  TrainOptions exact;
  exact.tf32 = exact.cudnn_benchmark = false;
  set_up_libtorch(exact);
  at::globalContext().setDeterministicCuDNN(true);
  return {torch::kCUDA, 0};
}

TEST(GanStepTest, StepAgreesWithTheCpu_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  const auto options = tiny_options();
  GanStep cpu(options, torch::kCPU), cuda(options, exact_cuda());
  train(cpu, options, 0, 1);
  train(cuda, options, 0, 1);
  EXPECT_TRUE(torch::allclose(cpu.metrics(), cuda.metrics().cpu(), 1e-3, 1e-4));
}

TEST(GanStepTest, Float16TrainsWithTheScaler_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  auto options = tiny_options();
  options.train.precision = Precision::kFloat16;
  GanStep gan(options, torch::Device(torch::kCUDA, 0));
  train(gan, options, 0, 5);
  EXPECT_TRUE(gan.metrics().slice(0, 0, 2).isfinite().all().item<bool>());
}

TEST(GanStepTest, WeightsAndClipsAreChannelsLast_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  const auto options = tiny_options();
  const auto device = exact_cuda();
  GanStep gan(options, device);
  train(gan, options, 0, 1);
  const auto expect_channels_last = [](const torch::nn::Module& module) {
    for (const auto& parameter : module.parameters()) {
      EXPECT_TRUE(parameter.is_cuda());
      const bool frames = parameter.dim() == 4;
      if (!frames && parameter.dim() != 5) continue;
      EXPECT_TRUE(parameter.is_contiguous(frames ? torch::MemoryFormat::ChannelsLast
                                                 : torch::MemoryFormat::ChannelsLast3d));
    }
  };
  expect_channels_last(*gan.generator());
  for (const auto& discriminator : gan.discriminators()) expect_channels_last(*discriminator);
  const auto inputs = StepDraws(options, 0).next(real_clips(options, 0)).to(device);
  EXPECT_TRUE(
      gan.generator()->forward(inputs.latents).is_contiguous(torch::MemoryFormat::ChannelsLast3d));
}

TEST(CudaGraphTest, GivesTheBitsOfTheStepsOneByOne_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  const auto device = exact_cuda();
  for (const Precision precision : {Precision::kFloat32, Precision::kFloat16}) {
    auto options = tiny_options();
    options.train.precision = precision;
    // What changes from step to step: the learning rate, the scale (an overflow in the first
    // steps), the share that EMA keeps, the clips, which of them are mirrored and how they are
    // augmented, the probability of that.
    options.augment.color = 1;
    options.augment.translation = options.augment.cutout = 0.25;
    options.augment.target = 0.1;
    options.augment.adapt_clips = 20;
    options.optim.warmup_steps = 20;
    options.optim.generator.lr = options.optim.discriminator.lr = 1e-3;
    options.train.scaler.init_scale = 1 << 20;
    options.train.scaler.growth_interval = 2;
    const auto run = [&](bool graph) {
      options.train.cuda_graph = graph;
      GanStep gan(options, device);
      std::vector<torch::Tensor> metrics;
      for (int64_t step = 0; step < 8; ++step) {
        auto random = random_stream(99, "mirror", step);
        const auto mirror = torch::randint(0, 2, {options.train.batch_size}, random, torch::kU8);
        gan.run(step, [&] { return data::Batch(real_clips(options, step), mirror); });
        // The gradients of an overflow have no norm.
        metrics.push_back(gan.metrics().cpu().nan_to_num());
      }
      auto state = state_of(gan);
      state["metrics"] = torch::stack(metrics);
      return state;
    };
    expect_equal(run(false), run(true));
  }
}

}  // namespace
}  // namespace vidgen::train
