#include "vidgen/infer/plan.h"

#include <gtest/gtest.h>

#include <set>

#include "infer/networks.h"
#include "vidgen/nn/layout.h"

namespace vidgen::infer {
namespace {

std::vector<std::string> names_of(const Plan& plan) {
  std::vector<std::string> names;
  for (const auto& layer : plan) names.push_back(layer.name);
  return names;
}

class PlanTest : public testing::TestWithParam<NetworkCase> {};
INSTANTIATE_TEST_SUITE_P(, PlanTest, testing::ValuesIn(network_cases()),
                         [](const auto& info) { return info.param.name; });

TEST_P(PlanTest, MakesThePicturesOfTheNetwork) {
  auto network = lively_network(GetParam().options);
  const torch::NoGradGuard no_grad;
  const auto latents = some_latents(network, 3);
  const auto expected = network->forward(latents);
  ASSERT_GT(expected.std().item<double>(), 0.05);
  const auto pictures = run_plan(make_plan(network), network->frame_latents(latents), 10);
  EXPECT_LT(difference(nn::as_clips(pictures, 3), expected), 1e-5);
}

TEST_P(PlanTest, LayersAreNamedAndConnected) {
  const auto network = lively_network(GetParam().options);
  const auto plan = make_plan(network);
  const auto names = names_of(plan);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  std::set<size_t> taken;
  for (size_t i = 0; i < plan.size(); ++i) {
    const auto& layer = plan[i];
    EXPECT_EQ(layer.inputs.empty(), i == 0) << layer.name;
    for (const size_t input : layer.inputs) {
      EXPECT_LT(input, i) << layer.name;
      taken.insert(input);
    }
    ASSERT_EQ(layer.weight.defined(), layer.bias.defined()) << layer.name;
    if (!layer.weight.defined()) continue;
    EXPECT_EQ(layer.weight.scalar_type(), torch::kFloat) << layer.name;
    EXPECT_FALSE(layer.weight.requires_grad()) << layer.name;
    EXPECT_TRUE(network->named_parameters().contains(layer.name + ".weight")) << layer.name;
  }
  EXPECT_EQ(taken.size(), plan.size() - 1) << "all but the last are of use";
  EXPECT_EQ(plan.back().activation, Activation::kTanh);
  EXPECT_EQ(last_uses(plan).back(), plan.size());
}

TEST_P(PlanTest, ShowsWhatGoesIntoEachLayer) {
  auto network = lively_network(GetParam().options);
  const torch::NoGradGuard no_grad;
  const auto plan = make_plan(network);
  const auto z = network->frame_latents(some_latents(network, 1));
  std::vector<torch::Tensor> outputs;
  const auto pictures = run_plan(
      plan, z, 10, [&](size_t index, const torch::Tensor& input, const torch::Tensor& output) {
        ASSERT_EQ(index, outputs.size());
        const auto& from = plan[index].inputs;
        EXPECT_TRUE(input.is_same(from.empty() ? z : outputs[from[0]])) << plan[index].name;
        outputs.push_back(output);
      });
  ASSERT_EQ(outputs.size(), plan.size());
  EXPECT_TRUE(outputs.back().is_same(pictures));
}

TEST(PlanOfResidualTest, BlocksBecomeLayers) {
  const auto network = lively_network(network_cases()[4].options);
  EXPECT_EQ(
      names_of(make_plan(network)),
      (std::vector<std::string>{"frame.main.0", "frame.attention_4", "frame.main.3.resample",
                                "frame.main.3.conv", "frame.main.3.project", "frame.main.3.repeat",
                                "frame.main.3.add", "frame.attention_8", "frame.main.4.resample",
                                "frame.main.4.conv", "frame.main.4.project", "frame.main.4.repeat",
                                "frame.main.4.add", "frame.main.5"}));
}

TEST(PlanWeightsTest, AreCopies) {
  auto network = lively_network(tiny_model());
  const torch::NoGradGuard no_grad;
  const auto before = network->forward(some_latents(network, 1)).clone();
  for (auto& layer : make_plan(network)) layer.weight.zero_();
  EXPECT_TRUE(network->forward(some_latents(network, 1)).equal(before));
}

}  // namespace
}  // namespace vidgen::infer
