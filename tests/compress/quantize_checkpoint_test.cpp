#include "vidgen/compress/quantize_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/error.h"
#include "support/random.h"
#include "support/temporary_folder.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/compress/prune.h"
#include "vidgen/core/fields.h"
#include "vidgen/infer/generator.h"
#include "vidgen/infer/playable.h"
#include "vidgen/models/pixels.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/init.h"

namespace vidgen::compress {
namespace {

using test::error_of;
using ::testing::HasSubstr;

constexpr int64_t kFrames = 5;

/// A weights file on the disk, of a network whose pictures have contrast though it was never
/// trained.
checkpoint::Checkpoint write_source(const std::filesystem::path& path, const std::string& type,
                                    const std::vector<int64_t>& widths = {16, 12, 8}) {
  models::ModelOptions options;
  options.generator.type = type;
  options.generator.widths = widths;
  options.generator.attention = {8};
  options.class_names = {"cats", "dogs"};
  options.discriminators.resize(1);
  checkpoint::Checkpoint file;
  file.path = path;
  file.kind = checkpoint::Kind::kWeights;
  file.clip = {3, kFrames, 16, 0};
  file.step = 17;
  file.config = {{"model", core::write_fields(options)}};
  auto network = models::make_generator(options, file.clip);
  nn::initialize(*network, nn::Init::kHe, test::random(3));
  checkpoint::StateSaver saver;
  saver.module("generator", *network);
  file.file.tensors = saver.tensors;
  checkpoint::write_checkpoint(file);
  return file;
}

class QuantizeCheckpoint : public ::testing::TestWithParam<std::string> {
 protected:
  QuantizeCheckpoint() { options_.clips = 3; }

  infer::Plan plan() const { return infer::make_plan(checkpoint::load_generator(source_)); }

  /// PSNR to float32 of pictures from latents that the calibration has not seen.
  double psnr(const infer::QuantizedLayers& layers) const {
    const auto plan = this->plan();
    const auto latents = torch::randn({4 * kFrames, plan.front().weight.size(0)}, test::random(99));
    const auto expected = infer::run_plan(plan, latents, kFrames);
    EXPECT_GT(expected.std().item<double>(), 0.05) << "pictures with something to see";
    const auto made = infer::run_plan_int8(plan, layers, latents, kFrames);
    return 10 * std::log10(4 / (made - expected).square().mean().item<double>());
  }

  test::TemporaryFolder folder_;
  checkpoint::Checkpoint source_ = write_source(folder_ / "weights.safetensors", GetParam());
  QuantizeOptions options_;
};
INSTANTIATE_TEST_SUITE_P(, QuantizeCheckpoint, testing::Values("dcgan", "residual"));

TEST_P(QuantizeCheckpoint, KeepsThePictures) {
  for (const auto& [name, calibration] : calibration_choices()) {
    SCOPED_TRACE(name);
    options_.calibration = calibration;
    const auto result = quantize_checkpoint(source_, options_);
    const auto layers = infer::read_int8(result.file);
    EXPECT_GE(result.psnr, 35);
    EXPECT_GT(result.bfloat16_psnr, result.psnr);
    EXPECT_GE(psnr(layers), 33) << "other latents than those it was measured on";

    size_t int8 = 0;
    for (const auto& row : result.rows) {
      EXPECT_EQ(layers.count(row.name), row.int8 ? 1u : 0u) << row.name;
      EXPECT_TRUE(std::isfinite(row.psnr_alone)) << row.name;
      EXPECT_GT(row.weights, 0) << row.name;
      int8 += row.int8 ? 1 : 0;
    }
    EXPECT_EQ(layers.size(), int8);
    EXPECT_GT(int8, 0u);
    infer::check_int8(layers, plan(), "memory");
  }
}

TEST_P(QuantizeCheckpoint, TheFileHoldsAllThatPlayingNeeds) {
  options_.min_psnr = 0;
  auto result = quantize_checkpoint(source_, options_);
  EXPECT_TRUE(std::all_of(result.rows.begin(), result.rows.end(), [](auto& r) { return r.int8; }));
  EXPECT_EQ(result.file.kind, checkpoint::Kind::kQuantized);
  EXPECT_EQ(result.file.step, 17);
  EXPECT_TRUE(result.file.config == source_.config);

  result.file.path = folder_ / "small.safetensors";
  checkpoint::write_checkpoint(result.file);
  const auto read = checkpoint::read_checkpoint(result.file.path);
  EXPECT_EQ(read.kind, checkpoint::Kind::kQuantized);
  EXPECT_EQ(infer::read_int8(read).size(), result.rows.size());
  const auto& tensors = read.file.tensors;
  EXPECT_EQ(tensors.count("generator.classes.weight"), 1u);
  EXPECT_EQ(tensors.count("generator.frame.attention_8.query.weight"), 1u);
  EXPECT_EQ(tensors.count("generator.frame.main.0.weight"), 0u) << "it is there in eight bits";
  EXPECT_EQ(tensors.at("int8.frame.main.0.weight").scalar_type(), torch::kChar);
  EXPECT_TRUE(read.tensors_under("plan.").empty());
  ASSERT_EQ(read.passes.size(), 1u);
  EXPECT_EQ(read.passes[0].at("pass").get<std::string>(), "quantize");
  EXPECT_EQ(read.passes[0].at("source").get<std::string>(), "weights.safetensors");
  EXPECT_EQ(read.passes[0].at("options").at("calibration").get<std::string>(), "min-max");
  const auto loaded = infer::load_playable(read);
  const auto source = plan();
  const auto latents = torch::randn({2 * kFrames, source.front().weight.size(0)}, test::random(7));
  EXPECT_TRUE(
      infer::run_plan_int8(loaded.plan, loaded.int8, latents, kFrames)
          .equal(infer::run_plan_int8(source, infer::read_int8(result.file), latents, kFrames)))
      << "nothing is lost on the disk";

  const infer::CompiledGenerator generator(read);
  EXPECT_EQ(generator.precision(), infer::Precision::kInt8);
  EXPECT_LE((generator.frames(latents, kFrames) - infer::run_plan(source, latents, kFrames))
                .abs()
                .mean()
                .item<double>(),
            0.05);
  infer::RenderOptions render;
  render.count = 2;
  EXPECT_EQ(generator.render(render).sizes(), torch::IntArrayRef({2, kFrames, 16, 16, 3}));
  EXPECT_TRUE(generator.stream().next_frame().defined());
  infer::CompileOptions compile;
  compile.precision = infer::Precision::kFloat32;
  EXPECT_EQ(infer::CompiledGenerator(read, compile).precision(), infer::Precision::kFloat32);
  EXPECT_LT(std::filesystem::file_size(result.file.path), std::filesystem::file_size(source_.path));
}

TEST(QuantizedPixels, AreThoseOfTheFrames) {
  const test::TemporaryFolder folder;
  QuantizeOptions options;
  options.clips = 3;
  options.min_psnr = 0;
  // The last layer doubles, or is a convolution.
  for (const auto& widths : std::vector<std::vector<int64_t>>{{16, 12}, {16, 12, 8}}) {
    SCOPED_TRACE(widths.size());
    const auto source = write_source(folder / "weights.safetensors", "dcgan", widths);
    const auto file = quantize_checkpoint(source, options).file;
    const auto plan = infer::make_plan(checkpoint::load_generator(source));
    EXPECT_EQ(plan.back().kind, widths.size() == 2 ? infer::Layer::Kind::kUpsample2x
                                                   : infer::Layer::Kind::kConvolution);
    EXPECT_EQ(infer::read_int8(file).count(plan.back().name), 1u);

    const torch::NoGradGuard no_grad;
    auto network = checkpoint::load_generator(source);
    auto latents = models::sample_latents(network->options.temporal, 2, kFrames, 0);
    latents.condition = models::ConditionSampler(network->options.condition).in_turn(2);
    const infer::CompiledGenerator generator(file);
    ASSERT_EQ(generator.precision(), infer::Precision::kInt8);
    const auto pictures = generator.frames(network->frame_latents(latents), kFrames);
    const auto expected = models::to_rgb(pictures.unsqueeze(2)).squeeze(1).to(torch::kInt);
    EXPECT_GT(expected.to(torch::kFloat).std().item<double>(), 3) << "something to see";
    infer::RenderOptions render;
    render.count = 2;
    const auto off = (generator.render(render).flatten(0, 1).to(torch::kInt) - expected).abs();
    EXPECT_LE(off.max().item<int>(), 1);
    EXPECT_LT(off.to(torch::kFloat).mean().item<double>(), 0.3) << "frames() rounds to bfloat16";
  }
}

TEST_P(QuantizeCheckpoint, TheMostSensitiveLayersStayInBfloat16) {
  options_.min_psnr = 0;
  const auto all = quantize_checkpoint(source_, options_);
  options_.min_psnr = all.psnr + 0.01;
  const auto some = quantize_checkpoint(source_, options_);
  EXPECT_GE(some.psnr, options_.min_psnr);
  double worst_kept = HUGE_VAL;
  for (const auto& row : some.rows) {
    if (row.int8) worst_kept = std::min(worst_kept, row.psnr_alone);
  }
  const auto layers = infer::read_int8(some.file);
  size_t taken_out = 0;
  for (const auto& row : some.rows) {
    if (row.int8) continue;
    ++taken_out;
    EXPECT_LE(row.psnr_alone, worst_kept) << row.name;
    const auto& tensors = some.file.file.tensors;
    EXPECT_EQ(tensors.at("plan." + row.name + ".weight").scalar_type(), torch::kBFloat16);
    EXPECT_EQ(tensors.at("plan." + row.name + ".bias").scalar_type(), torch::kFloat);
  }
  EXPECT_GE(taken_out, 1u);

  const auto latents = torch::randn({2 * kFrames, plan().front().weight.size(0)}, test::random(7));
  const auto loaded = infer::load_playable(some.file);
  if (infer::can_compute(infer::Precision::kBfloat16, torch::kCPU)) {
    const auto type = torch::kBFloat16;
    const auto expected = infer::run_plan_int8(plan(), layers, latents, kFrames, type);
    EXPECT_TRUE(
        infer::run_plan_int8(loaded.plan, loaded.int8, latents, kFrames, type).equal(expected));
  }
  auto broken = some.file;
  broken.file.tensors["plan.frame.main.99.weight"] = torch::zeros({1});
  EXPECT_THAT(error_of([&] { infer::load_playable(broken); }),
              HasSubstr("weights.safetensors: tensor frame.main.99.weight"));

  // The same limit, said as a distance from bfloat16.
  QuantizeOptions drop = options_;
  drop.min_psnr = 0;
  drop.max_drop = all.bfloat16_psnr - options_.min_psnr;
  EXPECT_EQ(infer::read_int8(quantize_checkpoint(source_, drop).file).size(), layers.size());
}

TEST_P(QuantizeCheckpoint, FinetuningBringsItNearer) {
  options_.min_psnr = 0;
  // Much is clamped, which other weights make good.
  options_.calibration = Calibration::kPercentile;
  options_.percentile = 95;
  const auto without = quantize_checkpoint(source_, options_);
  EXPECT_FALSE(without.finetune.has_value());
  EXPECT_EQ(without.file.passes.back().at("options").count("finetune"), 0u);

  options_.finetune = {/*steps=*/30, /*lr=*/3e-3, /*batch=*/8};
  const auto with = quantize_checkpoint(source_, options_);
  ASSERT_TRUE(with.finetune.has_value());
  EXPECT_EQ(with.finetune->psnr_before, without.psnr);
  EXPECT_GT(with.finetune->psnr_after, without.psnr);
  EXPECT_TRUE(with.finetune->kept());
  EXPECT_EQ(with.psnr, with.finetune->psnr_after);
  const auto before = infer::read_int8(without.file), after = infer::read_int8(with.file);
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [name, layer] : after) {
    EXPECT_EQ(layer.input(), before.at(name).input()) << name;
    EXPECT_FALSE(layer.weight.equal(before.at(name).weight)) << name;
  }
  const auto& noted = with.file.passes.back().at("options").at("finetune");
  EXPECT_EQ(noted.at("steps").get<int64_t>(), 30);
  EXPECT_EQ(noted.at("psnr_before").get<double>(), without.psnr);
  EXPECT_EQ(noted.at("psnr_after").get<double>(), with.psnr);
  EXPECT_TRUE(noted.at("kept").get<bool>());

  const auto again = infer::read_int8(quantize_checkpoint(source_, options_).file);
  for (const auto& [name, layer] : again) {
    EXPECT_TRUE(layer.weight.equal(after.at(name).weight)) << name;
    EXPECT_TRUE(layer.bias.equal(after.at(name).bias)) << name;
  }
}

TEST_P(QuantizeCheckpoint, FinetuningNeverCosts) {
  options_.min_psnr = 0;
  const auto without = quantize_checkpoint(source_, options_);
  // Each weight moves by its own size in each step.
  options_.finetune = {/*steps=*/3, /*lr=*/1, /*batch=*/1};
  const auto with = quantize_checkpoint(source_, options_);
  ASSERT_TRUE(with.finetune.has_value());
  EXPECT_LT(with.finetune->psnr_after, without.psnr);
  EXPECT_FALSE(with.finetune->kept());
  EXPECT_EQ(with.psnr, without.psnr);
  EXPECT_FALSE(with.file.passes.back().at("options").at("finetune").at("kept").get<bool>());
  const auto& expected = without.file.file.tensors;
  ASSERT_EQ(with.file.file.tensors.size(), expected.size());
  for (const auto& [name, tensor] : with.file.file.tensors)
    EXPECT_TRUE(tensor.equal(expected.at(name))) << name;
}

TEST_P(QuantizeCheckpoint, FinetuningLeavesLayersInBfloat16) {
  options_.min_psnr = 0;
  options_.min_psnr = quantize_checkpoint(source_, options_).psnr + 0.01;
  const auto without = quantize_checkpoint(source_, options_);
  options_.finetune.steps = 2;
  const auto with = quantize_checkpoint(source_, options_);
  EXPECT_GE(with.psnr, options_.min_psnr);
  EXPECT_EQ(infer::read_int8(with.file).size(), infer::read_int8(without.file).size());
  size_t floating = 0;
  for (const auto& [name, tensor] : without.file.file.tensors) {
    if (name.compare(0, 5, "plan.") != 0) continue;
    EXPECT_TRUE(with.file.file.tensors.at(name).equal(tensor)) << name;
    ++floating;
  }
  EXPECT_GE(floating, 1u);
}

TEST_P(QuantizeCheckpoint, SimulationIsWhatTheKernelsCompute) {
  options_.min_psnr = 0;
  const auto layers = infer::read_int8(quantize_checkpoint(source_, options_).file);
  const auto plan = this->plan();
  const torch::NoGradGuard no_grad;
  const auto z = torch::randn({2 * kFrames, plan.front().weight.size(0)}, test::random(7));
  const auto computed = infer::run_plan_int8(plan, layers, z, kFrames);
  const auto error_to = [&](const torch::Tensor& other) {
    return (computed - other).square().mean().item<double>();
  };
  const double lost = error_to(infer::run_plan(plan, z, kFrames));
  EXPECT_GT(lost, 0);
  EXPECT_LE(error_to(simulate_int8(plan, layers, z, kFrames)), 0.05 * lost)
      << "sums that lie between two steps are rounded to either";
}

TEST_P(QuantizeCheckpoint, SaysWhatCannotBe) {
  options_.min_psnr = 500;
  EXPECT_THAT(error_of([&] { quantize_checkpoint(source_, options_); }),
              HasSubstr("no layer can be in eight bits: a PSNR of 500.0 dB"));
  options_ = {};
  options_.clips = 0;
  EXPECT_THAT(error_of([&] { quantize_checkpoint(source_, options_); }), HasSubstr("clips"));
  options_ = {};
  options_.clips = 1;
  options_.max_drop = -1;
  EXPECT_THAT(error_of([&] { quantize_checkpoint(source_, options_); }), HasSubstr("max-drop"));
  const auto finetune_error = [&](const QuantizeAwareOptions& finetune) {
    options_ = {};
    options_.finetune = finetune;
    return error_of([&] { quantize_checkpoint(source_, options_); });
  };
  EXPECT_THAT(finetune_error({-1, 1e-4, 1}), HasSubstr("finetune-steps: found -1"));
  for (const double lr : {0.0, 2.0, std::nan("")})
    EXPECT_THAT(finetune_error({1, lr, 1}), HasSubstr("finetune-lr: found"));
  EXPECT_THAT(finetune_error({1, 1e-4, 0}), HasSubstr("finetune-batch: found 0"));
}

TEST_P(QuantizeCheckpoint, CannotBeChangedAfterwards) {
  options_.min_psnr = 0;
  auto small = quantize_checkpoint(source_, options_).file;
  const std::string expected = "weights.safetensors: holds a quantised generator";
  EXPECT_THAT(error_of([&] { quantize_checkpoint(small, options_); }), HasSubstr(expected));
  EXPECT_THAT(error_of([&] { prune_checkpoint(small, {}); }), HasSubstr(expected));
  EXPECT_THAT(error_of([&] { checkpoint::load_generator(small); }), HasSubstr(expected));
}

}  // namespace
}  // namespace vidgen::compress
