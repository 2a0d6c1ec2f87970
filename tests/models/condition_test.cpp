#include "vidgen/models/condition.h"

#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <map>
#include <string>
#include <vector>

#include "support/random.h"
#include "vidgen/models/condition_encoder.h"
#include "vidgen/models/latents.h"

namespace vidgen::models {
namespace {

Condition of_classes(const std::vector<int64_t>& labels) {
  return {torch::tensor(labels, torch::kLong)};
}

std::vector<int64_t> labels_of(const Condition& condition) {
  const auto labels = condition.labels.to(torch::kCPU);
  return {labels.data_ptr<int64_t>(), labels.data_ptr<int64_t>() + labels.numel()};
}

using Labels = std::vector<int64_t>;

TEST(ConditionTest, ClipsAreChosenInAllParts) {
  const auto condition = of_classes({4, 2, 7});
  EXPECT_FALSE(condition.empty());
  EXPECT_EQ(condition.clips(), 3);
  EXPECT_EQ(labels_of(condition.index(torch::tensor({2, 0, 2, 1}, torch::kLong))),
            (Labels{7, 4, 7, 2}));
  EXPECT_EQ(labels_of(condition.narrow(1, 2)), (Labels{2, 7}));
  EXPECT_EQ(labels_of(condition.repeat(2)), (Labels{4, 4, 2, 2, 7, 7})) << "as rows of clips lie";
  EXPECT_EQ(labels_of(condition), (Labels{4, 2, 7})) << "which stays";
}

TEST(ConditionTest, PartsAreShownByTheirNames) {
  auto condition = of_classes({1, 2});
  std::map<std::string, torch::Tensor> parts;
  const Condition& constant = condition;
  constant.for_each(
      [&parts](const std::string& name, const torch::Tensor& part) { parts[name] = part; });
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_TRUE(parts.at("labels").is_same(condition.labels));
  // What they are can be changed.
  condition.for_each([](const char*, torch::Tensor& part) { part = part + 1; });
  EXPECT_EQ(labels_of(condition), (Labels{2, 3}));
  EXPECT_EQ(labels_of(condition.map([](const torch::Tensor& part) { return 2 * part; })),
            (Labels{4, 6}));
  EXPECT_EQ(labels_of(condition), (Labels{2, 3}));
}

TEST(ConditionTest, AnEmptyOneAsksForNothingWhateverIsDone) {
  const Condition none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.clips(), 0);
  none.for_each([](const std::string& name, const torch::Tensor&) { ADD_FAILURE() << name; });
  EXPECT_TRUE(none.to(torch::kCPU).empty());
  EXPECT_TRUE(none.narrow(0, 3).empty());
  EXPECT_TRUE(none.index(torch::tensor({1}, torch::kLong)).empty());
  EXPECT_TRUE(none.repeat(2).empty());
}

TEST(ConditionTest, GoesToADevice) {
  const auto condition = of_classes({1, 2});
  EXPECT_TRUE(condition.to(torch::kCPU).labels.is_same(condition.labels));
  EXPECT_TRUE(condition.to(torch::kMeta).labels.is_meta());
}

TEST(ConditionTest, GoesToADevice_CUDA) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  const auto there = of_classes({1, 2}).to(torch::kCUDA, /*non_blocking=*/true);
  EXPECT_TRUE(there.labels.is_cuda());
  EXPECT_EQ(labels_of(there), (Labels{1, 2}));
}

TEST(ConditionTest, GoesWithTheLatents) {
  auto latents = draw_latents({}, 4, 3, test::random(1));
  EXPECT_TRUE(latents.condition.empty());
  latents.condition = of_classes({3, 1, 0, 2});
  const auto part = latents.narrow(1, 2);
  EXPECT_EQ(labels_of(part.condition), (Labels{1, 0}));
  EXPECT_TRUE(part.content.equal(latents.content.narrow(0, 1, 2)));
  EXPECT_TRUE(part.noise.equal(latents.noise.narrow(0, 1, 2)));
  EXPECT_TRUE(part.initial.equal(latents.initial.narrow(0, 1, 2)));
  EXPECT_FALSE(part.timestamps.defined());
  latents.timestamps = torch::arange(8).view({4, 2});
  EXPECT_TRUE(latents.narrow(3, 1).timestamps.equal(torch::tensor({{6, 7}})));
  EXPECT_TRUE(latents.to(torch::kMeta).condition.labels.is_meta());
}

TEST(ConditionSamplerTest, ClassesComeInTurn) {
  const ConditionSampler sampler(ConditionOptions{3});
  EXPECT_EQ(labels_of(sampler.in_turn(5)), (Labels{0, 1, 2, 0, 1}));
  EXPECT_EQ(labels_of(sampler.in_turn(4, 5)), (Labels{2, 0, 1, 2}));
  EXPECT_EQ(sampler.in_turn(2).labels.scalar_type(), torch::kLong);
}

TEST(ConditionSamplerTest, AListComesInTurn) {
  const ConditionSampler sampler(of_classes({5, 5, 2}));
  EXPECT_EQ(labels_of(sampler.in_turn(7)), (Labels{5, 5, 2, 5, 5, 2, 5}));
  EXPECT_EQ(labels_of(sampler.in_turn(2, 2)), (Labels{2, 5}));
}

TEST(ConditionSamplerTest, DrawsFromTheListAloneByTheGenerator) {
  const ConditionSampler sampler(of_classes({5, 9}));
  const auto drawn = sampler.at_random(200, test::random(1));
  EXPECT_TRUE(drawn.labels.equal(sampler.at_random(200, test::random(1)).labels));
  EXPECT_FALSE(drawn.labels.equal(sampler.at_random(200, test::random(2)).labels));
  const auto nines = drawn.labels.eq(9).sum().item<int64_t>();
  EXPECT_EQ(drawn.labels.eq(5).sum().item<int64_t>(), 200 - nines);
  EXPECT_TRUE(nines > 70 && nines < 130) << nines;
}

TEST(ConditionSamplerTest, WithoutAListNothingIsAskedOrDrawn) {
  const ConditionSampler sampler(ConditionOptions{});
  EXPECT_TRUE(sampler.in_turn(4).empty());
  auto random = test::random(1);
  EXPECT_TRUE(sampler.at_random(4, random).empty());
  EXPECT_TRUE(torch::rand({4}, random).equal(torch::rand({4}, test::random(1))));
}

/// A network that has nothing but the encoder.
struct Network : torch::nn::Module {};

TEST(ConditionEncoderTest, ClassesHaveCodesOfTheirOwn) {
  const auto encoder = make_condition_encoder({3, 5});
  EXPECT_EQ(encoder->dim(), 5);
  EXPECT_EQ(encoder->weights(), 15);
  Network network;
  encoder->add_layers(network);
  ASSERT_EQ(network.named_parameters().keys(), std::vector<std::string>{"classes.weight"});
  const auto codes = network.named_parameters()["classes.weight"];
  std::vector<std::string> shown;
  const auto learned = encoder->encode(
      of_classes({2, 0}),
      [&](const std::string& name, const auto&, const auto&) { shown.push_back(name); });
  EXPECT_TRUE(learned.equal(codes.index_select(0, torch::tensor({2, 0}))));
  EXPECT_EQ(shown, std::vector<std::string>{"classes"});
}

TEST(ConditionEncoderTest, SaysWhatIsMissing) {
  EXPECT_EQ(make_condition_encoder({}), nullptr);
  const auto encoder = make_condition_encoder({3, 5});
  Network network;
  encoder->add_layers(network);
  for (const auto& wrong : {Condition{}, Condition{torch::zeros({2, 1}, torch::kLong)}}) {
    try {
      encoder->encode(wrong);
      ADD_FAILURE() << "no error";
    } catch (const c10::Error& error) {
      EXPECT_EQ(error.what_without_backtrace(),
                std::string("a generator of classes needs labels [B]"));
    }
  }
}

}  // namespace
}  // namespace vidgen::models
