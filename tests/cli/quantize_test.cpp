#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// A workspace with a finished run of two steps and what `vidgen quantize` makes of it.
class QuantizeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    expect_success(work_.train());
    const auto result = work_.run({"quantize", "--checkpoint", "run", "--out", "int8.safetensors",
                                   "--clips", "2", "--min-psnr", "0"});
    expect_success(result);
    table_ = result.out;
  }

  Workspace work_;
  std::string table_;
};

TEST_F(QuantizeTest, SaysWhatBecameOfEachLayer) {
  EXPECT_THAT(table_, HasSubstr("PSNR alone"));
  EXPECT_THAT(table_, ::testing::ContainsRegex("frame\\.main\\.0 +from latent +[0-9]+ .* int8"));
  EXPECT_THAT(table_, ::testing::ContainsRegex("frame\\.main\\.3 +double +[0-9]+ .* int8"));
  EXPECT_THAT(table_, ::testing::ContainsRegex("PSNR to float32 [0-9.]+ dB, all in bfloat16 "));
  EXPECT_THAT(table_, HasSubstr("wrote int8.safetensors"));
  EXPECT_LT(fs::file_size(work_ / "int8.safetensors"),
            fs::file_size(work_ / "run/weights.safetensors"));
}

TEST_F(QuantizeTest, TheResultIsSampledAndInspected) {
  expect_success(work_.run({"sample", "--checkpoint", "run", "--out", "a.safetensors"}));
  expect_success(
      work_.run({"sample", "--checkpoint", "int8.safetensors", "--out", "b.safetensors"}));
  const auto before = checkpoint::read_safetensors(work_ / "a.safetensors").tensors.at("clips");
  const auto after = checkpoint::read_safetensors(work_ / "b.safetensors").tensors.at("clips");
  ASSERT_EQ(before.sizes(), after.sizes());
  const auto error = (before.to(torch::kFloat) - after.to(torch::kFloat)).square().mean();
  EXPECT_LT(error.item<double>(), 255.0 * 255.0 / 1e3) << "30 dB";

  const auto shown = work_.run({"inspect", "int8.safetensors"});
  expect_success(shown);
  EXPECT_THAT(shown.out, HasSubstr("kind      quantized"));
  EXPECT_THAT(shown.out, HasSubstr("pass      quantize {"));
  EXPECT_THAT(shown.out, ::testing::ContainsRegex("int8\\.frame\\.main\\.0\\.weight .*Char"));
}

TEST_F(QuantizeTest, TheResultCannotBeChanged) {
  const std::string problem = "int8.safetensors: holds a quantised generator";
  expect_refuses(work_,
                 {"prune", "--checkpoint", "int8.safetensors", "--out", "out.safetensors",
                  "--sparsity", "0.5"},
                 {problem});
  expect_refuses(work_,
                 {"quantize", "--checkpoint", "int8.safetensors", "--out", "out.safetensors"},
                 {problem});
  expect_refuses(work_, work_.train_arguments({"--resume", "int8.safetensors", "--run-dir", "out"}),
                 {problem});
}

TEST_F(QuantizeTest, EachCalibration) {
  for (const std::string kind : {"min-max", "percentile", "mse"}) {
    expect_success(work_.run({"quantize", "--checkpoint", "run", "--out", kind + ".safetensors",
                              "--clips", "1", "--min-psnr", "0", "--calibration", kind}));
  }
}

TEST_F(QuantizeTest, RefusesWhatCannotBe) {
  const Workspace::Arguments command{"quantize", "--checkpoint", "run", "--clips", "1", "--out"};
  const auto with = [&command](const Workspace::Arguments& more) {
    auto arguments = command;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  expect_refuses(work_, with({"out.txt"}), {"--out out.txt", ".safetensors"});
  expect_refuses(work_, with({"none/out.safetensors"}), {"none"});
  expect_refuses(work_, with({"out.safetensors", "--min-psnr", "900"}),
                 {"no layer can be in eight bits"});
  expect_refuses(work_, with({"out.safetensors", "--calibration", "guess"}), {"--calibration"});
  expect_refuses(work_, with({"out.safetensors", "--max-drop", "nan"}), {"max-drop"});
}

}  // namespace
}  // namespace vidgen::test
