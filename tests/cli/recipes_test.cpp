#include <gtest/gtest.h>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

/// The recipes that are shipped, one step of each. What makes a step faster or smaller must not
/// change what it computes.
namespace vidgen::test {
namespace {

class RecipeTest : public testing::TestWithParam<std::string> {
 protected:
  RecipeTest() { write_tiny_video(work_ / "wide.mp4", 24, 72); }

  /// What a step of four clips leaves behind: losses, gradients (in the optimisers), weights.
  checkpoint::Tensors step(const std::string& setting) const {
    const auto config =
        std::filesystem::path(VIDGEN_TEST_DATA) / "../configs" / (GetParam() + ".yaml");
    expect_success(
        work_.run({"bench", "train", "--config", config.string(), "--set", "data.sources=wide.mp4",
                   "--set", "train.batch_size=4", "--set", "train.precision=float32", "--set",
                   setting, "--step", "step.safetensors"}));
    return checkpoint::read_safetensors(work_ / "step.safetensors").tensors;
  }

  const Workspace work_;
};

bool is_result(const std::string& name) {
  return name.compare(0, 11, "metric.loss") == 0 || name.compare(0, 15, "after.optimizer") == 0;
}

TEST_P(RecipeTest, FastConvolutionsGiveTheLossesAndGradientsOfPlainOnes) {
  const auto fast = step("train.winograd=true"), plain = step("train.winograd=false");
  int compared = 0;
  for (const auto& [name, expected] : plain) {
    if (!is_result(name) || !expected.is_floating_point()) continue;
    const auto found = fast.at(name).to(torch::kDouble);
    const double error = (found - expected).norm().item<double>();
    EXPECT_LE(error, 1e-4 * expected.norm().item<double>()) << name;
    ++compared;
  }
  EXPECT_GT(compared, 20);
}

TEST_P(RecipeTest, RecomputingChangesNoBit) {
  const auto once = step("train.recompute=false"), again = step("train.recompute=true");
  for (const auto& [name, tensor] : once) EXPECT_TRUE(torch::equal(tensor, again.at(name))) << name;
}

INSTANTIATE_TEST_SUITE_P(Configs, RecipeTest,
                         testing::Values("mocogan64", "quickstart", "seed_dcgan_rnn", "vidgen64"),
                         [](const auto& recipe) { return recipe.param; });

}  // namespace
}  // namespace vidgen::test
