#include "vidgen/nn/attention.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "support/module_state.h"
#include "vidgen/nn/layout.h"

namespace vidgen::nn {
namespace {

using test::Fixture;

SelfAttention make(int64_t channels, AttentionAxes axes, double gamma) {
  torch::manual_seed(1);
  SelfAttention attention(SelfAttentionOptions{channels, axes});
  attention->gamma.data().fill_(gamma);
  return attention;
}

TEST(SelfAttention, ReproducesReference) {
  const Fixture fixture("self_attention");
  SelfAttention attention(SelfAttentionOptions{fixture.integer("channels")});
  test::load_state(*attention, fixture);
  const auto x = fixture.tensor("in.x").requires_grad_();

  const auto y = attention(x);
  (y * fixture.tensor("in.cotangent")).sum().backward();

  fixture.expect_close("out.y", y);
  fixture.expect_close("grad.y.x", x.grad());
  fixture.expect_close("grad.y.gamma", attention->gamma.grad());
}

TEST(SelfAttention, ReproducesReferenceInChannelsLast) {
  const Fixture fixture("self_attention");
  SelfAttention attention(SelfAttentionOptions{fixture.integer("channels")});
  test::load_state(*attention, fixture);
  const auto x = fixture.tensor("in.x").contiguous(torch::MemoryFormat::ChannelsLast);
  const auto y = attention(x);
  EXPECT_TRUE(y.is_contiguous(torch::MemoryFormat::ChannelsLast));
  fixture.expect_close("out.y", y);
}

TEST(SelfAttention, StartsAsIdentity) {
  SelfAttention attention(SelfAttentionOptions{16, AttentionAxes::kSpaceTime});
  const auto x = torch::randn({2, 16, 3, 4, 4});
  EXPECT_TRUE(torch::equal(attention(x), x));
}

TEST(SelfAttention, HasAtLeastOneInnerChannel) {
  SelfAttention attention(SelfAttentionOptions{4});
  EXPECT_EQ(attention->query->weight.sizes(), torch::IntArrayRef({1, 4, 1, 1}));
}

TEST(SelfAttention, SpaceTreatsFramesOfClipsAlone) {
  auto attention = make(16, AttentionAxes::kSpace, 0.5);
  const auto clips = torch::randn({2, 16, 3, 4, 4});
  const auto per_frame = attention(as_frames(clips));
  EXPECT_TRUE(torch::allclose(attention(clips), as_clips(per_frame, 2), 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(attention(as_frames(clips), 3), per_frame, 1e-4, 1e-5));
}

TEST(SelfAttention, SpaceTimeIsTheSameForFramesAndClips) {
  auto attention = make(16, AttentionAxes::kSpaceTime, 0.5);
  const auto clips = torch::randn({2, 16, 3, 4, 4});
  const auto y = attention(clips);
  EXPECT_TRUE(torch::allclose(as_clips(attention(as_frames(clips), 3), 2), y, 1e-4, 1e-5));

  const auto space = make(16, AttentionAxes::kSpace, 0.5);
  EXPECT_FALSE(torch::allclose(SelfAttention(space)(clips), y, 1e-2, 1e-2));
}

TEST(SelfAttention, AxesAgreeOnSingleFrames) {
  const auto clips = torch::randn({2, 16, 1, 4, 4});
  auto space = make(16, AttentionAxes::kSpace, 0.5);
  auto space_time = make(16, AttentionAxes::kSpaceTime, 0.5);
  EXPECT_TRUE(torch::allclose(space(clips), space_time(clips), 1e-4, 1e-5));
}

TEST(SelfAttention, KeepsMemoryLayoutOfClips) {
  auto attention = make(16, AttentionAxes::kSpaceTime, 0.5);
  const auto clips = torch::randn({2, 16, 3, 4, 4});
  EXPECT_TRUE(attention(clips).is_contiguous());
  EXPECT_TRUE(attention(clips.contiguous(torch::MemoryFormat::ChannelsLast3d))
                  .is_contiguous(torch::MemoryFormat::ChannelsLast3d));
}

TEST(SelfAttention, HasSecondDerivatives) {
  auto attention = make(8, AttentionAxes::kSpace, 0.5);
  const auto x = torch::randn({1, 8, 4, 4}).requires_grad_();
  const auto gradient =
      torch::autograd::grad({attention(x).square().sum()}, {x}, {}, true, true)[0];
  gradient.square().sum().backward();
  EXPECT_GT(attention->query->weight.grad().abs().sum().item<double>(), 0);
}

TEST(SelfAttention, RejectsRowsThatAreNoWholeClips) {
  auto attention = make(8, AttentionAxes::kSpaceTime, 0);
  EXPECT_THROW(attention(torch::zeros({5, 8, 4, 4}), 2), c10::Error);
}

}  // namespace
}  // namespace vidgen::nn
