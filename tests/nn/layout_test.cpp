#include "vidgen/nn/layout.h"

#include <gtest/gtest.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

namespace vidgen::nn {
namespace {

TEST(Layout, FrameOfClipIsRow) {
  const auto clips = torch::randn({2, 3, 5, 4, 4});
  const auto frames = as_frames(clips);
  EXPECT_EQ(frames.sizes(), torch::IntArrayRef({10, 3, 4, 4}));
  EXPECT_TRUE(torch::equal(frames[1 * 5 + 2], clips[1].select(1, 2)));
  EXPECT_TRUE(torch::equal(as_clips(frames, 2), clips));
}

TEST(Layout, ChannelsLastIsViewedBothWays) {
  const auto frames = torch::randn({10, 3, 4, 4}).contiguous(torch::MemoryFormat::ChannelsLast);
  const auto clips = as_clips(frames, 2);
  EXPECT_TRUE(clips.is_contiguous(torch::MemoryFormat::ChannelsLast3d));
  EXPECT_EQ(clips.data_ptr(), frames.data_ptr());
  EXPECT_EQ(as_frames(clips).data_ptr(), frames.data_ptr());
}

TEST(Layout, RejectsOtherShapes) {
  EXPECT_THROW(as_frames(torch::zeros({2, 3, 4, 4})), c10::Error);
  EXPECT_THROW(as_clips(torch::zeros({5, 3, 4, 4}), 2), c10::Error);
}

TEST(Layout, ModulesKeepTheirWeights) {
  torch::nn::Sequential network(torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 8, 3)),
                                torch::nn::Conv3d(torch::nn::Conv3dOptions(3, 8, 3)),
                                torch::nn::Linear(4, 4));
  std::vector<torch::Tensor> before;
  for (const auto& parameter : network->parameters()) before.push_back(parameter.clone());
  to_channels_last(*network);
  const auto after = network->parameters();
  EXPECT_TRUE(after[0].is_contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(after[2].is_contiguous(torch::MemoryFormat::ChannelsLast3d));
  for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(torch::equal(after[i], before[i]));
}

}  // namespace
}  // namespace vidgen::nn
