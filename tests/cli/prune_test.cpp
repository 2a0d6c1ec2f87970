#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

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
    Workspace::Arguments arguments{"prune", "--checkpoint", in,      "--out",
                                   out,     "--sparsity",   sparsity};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = work_.run(arguments);
    expect_success(result);
    table_ = result.out;
    return read(out);
  }

  Tensors read(const fs::path& file) { return checkpoint::read_safetensors(work_ / file).tensors; }

  Workspace work_;
  std::string table_;
};

TEST_F(PruneTest, LayerScopeTakesTheSameShareOfEach) {
  const auto tensors = prune("run", "pruned.safetensors", "0.5");
  const auto masks = under(tensors, "mask.");
  expect_masked(tensors, masks);
  EXPECT_THAT(table_, HasSubstr("threshold"));
  for (const auto& [name, mask] : masks) {
    EXPECT_NEAR(count_zeros(mask), 0.5 * static_cast<double>(mask.numel()), 1) << name;
    EXPECT_THAT(table_, HasSubstr(name));
  }
  expect_success(work_.run({"sample", "--checkpoint", "pruned.safetensors", "--out", "a.mp4"}));
  const auto shown = work_.run({"inspect", "pruned.safetensors"});
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
  const auto tensors = prune("run", "out.safetensors", "0.5", {"--exclude", first});
  EXPECT_EQ(under(tensors, "mask.").size(), all.size() - 1);
  EXPECT_EQ(tensors.count("mask." + first), 0u);
  EXPECT_TRUE(tensors.at("ema." + first).equal(read(checkpoint_file("run", 2)).at("ema." + first)));
}

TEST_F(PruneTest, WeightsFileIsPrunedToo) {
  const auto tensors = prune("run/weights.safetensors", "pruned.safetensors", "0.5");
  expect_masked(tensors, under(tensors, "mask."));
  expect_success(work_.run({"sample", "--checkpoint", "pruned.safetensors", "--out", "a.mp4"}));
}

TEST_F(PruneTest, FurtherTrainingKeepsTheZeros) {
  const auto masks = under(prune("run", "pruned.safetensors", "0.6"), "mask.");
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
  const auto same = prune("run", "same.safetensors", "0");
  for (const auto& [name, tensor] : before) EXPECT_TRUE(tensor.equal(same.at(name))) << name;
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
