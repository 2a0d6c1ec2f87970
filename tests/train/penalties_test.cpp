// The penalties of real discriminators.
#include "vidgen/train/penalties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "train/tiny_gan.h"
#include "vidgen/nn/backend.h"
#include "vidgen/nn/init.h"
#include "vidgen/nn/layout.h"

namespace vidgen::train {
namespace {

losses::LossOptions all_penalties() {
  losses::LossOptions options;
  options.r1 = 3;
  options.r2 = 5;
  options.gradient_penalty = 7;
  return options;
}

/// A discriminator of the tiny GAN and what it judges.
struct Judge {
  Judge(size_t index, at::ScalarType type) {
    auto options = tiny_options();
    auto& own = options.model.discriminators[index];
    own.attention = {4};
    own.pool = 1;
    net = models::make_discriminator(own, clip_shape(options.data));
    nn::initialize(*net, nn::Init::kDefault, random_stream(7, "init", 0));
    net->named_parameters()["net.attention_4.gamma"].detach().fill_(0.5);
    net->to(type);
    const bool frames = own.type == "frame";
    const auto batch = [&](int64_t seed) {
      const auto clips = torch::randn({3, 3, 10, 16, 16}, random_stream(seed, "clips", 0));
      return models::ClipBatch{
          clips.to(type),
          frames ? models::draw_frame_indices(3, 10, 2, random_stream(seed, "frames", 0))
                 : torch::Tensor()};
    };
    real = batch(1);
    fake = batch(2);
    mix = torch::rand({frames ? 6 : 3}, random_stream(3, "mix", 0)).to(type);
  }

  std::vector<torch::Tensor> penalties(const losses::LossOptions& options) const {
    return train::penalties(options, *net, real, fake, mix);
  }
  /// The gradients of one of all_penalties(), those of all weights in a row.
  torch::Tensor gradient(size_t penalty) const {
    net->zero_grad();
    penalties(all_penalties())[penalty].backward();
    std::vector<torch::Tensor> all;
    for (const auto& weight : net->parameters()) {
      all.push_back(
          (weight.grad().defined() ? weight.grad() : torch::zeros_like(weight)).flatten());
    }
    return torch::cat(all);
  }

  std::shared_ptr<models::DiscriminatorImpl> net;
  models::ClipBatch real, fake;
  torch::Tensor mix;
};

class Penalties : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(, Penalties, testing::Values(0, 1),
                         [](const auto& test) { return test.param == 0 ? "frame" : "clip"; });

TEST_P(Penalties, GradientsThroughAllLayersAreThoseOfFiniteDifferences) {
  const Judge judge(GetParam(), torch::kDouble);
  const auto weights = judge.net->parameters();
  std::vector<torch::Tensor> direction;
  for (const auto& weight : weights) {
    direction.push_back(torch::randn(
        weight.sizes(), random_stream(4, "direction", direction.size()), torch::kDouble));
  }
  constexpr double kStep = 1e-7;  // so small that hardly a leaky ReLU changes sides
  const auto value_at = [&](size_t penalty, double by) {
    const torch::NoGradGuard no_record;
    for (size_t i = 0; i < weights.size(); ++i) weights[i].add_(direction[i], by);
    double value = 0;
    {
      const torch::AutoGradMode record(true);
      value = judge.penalties(all_penalties())[penalty].item<double>();
    }
    for (size_t i = 0; i < weights.size(); ++i) weights[i].add_(direction[i], -by);
    return value;
  };
  std::vector<torch::Tensor> flat;
  for (const auto& part : direction) flat.push_back(part.flatten());
  for (size_t penalty = 0; penalty < 3; ++penalty) {
    const double slope = judge.gradient(penalty).dot(torch::cat(flat)).item<double>();
    const double expected = (value_at(penalty, kStep) - value_at(penalty, -kStep)) / (2 * kStep);
    EXPECT_NEAR(slope, expected, 1e-5 * std::abs(expected)) << penalty;
    EXPECT_GT(std::abs(expected), 1e-3) << penalty;
  }
}

TEST_P(Penalties, FastConvolutionsGiveTheSameGradients) {
  const Judge judge(GetParam(), torch::kFloat);
  nn::to_channels_last(*judge.net);
  for (size_t penalty = 0; penalty < 3; ++penalty) {
    nn::backend().winograd = false;
    const auto expected = judge.gradient(penalty);
    nn::backend().winograd = true;
    const auto found = judge.gradient(penalty);
    EXPECT_LT((found - expected).norm().item<float>(), 1e-4 * expected.norm().item<float>());
    EXPECT_FALSE(found.equal(expected)) << "they were not used";
  }
}

TEST_P(Penalties, ALazyOneCountsAsManyTimes) {
  const Judge judge(GetParam(), torch::kFloat);
  auto options = all_penalties();
  const auto each = judge.penalties(options);
  options.penalty_every = 4;
  const auto lazy = judge.penalties(options);
  ASSERT_EQ(each.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(lazy[i].allclose(4 * each[i])) << i;
  EXPECT_THAT(penalty_names(options),
              testing::ElementsAre("loss_r1", "loss_r2", "loss_gradient_penalty"));
  options.r1 = options.gradient_penalty = 0;
  EXPECT_THAT(penalty_names(options), testing::ElementsAre("loss_r2"));
  const auto one = train::penalties(options, *judge.net, judge.real, judge.fake, {});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_TRUE(one[0].allclose(lazy[1]));
}

TEST(PenaltiesTest, AFrameIsASample) {
  // In one clip with two frames there is as much gradient as in two clips with one.
  const Judge judge(0, torch::kFloat);
  losses::LossOptions options;
  options.r1 = 1;
  const auto frames = models::gather_frames(judge.real.clips, judge.real.frame_indices);
  const models::ClipBatch single{frames.unsqueeze(2), torch::zeros({6, 1}, torch::kLong)};
  const auto as_single = train::penalties(options, *judge.net, single, single, {});
  const auto as_pairs = train::penalties(options, *judge.net, judge.real, judge.real, {});
  EXPECT_TRUE(as_single[0].allclose(as_pairs[0]));
}

}  // namespace
}  // namespace vidgen::train
