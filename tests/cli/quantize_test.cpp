#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
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

  const auto shown = work_.run({"inspect", "int8.safetensors", "--tensors"});
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
  expect_refuses(work_,
                 {"quantize", "--checkpoint", "int8.safetensors", "--out", "out.safetensors",
                  "--finetune-steps", "5"},
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

TEST_F(QuantizeTest, FinetuningSaysWhatItGained) {
  const auto result = work_.run({"quantize", "--checkpoint", "run", "--out", "tuned.safetensors",
                                 "--clips", "2", "--min-psnr", "0", "--finetune-steps", "5",
                                 "--finetune-lr", "1e-3", "--finetune-batch", "2"});
  expect_success(result);
  EXPECT_THAT(result.err, HasSubstr("step 5/5"));
  EXPECT_THAT(result.out, ::testing::ContainsRegex(
                              "fine-tuned for 5 steps: PSNR to float32 [0-9.]+ -> [0-9.]+ dB"));
  expect_success(
      work_.run({"sample", "--checkpoint", "tuned.safetensors", "--out", "a.safetensors"}));
  const auto shown = work_.run({"inspect", "tuned.safetensors"});
  expect_success(shown);
  EXPECT_THAT(shown.out, HasSubstr("\"finetune\":{\"steps\":5,"));
  EXPECT_THAT(shown.out, HasSubstr("\"psnr_before\":"));
  EXPECT_THAT(shown.out, HasSubstr("\"psnr_after\":"));
}

TEST_F(QuantizeTest, NoStepsOfFinetuningChangeNothing) {
  expect_success(work_.run({"quantize", "--checkpoint", "run", "--out", "same.safetensors",
                            "--clips", "2", "--min-psnr", "0", "--finetune-steps", "0"}));
  EXPECT_TRUE(read_bytes(work_ / "same.safetensors") == read_bytes(work_ / "int8.safetensors"));
}

TEST_F(QuantizeTest, EndingItEarlyCostsNothing) {
  const auto tree = work_.tree();
  const auto before = read_bytes(work_ / "int8.safetensors");
  Program program(program_path(),
                  {"quantize", "--checkpoint", "run", "--out", "int8.safetensors", "--clips", "1",
                   "--min-psnr", "0", "--finetune-steps", "1000000000"},
                  work_.options());
  ASSERT_TRUE(wait_until([&] {
    return program.err().find("fine-tuning") != std::string::npos || !program.running();
  }));
  ASSERT_TRUE(program.running()) << program.err();
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait().signal, SIGTERM);
  EXPECT_TRUE(read_bytes(work_ / "int8.safetensors") == before);
  EXPECT_EQ(work_.tree(), tree);
  EXPECT_THAT(work_.temporary_files(), ::testing::IsEmpty());
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
  expect_refuses(work_, with({"out.safetensors", "--finetune-steps", "-1"}), {"--finetune-steps"});
  expect_refuses(work_, with({"out.safetensors", "--finetune-steps", "1", "--finetune-lr", "0"}),
                 {"finetune-lr: found 0"});
  expect_refuses(work_, with({"out.safetensors", "--finetune-steps", "1", "--finetune-batch", "0"}),
                 {"--finetune-batch"});
  expect_refuses(work_, with({"out.safetensors", "--finetune-lr", "0.1"}),
                 {"--finetune-lr", "--finetune-steps"});
}

}  // namespace
}  // namespace vidgen::test
