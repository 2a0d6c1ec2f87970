#include "vidgen/models/pixels.h"

#include <gtest/gtest.h>
#include <torch/cuda.h>

namespace vidgen::models {
namespace {

/// Clips that hold all 256 values, in no order.
torch::Tensor clips_of(int64_t channels) {
  const auto values = torch::arange(0, 3 * 4 * 6 * 16 * channels, torch::kLong);
  return values.mul(97).remainder(256).to(torch::kU8).view({3, 4, 6, 16, channels});
}

const torch::Tensor& some_mirrored() {
  static const auto mirror = torch::tensor({1, 0, 1}, torch::kU8);
  return mirror;
}

TEST(PixelsTest, RoundTripIsExact) {
  const auto clips = torch::arange(0, 256, torch::kU8).repeat({3}).view({1, 1, 16, 16, 3});
  const auto floats = to_float(clips);
  EXPECT_EQ(floats.min().item<float>(), -1);
  EXPECT_EQ(floats.max().item<float>(), 1);
  EXPECT_TRUE(floats.is_contiguous(torch::MemoryFormat::ChannelsLast3d));
  EXPECT_TRUE(to_rgb(floats).equal(clips));
}

TEST(PixelsTest, FloatsAreTheFormulaToTheBit) {
  for (const int64_t channels : {1, 3}) {
    const auto clips = clips_of(channels);
    for (const auto& mirror : {torch::Tensor(), some_mirrored()}) {
      const auto floats = to_float(clips, mirror);
      ASSERT_EQ(floats.sizes(), (std::vector<int64_t>{3, channels, 4, 6, 16}));
      const auto in = clips.accessor<uint8_t, 5>();
      const auto out = floats.accessor<float, 5>();
      for (int64_t i = 0; i < clips.numel(); ++i) {
        const int64_t c = i % channels, x = i / channels % 16, y = i / channels / 16 % 6;
        const int64_t t = i / channels / 96 % 4, b = i / channels / 384;
        const bool mirrored = mirror.defined() && b != 1;
        const float value = in[b][t][y][mirrored ? 15 - x : x][c];
        ASSERT_EQ(out[b][c][t][y][x], value / 127.5f - 1.0f) << b << t << y << x << c;
      }
    }
  }
}

TEST(PixelsTest, MirroringTwiceChangesNothing) {
  const auto clips = clips_of(3);
  const auto mirrored = mirror_clips(clips, some_mirrored());
  EXPECT_FALSE(mirrored.equal(clips));
  EXPECT_TRUE(mirrored[1].equal(clips[1]));
  EXPECT_TRUE(mirror_clips(mirrored, some_mirrored()).equal(clips));
  EXPECT_TRUE(mirror_clips(clips, torch::Tensor()).equal(clips));
}

TEST(PixelsTest, RefusesWhatIsNoClips) {
  const auto clips = clips_of(3);
  EXPECT_THROW(to_float(clips.to(torch::kFloat)), c10::Error);
  EXPECT_THROW(to_float(clips[0]), c10::Error);
  EXPECT_THROW(to_float(clips, torch::zeros({2}, torch::kU8)), c10::Error);
  EXPECT_THROW(to_float(clips, torch::zeros({3}, torch::kFloat)), c10::Error);
}

TEST(PixelsTest, KernelGivesTheBitsOfTheCpu_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  for (const int64_t channels : {1, 3}) {
    // A clip of the second in colour has more elements than a grid has threads.
    for (const auto& clips : {clips_of(channels), clips_of(channels).repeat({1, 40, 50, 12, 1})}) {
      for (const auto& mirror : {torch::Tensor(), some_mirrored()}) {
        const auto floats = to_float(clips.cuda(), mirror.defined() ? mirror.cuda() : mirror);
        const auto expected = to_float(clips, mirror);
        EXPECT_TRUE(floats.is_cuda());
        EXPECT_EQ(floats.strides(), expected.strides());
        EXPECT_TRUE(floats.cpu().equal(expected));
      }
    }
  }
  EXPECT_EQ(to_float(torch::empty({0, 1, 16, 16, 3}, torch::kU8).cuda()).numel(), 0);
}

}  // namespace
}  // namespace vidgen::models
