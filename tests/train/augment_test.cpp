#include "vidgen/train/augment.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "support/fixture.h"
#include "support/random.h"
#include "vidgen/nn/layout.h"

namespace vidgen::train {
namespace {

constexpr auto kLast = torch::MemoryFormat::ChannelsLast3d;

AugmentOptions augment_options(double color, double translation, double cutout) {
  AugmentOptions options;
  options.color = color;
  options.translation = translation;
  options.cutout = cutout;
  return options;
}

torch::Tensor chance_of(double probability) { return torch::full({}, probability); }

/// Draws by which the first so many transformations are applied at any probability above 0, the
/// others at none below 1.
AugmentDraws only_first(AugmentDraws draws, int64_t transformations) {
  draws.chance = torch::full({draws.color.size(0), 5}, 0.999);
  draws.chance.narrow(1, 0, transformations).zero_();
  return draws;
}

/// Draws that lead to what the fixture did.
AugmentDraws draws_of(const test::Fixture& fixture, double translation) {
  const auto clips = fixture.tensor("in.x");
  const auto shift = [&](const std::string& name, int64_t size) {
    const double most = std::round(translation * static_cast<double>(size));
    return (fixture.tensor(name).to(torch::kFloat) + (most + 0.5)) / (2 * most + 1);
  };
  AugmentDraws draws;
  draws.color = torch::stack({fixture.tensor("in.brightness"), fixture.tensor("in.saturation"),
                              fixture.tensor("in.contrast")},
                             1);
  draws.translation =
      torch::stack({shift("in.dy", clips.size(3)), shift("in.dx", clips.size(4))}, 1);
  draws.cutout = torch::zeros({clips.size(0), 2});
  return draws;
}

/// The loops against the operations, which clips in float64 go through, and both ways back.
TEST(AugmentTest, LoopsAreTheOperationsWithTheirGradients) {
  for (const int64_t channels : {1, 3}) {
    for (const auto type : {torch::kFloat, torch::kBFloat16}) {
      const auto clips = torch::randn({5, channels, 2, 12, 12}, test::random(1)).contiguous(kLast);
      const auto weights = torch::randn(clips.sizes(), test::random(3));
      const auto draws = draw_augment(5, test::random(2));
      const auto options = augment_options(1, 0.25, 0.5);
      const auto all = [&](at::ScalarType kind) {
        const auto x = clips.to(type).to(kind).requires_grad_();
        const auto y = augment(options, x, draws, chance_of(0.7));
        const auto w = weights.to(y.scalar_type()).requires_grad_();
        const auto back = torch::autograd::grad({y}, {x}, {w}, true, true)[0];
        const auto forth = torch::autograd::grad({back}, {w}, {clips.to(back.scalar_type())})[0];
        return std::vector<torch::Tensor>{y, back, forth};
      };
      const auto fast = all(type), plain = all(torch::kDouble);
      for (size_t i = 0; i < fast.size(); ++i) {
        EXPECT_LT((fast[i] - plain[i]).norm().item<double>(),
                  (type == torch::kFloat ? 1e-5 : 1e-2) * plain[i].norm().item<double>())
            << channels << " channels in " << type << ", result " << i;
      }
    }
  }
}

TEST(AugmentTest, ReproducesReferenceStageByStage) {
  const test::Fixture fixture("diffaug");
  const auto clips = fixture.tensor("in.x");
  const auto options = augment_options(1, 0.5, 0);
  const auto draws = draws_of(fixture, options.translation);
  const auto half = chance_of(0.5);
  // Where the reference takes the mean of contrast over a frame, each frame is a clip of its own.
  const int64_t count = clips.size(0), frames = clips.size(2);
  AugmentDraws of_frames;
  of_frames.color = draws.color.repeat_interleave(frames, 0);
  of_frames.translation = draws.translation.repeat_interleave(frames, 0);
  const std::vector<std::pair<std::string, int64_t>> stages{
      {"out.brightness", 1}, {"out.saturation", 2}, {"out.contrast", 3}, {"out.final", 4}};
  for (const auto& [name, stage] : stages) {
    const auto out =
        augment(options, nn::as_frames(clips).unsqueeze(2), only_first(of_frames, stage), half);
    fixture.expect_close(name, nn::as_clips(out.squeeze(2), count));
    if (stage < 3) {
      fixture.expect_close(name, augment(options, clips, only_first(draws, stage), half));
    }
  }
  fixture.expect_close("out.final_clipmean", augment(options, clips, only_first(draws, 4), half));
  fixture.expect_close("out.final_clipmean", augment(options, clips.contiguous(kLast),
                                                     only_first(draws, 4), chance_of(1e-3)));
}

TEST(AugmentTest, GradientsOfBothOrdersAreThoseOfFiniteDifferences) {
  const auto options = augment_options(1, 0.25, 0.4);
  const auto draws = draw_augment(4, test::random(1));
  const auto clips = torch::randn({4, 3, 2, 8, 8}, test::random(2), torch::kDouble);
  const auto direction = torch::randn(clips.sizes(), test::random(3), torch::kDouble);
  struct Point {
    torch::Tensor x, cubes, slopes;
  };
  const auto grad = [](const torch::Tensor& of, const torch::Tensor& x, bool record) {
    return torch::autograd::grad({of}, {x}, {}, /*retain_graph=*/true, record).front();
  };
  const auto point_at = [&](double by) {
    Point point;
    point.x = (clips + by * direction).requires_grad_();
    point.cubes = augment(options, point.x, draws, chance_of(0.8)).pow(3).sum();
    point.slopes = grad(point.cubes, point.x, true).square().sum();
    return point;
  };
  const double step = 1e-4;
  const auto here = point_at(0), before = point_at(-step), after = point_at(step);
  const auto expect_slope = [&](const torch::Tensor Point::*value) {
    const double slope = (grad(here.*value, here.x, false) * direction).sum().item<double>();
    const double expected = (after.*value - before.*value).item<double>() / (2 * step);
    EXPECT_NEAR(slope, expected, 1e-5 * std::abs(expected));
    EXPECT_GT(std::abs(expected), 1e-3);
  };
  expect_slope(&Point::cubes);
  expect_slope(&Point::slopes);
}

TEST(AugmentTest, AllFramesOfAClipAreAugmentedAlikeAndClipsAreNot) {
  const auto frame = torch::rand({1, 3, 1, 16, 16}, test::random(4)) + 0.1;
  const auto clips = frame.expand({6, 3, 5, 16, 16}).contiguous(kLast);
  for (const auto& options : {augment_options(1, 0, 0), augment_options(0, 0.25, 0),
                              augment_options(0, 0, 0.5), augment_options(0.5, 0.25, 0.5)}) {
    const auto out = augment(options, clips, draw_augment(6, test::random(5)), chance_of(1));
    for (int64_t t = 1; t < 5; ++t) {
      EXPECT_TRUE(out.select(2, t).allclose(out.select(2, 0), 1e-5, 1e-6)) << t;
    }
    EXPECT_FALSE(out.allclose(out.narrow(0, 0, 1).expand_as(out), 1e-2, 1e-2));
  }
}

TEST(AugmentTest, ProbabilityZeroIsTheIdentityAndOneIsAll) {
  const auto options = augment_options(1, 0.25, 0.5);
  const auto clips = torch::randn({8, 3, 2, 16, 16}, test::random(6));
  const auto draws = draw_augment(8, test::random(7));
  EXPECT_TRUE(augment(options, clips, draws, chance_of(0)).equal(clips));
  const auto all = augment(options, clips, draws, chance_of(1));
  EXPECT_TRUE(all.equal(augment(options, clips, only_first(draws, 5), chance_of(0.5))));
  for (int64_t i = 0; i < 8; ++i) EXPECT_FALSE(all[i].allclose(clips[i])) << i;
}

TEST(AugmentTest, EachTransformationHasAChanceOfItsOwn) {
  auto draws = draw_augment(4000, test::random(8));
  draws.color.fill_(0.9);
  draws.translation.fill_(0.9);
  draws.cutout.fill_(0.5);
  // Of one black pixel only brightness is seen; a white one cut out is black.
  const auto black = torch::zeros({4000, 1, 1, 1, 1});
  const auto share = [](const torch::Tensor& changed) {
    return changed.to(torch::kFloat).mean().item<double>();
  };
  const auto bright = augment(augment_options(1, 0, 0), black, draws, chance_of(0.3)).ne(0);
  const auto cut = augment(augment_options(0, 0, 1), black + 1, draws, chance_of(0.3)).eq(0);
  EXPECT_NEAR(share(bright), 0.3, 0.03);
  EXPECT_NEAR(share(cut), 0.3, 0.03);
  EXPECT_NEAR(share(bright.logical_and(cut)), 0.09, 0.02);
}

TEST(AugmentTest, ColorHasAStrength) {
  const auto clips = torch::randn({3, 3, 2, 4, 4}, test::random(9));
  const auto strong = draw_augment(3, test::random(10));
  auto weak = strong;
  weak.color = 0.5 + (strong.color - 0.5) * 0.4;
  const auto one = chance_of(1);
  EXPECT_TRUE(augment(augment_options(0.4, 0, 0), clips, strong, one)
                  .allclose(augment(augment_options(1, 0, 0), clips, weak, one), 1e-5, 1e-6));
}

TEST(AugmentTest, SaturationLeavesOneChannelAsItIs) {
  auto draws = draw_augment(3, test::random(11));
  draws.color.select(1, 0).fill_(0.5);
  draws.color.select(1, 2).fill_(0.5);
  const auto options = augment_options(1, 0, 0);
  const auto grey = torch::randn({3, 1, 2, 8, 8}, test::random(12));
  EXPECT_TRUE(augment(options, grey, draws, chance_of(1)).allclose(grey, 1e-5, 1e-6));
  const auto color = torch::randn({3, 3, 2, 8, 8}, test::random(12));
  EXPECT_FALSE(augment(options, color, draws, chance_of(1)).allclose(color, 1e-2, 1e-2));
}

TEST(AugmentTest, TranslationGoesAsFarAsItsShare) {
  auto draws = draw_augment(2000, test::random(13));
  // The place of a bright pixel in the middle says how far each clip was moved.
  auto clips = torch::zeros({2000, 1, 1, 16, 16});
  clips.select(3, 8).select(3, 8).fill_(1);
  const auto out = augment(augment_options(0, 0.125, 0), clips, draws, chance_of(1));
  const auto seen = out.sum({0, 1, 2});
  auto expected = torch::zeros({16, 16});
  expected.slice(0, 6, 11).slice(1, 6, 11).fill_(2000.0 / 25);
  EXPECT_EQ(seen.sum().item<double>(), 2000);
  EXPECT_TRUE(seen.gt(0).equal(expected.gt(0)));
  EXPECT_LT((seen - expected).abs().max().item<double>(), 45);
}

TEST(AugmentTest, CutoutIsASquareWhoseMiddleLiesInThePicture) {
  const auto ones = torch::ones({3, 3, 2, 16, 16});
  auto draws = draw_augment(3, test::random(14));
  const auto one = chance_of(1);
  const auto expect_hole = [&](const torch::Tensor& clip, int64_t from, int64_t to) {
    auto expected = torch::ones({3, 2, 16, 16});
    expected.slice(2, from, to).slice(3, from, to).zero_();
    EXPECT_TRUE(clip.equal(expected)) << from << " to " << to;
  };
  draws.cutout.copy_(torch::tensor({0.0f, 0.5f, 0.999f}).unsqueeze(1).expand({3, 2}));
  const auto even = augment(augment_options(0, 0, 0.5), ones, draws, one);
  expect_hole(even[0], 0, 4);
  expect_hole(even[1], 4, 12);
  expect_hole(even[2], 12, 16);
  const auto odd = augment(augment_options(0, 0, 3.0 / 16), ones, draws, one);
  expect_hole(odd[0], 0, 2);
  expect_hole(odd[1], 7, 10);
  expect_hole(odd[2], 14, 16);
}

TEST(AugmentTest, KeepsTheLayoutAndComputesInFloat32) {
  const auto clips = torch::randn({2, 3, 4, 8, 8}, test::random(15));
  const auto draws = draw_augment(2, test::random(16));
  for (const auto& options : {augment_options(1, 0, 0), augment_options(0, 0.25, 0),
                              augment_options(0, 0, 0.5), augment_options(1, 0.25, 0.5)}) {
    const auto plain = augment(options, clips, draws, chance_of(1));
    const auto last = augment(options, clips.contiguous(kLast), draws, chance_of(1));
    EXPECT_TRUE(last.is_contiguous(kLast));
    EXPECT_TRUE(last.allclose(plain, 1e-5, 1e-6));
    const auto low = clips.to(torch::kBFloat16);
    const auto out = augment(options, low, draws, chance_of(1));
    EXPECT_EQ(out.scalar_type(), torch::kFloat);
    EXPECT_TRUE(out.equal(augment(options, low.to(torch::kFloat), draws, chance_of(1))));
  }
}

TEST(AugmentTest, RefusesDrawsForOtherClips) {
  const auto clips = torch::zeros({2, 3, 1, 4, 4});
  const auto options = augment_options(1, 0, 0);
  EXPECT_THROW(augment(options, clips, draw_augment(3, test::random(0)), chance_of(1)), c10::Error);
  EXPECT_THROW(augment(options, clips, {}, chance_of(1)), c10::Error);
}

TEST(AugmentationTest, OffItTouchesNothing) {
  Augmentation off({}, torch::kCPU);
  const auto clips = torch::zeros({2, 3, 1, 4, 4}, torch::kBFloat16);
  EXPECT_TRUE(off.apply(clips, {}).is_same(clips));
  EXPECT_FALSE(off.probability().defined());
  checkpoint::StateSaver saver;
  off.visit(saver, "augment");
  EXPECT_TRUE(saver.tensors.empty());
}

TEST(AugmentationTest, AConstantProbabilityStays) {
  auto options = augment_options(0, 0, 0.5);
  options.probability = 0.25;
  Augmentation constant(options, torch::kCPU);
  constant.update(torch::ones({}), 1000000);
  EXPECT_EQ(constant.probability().item<float>(), 0.25f);
  checkpoint::StateSaver saver;
  constant.visit(saver, "augment");
  EXPECT_TRUE(saver.tensors.empty()) << "the configuration holds it";
  const auto clips = torch::ones({4, 3, 1, 8, 8});
  const auto draws = draw_augment(4, test::random(17));
  EXPECT_TRUE(constant.apply(clips, draws)
                  .equal(augment(options, clips, draws, chance_of(options.probability))));
}

TEST(AugmentationTest, AProbabilityThatAdaptsFollowsTheSignWithinItsRange) {
  auto options = augment_options(0, 0, 0.5);
  options.target = 0.6;
  options.adapt_clips = 100;
  Augmentation adaptive(options, torch::kCPU);
  const auto after = [&](double sign, int64_t clips) {
    adaptive.update(torch::full({}, sign), clips);
    return adaptive.probability().item<float>();
  };
  EXPECT_EQ(adaptive.probability().item<float>(), 0);
  EXPECT_EQ(after(0.5, 30), 0) << "not below 0";
  EXPECT_FLOAT_EQ(after(0.7, 30), 0.3f);
  EXPECT_FLOAT_EQ(after(1, 50), 0.8f);
  EXPECT_FLOAT_EQ(after(-1, 10), 0.7f);
  EXPECT_EQ(after(0.61, 40), 1) << "not above 1";
  EXPECT_FLOAT_EQ(after(0.59, 1), 0.99f);

  checkpoint::StateSaver saver;
  adaptive.visit(saver, "augment");
  ASSERT_EQ(saver.tensors.size(), 1u);
  EXPECT_TRUE(saver.tensors.at("augment.probability").equal(adaptive.probability()));
}

}  // namespace
}  // namespace vidgen::train
