#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/checkpoint.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using checkpoint::Tensors;
using ::testing::HasSubstr;

/// The tensors whose names begin with `prefix`, without it.
Tensors under(const Tensors& all, const std::string& prefix) {
  Tensors result;
  for (const auto& [name, tensor] : all) {
    if (name.rfind(prefix, 0) == 0) result[name.substr(prefix.size())] = tensor;
  }
  return result;
}

int64_t count_zeros(const torch::Tensor& tensor) { return tensor.eq(0).sum().item<int64_t>(); }

/// Every weight that a mask removes is zero, in the generator and in its average.
void expect_masked(const Tensors& tensors, const Tensors& masks) {
  ASSERT_FALSE(masks.empty());
  for (const auto& [name, mask] : masks) {
    for (const std::string prefix : {"generator.", "ema."}) {
      if (prefix == "ema." && under(tensors, prefix).empty()) continue;  // a weights file
      const auto weight = tensors.at(prefix + name);
      EXPECT_EQ(count_zeros(weight.masked_select(mask.eq(0)).ne(0)),
                mask.eq(0).sum().item<int64_t>())
          << prefix << name;
    }
  }
}

/// A workspace with a finished run of two steps.
class PruneTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto result = work_.train();
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  /// vidgen prune --checkpoint IN --out OUT --sparsity S MORE; returns the new tensors.
  Tensors prune(const std::string& in, const std::string& out, const std::string& sparsity,
                const Workspace::Arguments& more = {}) {
    Workspace::Arguments arguments{"--sparsity", sparsity};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return prune_with(in, out, arguments);
  }

  /// vidgen prune --checkpoint IN --out OUT MORE; returns the new tensors.
  Tensors prune_with(const std::string& in, const std::string& out,
                     const Workspace::Arguments& more) {
    Workspace::Arguments arguments{"prune", "--checkpoint", in, "--out", out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = work_.run(arguments);
    expect_success(result);
    table_ = result.out;
    return read(out);
  }

  Tensors read(const fs::path& file) {
    return checkpoint::read_checkpoint(work_ / file).file.tensors;
  }

  Workspace work_;
  std::string table_;
};

TEST_F(PruneTest, LayerScopeTakesTheSameShareOfEach) {
  const auto tensors = prune("run", "pruned.safetensors", "0.5", {"--state"});
  const auto masks = under(tensors, "mask.");
  expect_masked(tensors, masks);
  EXPECT_THAT(table_, HasSubstr("threshold"));
  EXPECT_THAT(table_, HasSubstr("gains no speed"));
  for (const auto& [name, mask] : masks) {
    EXPECT_NEAR(count_zeros(mask), 0.5 * static_cast<double>(mask.numel()), 1) << name;
    EXPECT_THAT(table_, HasSubstr(name));
  }
  expect_success(work_.run({"sample", "--checkpoint", "pruned.safetensors", "--out", "a.mp4"}));
  const auto shown = work_.run({"inspect", "pruned.safetensors", "--tensors"});
  expect_success(shown);
  EXPECT_THAT(shown.out, ::testing::ContainsRegex("mask\\.[a-z._0-9]+ .*Byte .* 50\\.0"));
  EXPECT_THAT(shown.out, ::testing::ContainsRegex("ema\\.[a-z._0-9]+ .*Float .* 50\\.0"));
}

TEST_F(PruneTest, GlobalScopeTakesAnExactCount) {
  const auto tensors = prune("run", "pruned.safetensors", "0.37", {"--scope", "global"});
  const auto masks = under(tensors, "mask.");
  expect_masked(tensors, masks);
  int64_t weights = 0, removed = 0;
  double largest_removed = 0, smallest_kept = HUGE_VAL;
  const auto before = under(read(checkpoint_file("run", 2)), "ema.");
  for (const auto& [name, mask] : masks) {
    weights += mask.numel();
    removed += count_zeros(mask);
    const auto sizes = before.at(name).abs();
    const auto gone = sizes.masked_select(mask.eq(0)), kept = sizes.masked_select(mask.ne(0));
    if (gone.numel() > 0) largest_removed = std::max(largest_removed, gone.max().item<double>());
    if (kept.numel() > 0) smallest_kept = std::min(smallest_kept, kept.min().item<double>());
  }
  EXPECT_EQ(removed, static_cast<int64_t>(std::nearbyint(0.37 * static_cast<double>(weights))));
  EXPECT_LE(largest_removed, smallest_kept);
}

TEST_F(PruneTest, PatternsChooseTheLayers) {
  const auto all = under(prune("run", "all.safetensors", "0.5"), "mask.");
  ASSERT_GE(all.size(), 3u);
  const std::string first = all.begin()->first, last = all.rbegin()->first;
  const auto included = under(
      prune("run", "in.safetensors", "0.5", {"--include", first, "--include", last}), "mask.");
  EXPECT_EQ(included.size(), 2u);
  EXPECT_TRUE(included.count(first) == 1 && included.count(last) == 1);
  const auto tensors = prune("run", "out.safetensors", "0.5", {"--exclude", first, "--state"});
  EXPECT_EQ(under(tensors, "mask.").size(), all.size() - 1);
  EXPECT_EQ(tensors.count("mask." + first), 0u);
  EXPECT_TRUE(tensors.at("ema." + first).equal(read(checkpoint_file("run", 2)).at("ema." + first)));
}

TEST_F(PruneTest, WeightsFileIsPrunedToo) {
  const auto tensors = prune("run/weights.safetensors", "pruned.safetensors", "0.5");
  expect_masked(tensors, under(tensors, "mask."));
  expect_success(work_.run({"sample", "--checkpoint", "pruned.safetensors", "--out", "a.mp4"}));
}

TEST_F(PruneTest, WritesWeightsUnlessStateIsAskedFor) {
  const auto from_run = prune("run", "run.safetensors", "0.5");
  EXPECT_EQ(checkpoint::read_description(work_ / "run.safetensors").kind,
            checkpoint::Kind::kWeights);
  EXPECT_THAT(table_, HasSubstr("PSNR "));
  // A checkpoint gives its averaged generator.
  const auto from_checkpoint = prune(checkpoint_file("run", 2), "checkpoint.safetensors", "0.5");
  ASSERT_EQ(from_checkpoint.size(), from_run.size());
  for (const auto& [name, tensor] : from_run)
    EXPECT_TRUE(tensor.equal(from_checkpoint.at(name))) << name;
  EXPECT_LT(fs::file_size(work_ / "run.safetensors"),
            fs::file_size(work_ / checkpoint_file("run", 2)) / 4);
  expect_refuses(work_,
                 work_.train_arguments({"--resume", "run.safetensors", "--run-dir", "second"}),
                 {"run.safetensors: holds weights only", "vidgen prune --state"});
  prune("run", "state.safetensors", "0.5", {"--state"});
  EXPECT_EQ(checkpoint::read_description(work_ / "state.safetensors").kind,
            checkpoint::Kind::kCheckpoint);
  expect_refuses(work_,
                 {"prune", "run/weights.safetensors", "--out", "out.safetensors", "--sparsity",
                  "0.5", "--state"},
                 {"--state: run/weights.safetensors holds no state of the training"});
}

TEST_F(PruneTest, FinetuningIsAdvisedWhenThePicturesHaveChanged) {
  prune("run", "all.safetensors", "0");
  EXPECT_THAT(table_, HasSubstr("the same pictures as the original"));
  EXPECT_THAT(table_, ::testing::Not(HasSubstr("Fine-tuning comes next")));
  prune("run", "few.safetensors", "0.99");
  const std::string command =
      "vidgen prune run --out few.safetensors --sparsity 0.99 --finetune distill --finetune-steps "
      "1000";
  EXPECT_THAT(table_,
              HasSubstr("Fine-tuning comes next; it needs no videos:\n  " + command + "\n"));
  // It is a command that works.
  prune("run", "few.safetensors", "0.99", {"--finetune", "distill", "--finetune-steps", "1"});
  EXPECT_THAT(table_, ::testing::Not(HasSubstr("Fine-tuning comes next")));
}

TEST_F(PruneTest, FurtherTrainingKeepsTheZeros) {
  const auto masks = under(prune("run", "pruned.safetensors", "0.6", {"--state"}), "mask.");
  expect_success(work_.train(
      {"--resume", "pruned.safetensors", "--run-dir", "second", "--set", "train.steps=5"}));
  const auto trained = read(checkpoint_file("second", 5));
  expect_masked(trained, masks);
  EXPECT_FALSE(trained.at("generator." + masks.begin()->first)
                   .equal(read("pruned.safetensors").at("generator." + masks.begin()->first)));
  expect_masked(read("second/weights.safetensors"), masks);
  // Resumed once more, now from its own checkpoint.
  expect_success(work_.train({"--run-dir", "second", "--set", "train.steps=7"}));
  expect_masked(read(checkpoint_file("second", 7)), masks);
}

TEST_F(PruneTest, PruningAgainKeepsEarlierZeros) {
  const auto first = under(prune("run", "first.safetensors", "0.4"), "mask.");
  const auto tensors = prune("first.safetensors", "second.safetensors", "0.7");
  expect_masked(tensors, first);
  for (const auto& [name, mask] : under(tensors, "mask.")) {
    EXPECT_NEAR(count_zeros(mask), 0.7 * static_cast<double>(mask.numel()), 1) << name;
    EXPECT_EQ(count_zeros(mask.masked_select(first.at(name).eq(0)).ne(0)),
              count_zeros(first.at(name)));
  }
  // A smaller share than before changes nothing.
  const auto again = prune("second.safetensors", "third.safetensors", "0.2");
  for (const auto& [name, tensor] : again) EXPECT_TRUE(tensor.equal(tensors.at(name))) << name;

  const auto before = read(checkpoint_file("run", 2));
  const auto same = prune("run", "same.safetensors", "0", {"--state"});
  for (const auto& [name, tensor] : before) EXPECT_TRUE(tensor.equal(same.at(name))) << name;
}

TEST_F(PruneTest, PatternKeepsTwoOfFourInputs) {
  const auto tensors = prune_with("run", "pruned.safetensors", {"--pattern", "2:4"});
  const auto masks = under(tensors, "mask.");
  expect_masked(tensors, masks);
  // All three are transposed convolutions: their inputs are the first dimension.
  for (const std::string name : {"frame.main.0.weight", "frame.main.3.weight"}) {
    const auto& mask = masks.at(name);
    for (int64_t first = 0; first < mask.size(0); first += 4) {
      const int64_t count = std::min<int64_t>(4, mask.size(0) - first);
      EXPECT_TRUE(mask.narrow(0, first, count).sum(0).eq(2).all().item<bool>()) << name;
    }
  }
  expect_refuses(work_,
                 {"prune", "--checkpoint", "run", "--out", "out.safetensors", "--pattern", "3:2"},
                 {"pattern \"3:2\"", "N:M"});
  expect_refuses(work_,
                 {"prune", "--checkpoint", "run", "--out", "out.safetensors", "--pattern", "2:4",
                  "--sparsity", "0.5"},
                 {"--pattern", "--sparsity"});
  expect_refuses(work_, {"prune", "--checkpoint", "run", "--out", "out.safetensors"},
                 {"--sparsity is required"});
}

TEST_F(PruneTest, WeightsAreStoredSparsely) {
  const fs::path dense = work_ / "run/weights.safetensors";
  prune("run/weights.safetensors", "half.safetensors", "0.5");
  prune("run/weights.safetensors", "tenth.safetensors", "0.9");
  EXPECT_THAT(table_, HasSubstr("B -> "));
  EXPECT_LT(fs::file_size(work_ / "half.safetensors"), fs::file_size(dense));
  EXPECT_LT(fs::file_size(work_ / "tenth.safetensors"), fs::file_size(work_ / "half.safetensors"));
  const auto stored = checkpoint::read_safetensors(work_ / "half.safetensors").tensors;
  EXPECT_EQ(stored.count("sparse.generator.frame.main.3.weight.values"), 1u);
  EXPECT_EQ(stored.count("generator.frame.main.3.weight"), 0u);
  EXPECT_TRUE(under(stored, "mask.").empty());
  // Nobody notices: what is kept is as it was, and it can be pruned again.
  const auto before = read("run/weights.safetensors"), after = read("half.safetensors");
  for (const auto& [name, mask] : under(after, "mask.")) {
    EXPECT_TRUE(after.at("generator." + name).equal(before.at("generator." + name) * mask)) << name;
  }
  expect_masked(prune("half.safetensors", "more.safetensors", "0.8"), under(after, "mask."));
}

TEST_F(PruneTest, FullDiskLeavesNothing) {
  auto options = work_.options();
  options.file_limit = 4096;
  const auto result = run_program(
      program_path(),
      {"prune", "--checkpoint", "run", "--out", "out.safetensors", "--sparsity", "0.5"}, options);
  expect_refused(result, {"cannot write out.safetensors: File too large"});
  EXPECT_FALSE(fs::exists(work_ / "out.safetensors"));
  EXPECT_THAT(work_.temporary_files(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace vidgen::test
