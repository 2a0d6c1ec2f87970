// A pruned generator that is trained on.
#include "vidgen/compress/finetune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "train/tiny_gan.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/compress/prune.h"
#include "vidgen/compress/structured.h"
#include "vidgen/train/trainer.h"

namespace vidgen::compress {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class FinetuneTest : public ::testing::Test {
 protected:
  FinetuneTest() {
    auto options = train::tiny_options();
    options.optim.generator.lr = 2e-3;
    options.train.batch_size = 8;
    // Distilling needs neither of them.
    options.data.sources.resize(1);
    options.data.sources[0].path = (folder_ / "lost.mp4").string();
    options.train.evaluate.every = 10;
    options.train.on_divergence = train::OnDivergence::kRestoreBest;
    train::write_generator(file_, options);
  }

  /// The file without half of its arithmetic.
  checkpoint::Checkpoint pruned() const {
    auto checkpoint = checkpoint::read_checkpoint(file_);
    StructuredOptions options;
    options.allocation.sparsity = 0.5;
    prune_structured(checkpoint, options);
    checkpoint::add_pass(checkpoint, "prune", {{"method", "structured"}});
    return checkpoint;
  }

  FinetuneOptions distilling(int64_t steps) const {
    return {FinetuneMethod::kDistill, steps, folder_ / "run"};
  }

  /// The mean squared difference of a generator's clips from those of the file, of latents that no
  /// step draws.
  double distance(const checkpoint::Checkpoint& checkpoint) const {
    const torch::NoGradGuard no_grad;
    auto original = checkpoint::load_generator(checkpoint::read_checkpoint(file_));
    auto other = checkpoint::load_generator(checkpoint);
    const auto latents =
        models::sample_latents(original->options.temporal, 32, checkpoint.clip.frames, 77);
    return (other->forward(latents) - original->forward(latents)).square().mean().item<double>();
  }

  const test::TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_ / "weights.safetensors";
};

TEST_F(FinetuneTest, TheUnprunedTeachesThePruned) {
  const auto small = pruned();
  const double before = distance(small);
  EXPECT_GT(before, 0);
  const auto tuned = finetune(small, distilling(40));
  ASSERT_TRUE(tuned.has_value());
  EXPECT_LT(distance(*tuned), before);
  EXPECT_EQ(checkpoint::model_options(*tuned).generator.widths, (std::vector<int64_t>{4, 4}));
  // What is not learned is as it was.
  EXPECT_EQ(tuned->kind, checkpoint::Kind::kWeights);
  EXPECT_EQ(tuned->config, small.config);
  ASSERT_EQ(tuned->file.tensors.size(), small.file.tensors.size());
  for (const auto& [name, tensor] : small.file.tensors) {
    const auto& now = tuned->file.tensors.at(name);
    EXPECT_EQ(now.sizes(), tensor.sizes()) << name;
    if (name.rfind("generator.temporal", 0) == 0) {
      EXPECT_TRUE(now.equal(tensor)) << name;
    }
  }
  ASSERT_EQ(tuned->passes.size(), 2u);
  EXPECT_EQ(tuned->passes[0].at("pass"), "prune");
  EXPECT_EQ(tuned->passes[1].at("pass"), "finetune");
  EXPECT_EQ(tuned->passes[1].at("options"), core::Json({{"how", "distill"}, {"steps", 40}}));
}

TEST_F(FinetuneTest, BeginsWithThePrunedWeights) {
  const auto small = pruned();
  const auto options = finetune_options(small, distilling(1));
  EXPECT_EQ(options.distill.teacher, file_.string());
  EXPECT_EQ(options.distill.adversarial, 0);
  EXPECT_FALSE(options.reads_clips());
  train::Trainer trainer(options);
  trainer.begin_with(small);
  const auto first = checkpoint::read_checkpoint(
      checkpoint::RunFolder(options.run_dir).newest_checkpoint().value());
  EXPECT_EQ(first.kind, checkpoint::Kind::kCheckpoint);
  EXPECT_EQ(first.step, 0);
  EXPECT_EQ(first.passes, small.passes);
  for (const auto& item : trainer.gan().generator()->named_parameters()) {
    const auto& expected = small.file.tensors.at("generator." + item.key());
    for (const std::string prefix : {"generator.", "ema."}) {
      EXPECT_TRUE(first.file.tensors.at(prefix + item.key()).equal(expected)) << item.key();
    }
  }
}

TEST_F(FinetuneTest, SingleWeightsThatWerePrunedStayZero) {
  auto small = checkpoint::read_checkpoint(file_);
  PruneOptions half;
  half.sparsity = 0.5;
  prune_checkpoint(small, half);
  const double before = distance(small);
  const auto tuned = finetune(small, distilling(40));
  ASSERT_TRUE(tuned.has_value());
  EXPECT_LT(distance(*tuned), before);
  const auto masks = small.tensors_under("mask.");
  ASSERT_FALSE(masks.empty());
  for (const auto& [name, mask] : masks) {
    const auto& weight = tuned->file.tensors.at("generator." + name);
    EXPECT_TRUE(weight.masked_select(mask.eq(0)).eq(0).all().item<bool>()) << name;
  }
}

TEST_F(FinetuneTest, AFolderThatIsInUseIsLeftAlone) {
  const auto small = pruned();
  FinetuneOptions options = distilling(1);
  options.run_dir = folder_.path();
  EXPECT_THAT(test::error_of([&] { finetune(small, options); }),
              StartsWith(folder_.path().string() + ": already exists, expected an empty folder"));
  EXPECT_THAT(test::error_of([&] { check_is_free({{}, 1, file_}); }), HasSubstr("already exists"));
  EXPECT_EQ(test::error_of([&] { check_is_free({{}, 1, folder_ / "none"}); }), "");
  std::filesystem::create_directory(folder_ / "empty");
  EXPECT_EQ(test::error_of([&] { check_is_free({{}, 1, folder_ / "empty"}); }), "");
  finetune(small, distilling(1));
  EXPECT_THAT(test::error_of([&] {
                check_is_free({{}, 1, folder_ / "run"});
              }),
              HasSubstr("already holds a run (step-00000001.safetensors)"));
}

TEST_F(FinetuneTest, TheGameNeedsItsDiscriminators) {
  const auto small = pruned();
  EXPECT_THAT(test::error_of([&] {
                finetune_options(small, {FinetuneMethod::kAdversarial, 1, "run"});
              }),
              StartsWith(file_.string() + ": holds weights only; to fine-tune, give a checkpoint"));
}

}  // namespace
}  // namespace vidgen::compress
