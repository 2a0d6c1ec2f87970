#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

/// What vidgen 0.1 wrote, and what it made of that: tests/fixtures/README.md.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using checkpoint::read_safetensors;

const fs::path kFiles = VIDGEN_TEST_DATA "/fixtures/v0.1";

/// The file that clips/NAME shows.
fs::path file_of(const fs::path& name) {
  for (const char* folder : {".", "run", "run/checkpoints"}) {
    if (fs::exists(kFiles / folder / name)) return kFiles / folder / name;
  }
  ADD_FAILURE() << "there is no " << name;
  return {};
}

TEST(Version01Test, EveryFileGivesTheSameClips) {
  const Workspace work;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(kFiles / "clips")) {
    const auto file = file_of(entry.path().filename());
    SCOPED_TRACE(file);
    expect_success(work.run({"sample", file, "--out", "clips.safetensors", "--count", "2",
                             "--frames", "6", "--seed", "3"}));
    const auto got = read_safetensors(work / "clips.safetensors").tensors.at("clips");
    const auto want = read_safetensors(entry.path()).tensors.at("clips");
    ASSERT_EQ(got.sizes(), want.sizes());
    const auto levels = (got.to(torch::kInt) - want.to(torch::kInt)).abs();
    if (file.filename().string().rfind("int8", 0) == 0) {
      // Processors with instructions for such products (AVX-512 VNNI) round them otherwise: 56.7 dB
      // and more from those without.
      EXPECT_LE(levels.square().to(torch::kFloat).mean().item<float>(), 0.25f);
      ++files;
      continue;
    }
    // Equal with the kernels for AVX2 and for SSE4; others may round a number here and there to the
    // next level.
    EXPECT_LE(levels.max().item<int>(), 1);
    EXPECT_LE(levels.sum().item<int64_t>(), levels.numel() / 1000);
    ++files;
  }
  EXPECT_EQ(files, 14);
}

/// Equal but for what the order of additions, which depends on the processor, does in a few steps:
/// 2e-6 of the largest number between AVX2 and SSE4; with the same kernels it is nothing.
void expect_same_numbers(const torch::Tensor& got, const torch::Tensor& want) {
  ASSERT_EQ(got.sizes(), want.sizes());
  ASSERT_EQ(got.scalar_type(), want.scalar_type());
  if (want.numel() == 0) return;
  const auto difference = (got.to(torch::kDouble) - want.to(torch::kDouble)).abs().max();
  const auto largest = want.to(torch::kDouble).abs().max();
  EXPECT_LE(difference.item<double>(), 1e-4 * largest.item<double>());
}

void expect_same_tensors(const fs::path& got_file, const fs::path& want_file) {
  const auto got = read_safetensors(got_file).tensors, want = read_safetensors(want_file).tensors;
  EXPECT_EQ(got.size(), want.size());
  for (const auto& [name, tensor] : want) {
    SCOPED_TRACE(name);
    ASSERT_EQ(got.count(name), 1u);
    // Attention is the same whatever is added to all keys: this gradient is rounding alone.
    if (name.find("key.bias") != std::string::npos) continue;
    expect_same_numbers(got.at(name), tensor);
  }
}

TEST(Version01Test, ARunGoesOn) {
  const Workspace work;
  for (const char* folder : {"run", "data"}) {
    fs::copy(kFiles / folder, work / folder, fs::copy_options::recursive);
  }
  const auto result = work.run({"train", "run/config.yaml", "--resume", "auto", "--set",
                                "train.steps=67", "--set", "train.device=cpu"});
  expect_success(result);
  EXPECT_THAT(result.err, ::testing::HasSubstr("step-00000061.safetensors at step 61"));
  expect_same_tensors(checkpoint_file(work / "run", 67),
                      kFiles / "after/step-00000067.safetensors");

  const auto got = read_log(work / "run"), want = read_log(kFiles / "after");
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    for (const auto& [key, value] : want[i].items()) {
      if (key == "clips_per_second" || key == "seconds" || key == "time") continue;
      SCOPED_TRACE(key);
      ASSERT_TRUE(got[i].contains(key));
      const auto number = value.get<double>();
      EXPECT_NEAR(got[i].at(key).get<double>(), number, 1e-4 * std::abs(number));
    }
  }
}

TEST(Version01Test, ARunGoesOnFromAPrunedState) {
  const Workspace work;
  fs::copy(kFiles / "data", work / "data", fs::copy_options::recursive);
  expect_success(
      work.run({"train", kFiles / "none.yaml", "--resume", kFiles / "pruned_state.safetensors",
                "--run-dir", "run", "--set", "train.steps=124", "--set", "train.device=cpu"}));
  expect_same_tensors(work / "run/weights.safetensors", kFiles / "after/pruned.safetensors");
}

}  // namespace
}  // namespace vidgen::test
