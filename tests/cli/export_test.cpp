#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "support/random_model.h"
#include "support/weights_file.h"
#include "vidgen/core/error.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Arguments = Workspace::Arguments;

const fs::path kSources = fs::path(VIDGEN_TEST_DATA).parent_path();

models::ModelOptions tiny_model(const std::string& type) {
  models::ModelOptions options;
  options.generator.widths = {8, 8};
  options.temporal = {type, /*content_dim=*/4, /*motion_dim=*/6, /*hidden=*/7};
  options.temporal.kernel = 3;
  return options;
}

/// A workspace with weights files, and the runtimes that others would run an exported model in.
class ExportTest : public ::testing::Test {
 protected:
  /// Below the build folder, shared by all tests.
  static fs::path runtimes() {
    return fs::path(VIDGEN_TEST_PROGRAM).parent_path() / "tests" / "export_runtimes";
  }

  static void SetUpTestSuite() {
    const auto result =
        Program(kSources / "tests/cli/export_runtimes.sh", {runtimes().string()}, {}).wait(500);
    ASSERT_EQ(result.exit_code, 0) << "pip could not install ONNX Runtime and OpenVINO:\n"
                                   << result.err;
  }

  /// Exports model NAME, whole clips and steps, with examples of more frames than it was made for.
  void export_onnx(const std::string& name, const models::ModelOptions& options,
                   bool with_steps = true) {
    const std::string weights = name + ".safetensors";
    write_random_weights(work_ / weights, options, {3, 5, 16, 25});
    for (const bool step : {false, true}) {
      if (step && !with_steps) continue;
      const std::string out = name + (step ? "-step" : "-clips");
      Arguments arguments{"export",
                          "--checkpoint",
                          weights,
                          "--format",
                          "onnx",
                          "--out",
                          out + ".onnx",
                          "--reference",
                          out + "-reference.safetensors",
                          "--frames",
                          "9",
                          "--seed",
                          "4"};
      if (step) arguments.push_back("--step");
      expect_success(work_.run(arguments));
      files_.push_back(out + ".onnx");
      files_.push_back(out + "-reference.safetensors");
    }
  }

  /// tools/check_export.py on all that was exported, in both runtimes.
  void expect_runtimes_agree(const Arguments& more = {}) {
    Arguments arguments{"python3", (kSources / "tools/check_export.py").string()};
    arguments.insert(arguments.end(), files_.begin(), files_.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto options = work_.options();
    options.environment["PYTHONPATH"] = runtimes().string();
    const auto result = run_program("/usr/bin/env", arguments, options);
    expect_success(result);
    for (size_t i = 0; i < files_.size(); i += 2) {
      EXPECT_THAT(result.out, HasSubstr(files_[i] + ": onnxruntime: differs by at most"));
      EXPECT_THAT(result.out, HasSubstr(files_[i] + ": openvino: differs by at most"));
    }
    EXPECT_THAT(work_.temporary_files(), ::testing::IsEmpty());
  }

  Workspace work_;
  std::vector<std::string> files_;
};

TEST_F(ExportTest, EveryTemporalTypeRunsInOnnxRuntimeAndOpenVino) {
  export_onnx("none", tiny_model("none"));
  export_onnx("gru_cell", tiny_model("gru_cell"));
  export_onnx("sinusoidal", tiny_model("sinusoidal"));
  for (const int64_t layers : {1, 2}) {
    auto options = tiny_model("lstm");
    options.temporal.layers = layers;
    export_onnx(core::cat("lstm", layers), options);
    options.temporal.type = "gru";
    export_onnx(core::cat("gru", layers), options);
    options.temporal.type = "convolution";
    export_onnx(core::cat("convolution", layers), options);
  }
  expect_runtimes_agree();
}

TEST_F(ExportTest, EveryFrameGeneratorRunsInOnnxRuntimeAndOpenVino) {
  auto options = tiny_model("gru_cell");
  options.class_names = {"cats", "cows", "dogs"};
  options.generator.attention = {4, 8};
  export_onnx("attention", options);
  options.generator.attention_axes = nn::AttentionAxes::kSpaceTime;
  export_onnx("space_time", options, /*with_steps=*/false);
  options = tiny_model("lstm");
  options.generator.widths = {8, 8, 8};
  export_onnx("full_size", options);
  options.generator.type = "residual";
  options.generator.attention = {8};
  export_onnx("residual", options);
  options.generator.warp_resolution = 8;
  options.generator.warp_groups = 2;
  options.generator.warp_still = 1;
  options.generator.warp_fade = true;
  export_onnx("warp", options);
  options.generator.slots = 2;
  options.temporal.content_dim = 6;
  options.temporal.motion_dim = 4;
  export_onnx("slots", options);
  options.generator.slots = 1;
  options.generator.warp_fade = false;
  options.generator.warp_resolution = 0;
  options.temporal.content_dim = 0;
  export_onnx("no_content", options);
  expect_runtimes_agree();
}

TEST_F(ExportTest, RandomOptionsRunInOnnxRuntimeAndOpenVino) {
  uint64_t seed = 0;
  for (const auto& motion : nn::motion_types()) {
    for (const auto& frames : models::frame_generator_types()) {
      const auto options = random_model(frames.name, motion.name, {3, 5, 16, 25}, ++seed);
      const bool steps = options.generator.attention.empty() ||
                         options.generator.attention_axes == nn::AttentionAxes::kSpace;
      export_onnx(core::cat("random", seed), options, steps);
    }
  }
  expect_runtimes_agree();
}

TEST_F(ExportTest, QuantizedGeneratorKeepsItsIntegers) {
  auto options = tiny_model("lstm");
  options.generator.widths = {16, 16};
  options.generator.attention = {8};
  write_random_weights(work_ / "float.safetensors", options, {3, 5, 16, 25});
  expect_success(work_.run({"quantize", "--checkpoint", "float.safetensors", "--out",
                            "int8.safetensors", "--clips", "4", "--min-psnr", "20"}));
  for (const std::string step : {"", "--step"}) {
    const std::string out = step.empty() ? "clips" : "step";
    Arguments arguments{"export",      "--checkpoint", "int8.safetensors",  "--out",
                        out + ".onnx", "--reference",  out + ".safetensors"};
    if (!step.empty()) arguments.push_back(step);
    expect_success(work_.run(arguments));
    const std::string bytes = read_bytes(work_ / (out + ".onnx"));
    EXPECT_NE(bytes.find("QuantizeLinear"), std::string::npos);
    int64_t layers = 0;
    const auto tensors = checkpoint::read_safetensors(work_ / "int8.safetensors").tensors;
    for (const auto& [name, tensor] : tensors) {
      if (tensor.scalar_type() != torch::kChar) continue;
      // The integers as they are.
      const std::string integers(static_cast<const char*>(tensor.const_data_ptr()),
                                 tensor.nbytes());
      EXPECT_NE(bytes.find(integers), std::string::npos) << name;
      ++layers;
    }
    EXPECT_GT(layers, 0);
    files_.push_back(out + ".onnx");
    files_.push_back(out + ".safetensors");
  }
  // Where a kernel rounds the other way, a step of a scale is handed on.
  expect_runtimes_agree({"--tolerance", "0.05"});
}

TEST_F(ExportTest, CheckFindsWrongNumbers) {
  export_onnx("model", tiny_model("lstm"));
  // The other model's clips.
  auto other = tiny_model("lstm");
  other.generator.type = "residual";
  other.generator.widths = {8, 8, 8};
  export_onnx("other", other);
  files_ = {files_[0], files_[5]};
  Arguments arguments{"python3", (kSources / "tools/check_export.py").string(), files_[0],
                      files_[1]};
  auto options = work_.options();
  options.environment["PYTHONPATH"] = runtimes().string();
  const auto result = run_program("/usr/bin/env", arguments, options);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("more than 0.0001"));
}

TEST_F(ExportTest, TrainedRunAsTorchScript) {
  expect_success(work_.train());
  const auto result = work_.run({"export", "--checkpoint", "run", "--format", "torchscript",
                                 "--out", "model.pt", "--reference", "reference.safetensors"});
  expect_success(result);
  EXPECT_THAT(result.err, HasSubstr("wrote model.pt: latents to clips"));
  EXPECT_TRUE(fs::exists(work_ / "model.pt"));
  const auto example = checkpoint::read_safetensors(work_ / "reference.safetensors").tensors;
  EXPECT_EQ(example.at("output.clips").sizes(), (std::vector<int64_t>{2, 10, 3, 16, 16}));
}

TEST_F(ExportTest, WhatCannotBeWrittenIsRefused) {
  write_random_weights(work_ / "weights.safetensors", tiny_model("none"), {3, 5, 16, 25});
  const auto refuses = [&](const Arguments& more, const std::vector<std::string>& parts) {
    Arguments arguments{"export", "--checkpoint", "weights.safetensors"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_refuses(work_, arguments, parts);
  };
  refuses({"--out", "model.pt"}, {"--out model.pt: expected a name that ends in .onnx"});
  refuses({"--format", "torchscript", "--out", "model.onnx"}, {"ends in .pt"});
  refuses({"--format", "tflite", "--out", "model.onnx"}, {"--format", "tflite"});
  refuses({"--out", "model.onnx", "--reference", "example.npz"}, {"ends in .safetensors"});
  refuses({"--out", "nowhere/model.onnx"}, {"nowhere"});
  auto options = work_.options();
  options.file_limit = 1000;
  expect_refused(
      run_program(program_path(),
                  {"export", "--checkpoint", "weights.safetensors", "--out", "model.onnx"},
                  options),
      {"cannot write model.onnx: File too large"});
  EXPECT_FALSE(fs::exists(work_ / "model.onnx"));
  EXPECT_THAT(work_.temporary_files(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace vidgen::test
