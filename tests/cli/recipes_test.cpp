#include <gtest/gtest.h>

#include <cmath>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/infer/generator.h"

/// The recipes that are shipped, one step of each. What makes a step faster or smaller must not
/// change what it computes.
namespace vidgen::test {
namespace {

class RecipeTest : public testing::TestWithParam<std::string> {
 protected:
  RecipeTest() { write_tiny_video(work_ / "wide.mp4", 24, 72); }

  /// What a step of two clips leaves behind: losses, gradients (in the optimisers), weights.
  checkpoint::Tensors step(const std::vector<std::string>& settings) const {
    const auto config =
        std::filesystem::path(VIDGEN_TEST_DATA) / "../configs" / (GetParam() + ".yaml");
    Workspace::Arguments arguments{"bench",         "train",  "--config",
                                   config.string(), "--step", "step.safetensors"};
    for (const char* setting : {"data.sources=wide.mp4", "train.batch_size=2",
                                "train.precision=float32", "optim.discriminator.lr=0"})
      arguments.insert(arguments.end(), {"--set", setting});
    for (const auto& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    expect_success(work_.run(arguments));
    return checkpoint::read_safetensors(work_ / "step.safetensors").tensors;
  }

  const Workspace work_;
};

constexpr const char* kComputed[] = {"metric.loss", "after.optimizer.discriminator",
                                     "after.optimizer.generator"};

/// |found - expected| / |expected| of all tensors whose names begin like this, as one vector.
double error(const checkpoint::Tensors& found, const checkpoint::Tensors& expected,
             const std::string& prefix) {
  double difference = 0, length = 0;
  for (const auto& [name, tensor] : expected) {
    if (name.compare(0, prefix.size(), prefix) != 0 || !tensor.is_floating_point()) continue;
    const auto exact = tensor.to(torch::kDouble);
    difference += (found.at(name) - exact).pow(2).sum().item<double>();
    length += exact.pow(2).sum().item<double>();
  }
  EXPECT_GT(length, 0) << prefix;
  return std::sqrt(difference / length);
}

// step() does not move the discriminators: Adam's first update is as long as the learning rate
// however small a gradient is, so that of one near 0 depends on its rounding. What is left is
// values so near the kink of a ReLU that they fall to different sides; tests/nn compares single
// layers closely.
TEST_P(RecipeTest, FastConvolutionsGiveTheLossesAndGradientsOfPlainOnes) {
  const auto exact = step({"train.winograd=false"}), fast = step({"train.winograd=true"});
  for (const char* part : kComputed) EXPECT_LT(error(fast, exact, part), 2e-2) << part;
  // A processor that only imitates bfloat16 takes minutes a recipe.
  if (!infer::can_compute(infer::Precision::kBfloat16, torch::kCPU)) return;
  const auto fast_half = step({"train.precision=bfloat16"});
  const auto plain_half = step({"train.precision=bfloat16", "train.winograd=false"});
  for (const char* part : kComputed) {
    // The error of a loss, one number, can be near 0 by chance: a rounding to bfloat16 is allowed.
    EXPECT_LT(error(fast_half, exact, part), 2 * error(plain_half, exact, part) + 0x1p-8) << part;
    EXPECT_LT(error(fast_half, exact, part), 0.5) << part;
  }
}

TEST_P(RecipeTest, RecomputingChangesNoBit) {
  // Penalties need what is recomputed.
  const auto once = step({"train.recompute=false", "loss.r1=0"});
  const auto again = step({"train.recompute=true", "loss.r1=0"});
  for (const auto& [name, tensor] : once) EXPECT_TRUE(torch::equal(tensor, again.at(name))) << name;
}

INSTANTIATE_TEST_SUITE_P(Configs, RecipeTest,
                         testing::Values("dcgan_lstm64", "mocogan64", "quickstart",
                                         "seed_dcgan_rnn", "moving_digits64", "street64",
                                         "tiny32_laptop", "vidgen64"),
                         [](const auto& recipe) { return recipe.param; });

}  // namespace
}  // namespace vidgen::test
