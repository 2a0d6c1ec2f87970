#include "vidgen/export/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <map>

#include "support/temporary_folder.h"
#include "support/weights_file.h"
#include "vidgen/core/error.h"

namespace vidgen::exporting {
namespace {

using namespace infer;  // NOLINT(google-build-using-namespace)

using checkpoint::Tensors;
using ::testing::HasSubstr;

const std::string kExportedTypes[] = {"none",     "lstm",        "gru",
                                      "gru_cell", "convolution", "sinusoidal"};

models::ModelOptions exported_model(const std::string& type) {
  models::ModelOptions options;
  options.generator.widths = {8, 8};
  options.temporal = {type, /*content_dim=*/5, /*motion_dim=*/4, /*hidden=*/6};
  if (type == "lstm" || type == "gru" || type == "convolution") {
    options.temporal.layers = 2;
  }
  options.temporal.kernel = 3;
  return options;
}

class ExportTest : public ::testing::Test {
 protected:
  Exporter exporter(const models::ModelOptions& options) {
    return Exporter(
        test::write_random_weights(folder_ / "weights.safetensors", options, {3, 5, 16, 25}));
  }

  torch::jit::Module script(const Exporter& exporter, bool step) {
    const auto path = folder_ / "model.pt";
    exporter.write({ExportFormat::kTorchScript, step}, path);
    return torch::jit::load(path.string());
  }

  test::TemporaryFolder folder_;
};

/// The inputs of an example, by name.
torch::jit::Kwargs inputs_of(const Tensors& example) {
  torch::jit::Kwargs inputs;
  const std::string prefix = "input.";
  for (const auto& [name, tensor] : example) {
    if (name.rfind(prefix, 0) == 0) inputs[name.substr(prefix.size())] = tensor;
  }
  return inputs;
}

double distance_between(const torch::Tensor& a, const torch::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a - b).abs().max().item<double>();
}

void expect_clips(torch::jit::Module model, const Tensors& example) {
  const auto clips = model.forward({}, inputs_of(example)).toTensor();
  EXPECT_LT(distance_between(clips, example.at("output.clips")), 1e-5);
}

void expect_steps(torch::jit::Module model, const Tensors& example) {
  auto inputs = inputs_of(example);
  const auto expected = example.at("output.clips");
  for (int64_t t = 0; t < expected.size(1); ++t) {
    if (example.count("input.noise") > 0) {
      inputs["noise"] = example.at("input.noise").select(1, t);
    }
    const auto result = model.forward({}, inputs);
    const bool with_state = result.isTuple();
    EXPECT_EQ(with_state, example.count("input.state") > 0);
    const auto frame = with_state ? result.toTuple()->elements()[0].toTensor() : result.toTensor();
    EXPECT_LT(distance_between(frame, expected.select(1, t)), 1e-5) << "frame " << t;
    if (with_state) inputs["state"] = result.toTuple()->elements()[1];
  }
}

TEST_F(ExportTest, TorchScriptComputesWhatTheNetworkComputes) {
  for (const auto& type : kExportedTypes) {
    SCOPED_TRACE(type);
    const auto written = exporter(exported_model(type));
    // Of any length.
    for (const int64_t frames : {5, 8}) {
      const auto example = written.example({}, {/*clips=*/3, frames, /*seed=*/7});
      const auto clips = example.at("output.clips");
      EXPECT_EQ(clips.sizes(), (std::vector<int64_t>{3, frames, 3, 16, 16}));
      EXPECT_GT(clips.std().item<double>(), 0.05) << "pictures that show something";
      expect_clips(script(written, false), example);
    }
    const ExportOptions step{ExportFormat::kTorchScript, true};
    expect_steps(script(written, true), written.example(step, {/*clips=*/2}));
  }
}

TEST_F(ExportTest, NetworkThatMovesWhatItPaints) {
  auto options = exported_model("sinusoidal");
  options.generator.warp_resolution = 4;
  options.generator.warp_groups = 2;
  options.generator.warp_fade = true;
  const auto written = exporter(options);
  expect_clips(script(written, false), written.example({}, {}));
  expect_steps(script(written, true), written.example({ExportFormat::kTorchScript, true}, {}));
}

TEST_F(ExportTest, ObjectsAreMovedByThemselves) {
  for (const auto& type : kExportedTypes) {
    SCOPED_TRACE(type);
    auto options = exported_model(type);
    options.temporal.content_dim = 6;
    options.generator.warp_resolution = 8;
    options.generator.slots = 2;
    options.class_names = {"cats", "cows", "dogs"};
    const auto written = exporter(options);
    const auto example = written.example({}, {/*clips=*/3, /*frames=*/5, /*seed=*/7});
    EXPECT_GT(example.at("output.clips").std().item<double>(), 0.05);
    expect_clips(script(written, false), example);
    const ExportOptions step{ExportFormat::kTorchScript, true};
    const auto stepped = written.example(step, {/*clips=*/2});
    expect_steps(script(written, true), stepped);
    // Of two slots: layers * hidden for each, or a part of the noise, and a counter for each.
    const std::map<std::string, int64_t> sizes{{"lstm", 2 * 2 * 2 * 6},
                                               {"gru", 2 * 2 * 6},
                                               {"gru_cell", 4},
                                               {"convolution", 2 * 2 * 4},
                                               {"sinusoidal", 4 + 2}};
    if (sizes.count(type) == 0) continue;
    EXPECT_EQ(stepped.at("input.state").size(1), sizes.at(type));
  }
}

TEST_F(ExportTest, ResidualNetworkWithClassesAndAttention) {
  auto options = exported_model("gru_cell");
  options.generator.type = "residual";
  options.generator.widths = {8, 8, 8};
  options.generator.attention = {8};
  options.class_names = {"cats", "cows", "dogs"};
  {
    const auto written = exporter(options);
    const auto example = written.example({}, {});
    EXPECT_EQ(example.at("input.labels").scalar_type(), torch::kLong);
    expect_clips(script(written, false), example);
    expect_steps(script(written, true), written.example({ExportFormat::kTorchScript, true}, {}));
  }
  options.generator.attention_axes = nn::AttentionAxes::kSpaceTime;
  const auto written = exporter(options);
  expect_clips(script(written, false), written.example({}, {}));
  try {
    written.write({ExportFormat::kOnnx, true}, folder_ / "model.onnx");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("weights.safetensors: its frames look at each other"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "model.onnx"));
}

TEST_F(ExportTest, FramesThatAreAllTheSameAreSteps) {
  auto options = exported_model("none");
  options.temporal.motion_dim = 0;
  const auto written = exporter(options);
  EXPECT_THROW(written.write({}, folder_ / "model.onnx"), Error);
  const auto example = written.example({ExportFormat::kTorchScript, true}, {});
  EXPECT_EQ(example.count("input.noise"), 0u);
  expect_steps(script(written, true), example);
}

TEST_F(ExportTest, FilesAreTheSameEachTime) {
  const auto written = exporter(exported_model("lstm"));
  for (const auto format : {ExportFormat::kOnnx, ExportFormat::kTorchScript}) {
    written.write({format}, folder_ / "first");
    written.write({format}, folder_ / "second");
    const auto first = core::read_file(folder_ / "first", 1 << 20);
    EXPECT_GT(first.size(), 4000u);
    EXPECT_TRUE(first == core::read_file(folder_ / "second", 1 << 20));
    EXPECT_THAT(first, HasSubstr("class_names")) << "the description";
  }
}

}  // namespace
}  // namespace vidgen::exporting
