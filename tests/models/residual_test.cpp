#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <memory>

#include "models/networks.h"
#include "support/random.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/models/discriminator.h"
#include "vidgen/models/summary.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/backend.h"
#include "vidgen/nn/init.h"
#include "vidgen/nn/layers.h"
#include "vidgen/nn/layout.h"

namespace vidgen::models {
namespace {

const ClipShape kTinyShape{3, 4, 16};

FrameGenerator tiny_residual_generator() {
  FrameGeneratorOptions options;
  options.latent_dim = 10;
  options.widths = {16, 8, 6};
  options.attention = {8};
  options.type = "residual";
  options.full_size_stage = true;
  return FrameGenerator(options);
}

DiscriminatorOptions residual_discriminator(const std::string& type, DiscriminatorNorm norm,
                                            int64_t frame_stack = 1) {
  DiscriminatorOptions options;
  options.type = type;
  options.network = "residual";
  options.norm = norm;
  options.frame_stack = frame_stack;
  options.frames = 2;
  options.widths = {8, 12};
  options.minibatch_stddev = true;
  return options;
}

ClipBatch batch_of_clips(uint64_t seed) {
  return {torch::randn({3, 3, 4, 16, 16}, test::random(seed)),
          draw_frame_indices(3, 4, 2, test::random(seed))};
}

/// Every parameter belongs to one layer that the observer was shown under its name.
void expect_all_parameters(const torch::nn::Module& network, const std::vector<LayerRow>& rows) {
  int64_t shown = 0, all = 0;
  for (const auto& row : rows) shown += row.parameters;
  for (const auto& item : network.named_parameters()) {
    all += item.value().numel();
    const auto is_owner = [&item](const LayerRow& row) {
      return item.key().compare(0, row.name.size() + 1, row.name + ".") == 0;
    };
    EXPECT_EQ(std::count_if(rows.begin(), rows.end(), is_owner), 1) << item.key();
  }
  EXPECT_EQ(shown, all);
}

TEST(ResidualGenerator, MakesPicturesAndShowsItsLayers) {
  auto generator = tiny_residual_generator();
  std::vector<std::string> names;
  const auto observer = [&names](const std::string& name, const auto&, const torch::Tensor&) {
    names.push_back(name);
  };
  const auto pictures = generator->forward(torch::randn({6, 10}, test::random(1)), 3, observer);
  EXPECT_EQ(pictures.sizes(), torch::IntArrayRef({6, 3, 16, 16}));
  EXPECT_LE(pictures.abs().max().item<double>(), 1);
  const std::vector<std::string> expected{
      "main.0",       "main.1",          "main.2",       "main.3.resample",
      "main.3.norm1", "main.3.conv",     "main.3.norm2", "main.3.project",
      "attention_8",  "main.4.resample", "main.4.norm1", "main.4.conv",
      "main.4.norm2", "main.4.project",  "main.5",       "main.6"};
  EXPECT_EQ(names, expected);
  EXPECT_THROW(generator->forward(torch::randn({6, 9}), 3), c10::Error);
}

TEST(ResidualGenerator, CloneIsEqualAndIndependent) {
  ModelOptions options;
  options.generator.type = "residual";
  options.generator.widths = {16, 8, 6};
  auto generator = make_generator(options, kTinyShape);
  nn::to_channels_last(*generator);
  generator->eval();
  const auto latents = draw_latents(options.temporal, 2, 4, test::random(1));
  const auto expected = generator(latents);
  EXPECT_EQ(expected.sizes(), torch::IntArrayRef({2, 3, 4, 16, 16}));
  EXPECT_TRUE(expected.is_contiguous(torch::MemoryFormat::ChannelsLast3d));
  expect_all_parameters(*generator, summarize(*generator, kTinyShape));
  VideoGenerator copy(std::dynamic_pointer_cast<VideoGeneratorImpl>(generator->clone()));
  {
    const torch::NoGradGuard no_grad;
    for (auto& parameter : generator->parameters()) parameter.add_(0.1);
  }
  EXPECT_TRUE(torch::equal(copy(latents), expected));
  EXPECT_FALSE(torch::equal(generator(latents), expected));
}

class ResidualNorms : public testing::TestWithParam<DiscriminatorNorm> {
 protected:
  ~ResidualNorms() override { nn::backend().recompute = false; }

  static std::shared_ptr<DiscriminatorImpl> make(const std::string& type, uint64_t seed,
                                                 int64_t frame_stack = 1) {
    auto network =
        make_discriminator(residual_discriminator(type, GetParam(), frame_stack), kTinyShape);
    nn::initialize(*network, nn::Init::kHe, test::random(seed));
    return network;
  }
};
INSTANTIATE_TEST_SUITE_P(, ResidualNorms,
                         testing::Values(DiscriminatorNorm::kNone, DiscriminatorNorm::kBatch,
                                         DiscriminatorNorm::kSpectral));

TEST_P(ResidualNorms, LogitsOfFramesAndClips) {
  const auto batch = batch_of_clips(1);
  const auto frame = make("frame", 1);
  EXPECT_EQ(frame->forward(batch).sizes(), torch::IntArrayRef({6}));
  expect_all_parameters(*frame, summarize(*frame, kTinyShape));
  for (const int64_t frame_stack : {1, 2, 4}) {
    const auto clip = make("clip", 1, frame_stack);
    EXPECT_EQ(clip->forward(batch).sizes(), torch::IntArrayRef({3 * 4 / frame_stack}));
    expect_all_parameters(*clip, summarize(*clip, kTinyShape));
    EXPECT_TRUE(clip->is_training());
  }
  const auto by_three = make("clip", 1, 3);
  EXPECT_THROW(by_three->forward(batch), c10::Error) << "4 frames";
}

TEST_P(ResidualNorms, TimesTellSlowClipsFromFastOnes) {
  auto options = residual_discriminator("clip", GetParam(), 2);
  options.timestamps = true;
  const auto network = make_discriminator(options, kTinyShape);
  network->eval();
  auto batch = batch_of_clips(1);
  const auto neighbours = network->forward(batch);
  batch.timestamps = torch::arange(4).expand({3, 4}) + 7;
  EXPECT_TRUE(torch::equal(network->forward(batch), neighbours)) << "only distances count";
  batch.timestamps = torch::arange(4).expand({3, 4}) * 5;
  EXPECT_FALSE(torch::allclose(network->forward(batch), neighbours, 1e-3, 1e-4));
}

TEST_P(ResidualNorms, LayoutDoesNotMatter) {
  const auto batch = batch_of_clips(1);
  const ClipBatch last{batch.clips.contiguous(torch::MemoryFormat::ChannelsLast3d),
                       batch.frame_indices};
  for (const std::string type : {"frame", "clip"}) {
    const int64_t frame_stack = type == "clip" ? 2 : 1;
    const auto plain = make(type, 1, frame_stack), other = make(type, 1, frame_stack);
    nn::to_channels_last(*other);
    const auto layout = [](const std::string& name, const auto&, const torch::Tensor& output) {
      // LibTorch does 3-D convolutions as small as these by a kernel that has one layout.
      if (output.size(-1) == 1 || output.dim() == 5) return;
      EXPECT_TRUE(output.is_contiguous(torch::MemoryFormat::ChannelsLast)) << name;
    };
    EXPECT_TRUE(torch::allclose(other->forward(last, layout), plain->forward(batch), 1e-3, 1e-4));
  }
}

TEST_P(ResidualNorms, EveryWeightHasGradientsOfTwoOrders) {
  for (const std::string type : {"frame", "clip"}) {
    const auto network = make(type, 1);
    auto batch = batch_of_clips(1);
    batch.clips.requires_grad_();
    const auto logits = network->forward(batch);
    const auto gradient = torch::autograd::grad({logits.square().sum()}, {batch.clips}, {},
                                                /*retain_graph=*/true, /*create_graph=*/true)[0];
    (logits.sum() + gradient.square().sum()).backward();
    for (const auto& item : network->named_parameters()) {
      ASSERT_TRUE(item.value().grad().defined()) << item.key();
      EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << item.key();
      EXPECT_GT(item.value().grad().abs().sum().item<double>(), 0) << item.key();
    }
  }
}

TEST_P(ResidualNorms, StateGoesThroughACheckpoint) {
  const auto trained = make("clip", 1, 2);
  const auto batch = batch_of_clips(1);
  trained->forward(batch);
  checkpoint::StateSaver saver;
  saver.module("net", *trained);
  const checkpoint::SafetensorsFile file{saver.metadata, saver.tensors};
  const auto other = make("clip", 2, 2);
  checkpoint::StateLoader loader("memory", file);
  loader.module("net", *other);
  loader.finish();
  EXPECT_TRUE(other->forward(batch).equal(trained->forward(batch)));
  EXPECT_EQ(saver.tensors.count("net.net.main.0.resample.weight_u"),
            GetParam() == DiscriminatorNorm::kSpectral ? 1u : 0u);
}

TEST_P(ResidualNorms, RecomputingChangesNoBit) {
  if (GetParam() == DiscriminatorNorm::kSpectral) return;  // train.recompute refuses it
  const auto derive = [](bool again) {
    nn::backend().recompute = again;
    auto network = make("clip", 1, 2);
    auto batch = batch_of_clips(1);
    batch.clips.requires_grad_();
    network->forward(batch).square().sum().backward();
    std::vector<torch::Tensor> results{batch.clips.grad()};
    for (const auto& parameter : network->parameters()) results.push_back(parameter.grad());
    for (const auto& buffer : network->buffers()) results.push_back(buffer);
    return results;
  };
  const auto once = derive(false), again = derive(true);
  ASSERT_EQ(once.size(), again.size());
  for (size_t i = 0; i < once.size(); ++i) EXPECT_TRUE(once[i].equal(again[i])) << i;
}

TEST(ResidualNetwork, StackedFramesAreChannels) {
  auto options = network_options("residual", "clip", {8, 12});
  options.frame_stack = 2;
  TestedNetwork stacked(options, kTinyShape);
  options.frame_stack = 1;
  TestedNetwork wide(options, {6, 2, 16});
  {
    const torch::NoGradGuard no_grad;
    for (auto& item : wide.layers->named_parameters())
      item.value().copy_(stacked.layers->named_parameters()[item.key()]);
  }
  const auto x = torch::randn({8, 3, 16, 16}, test::random(1));  // two clips of four frames
  const auto pairs = torch::cat({x.slice(0, 0, 8, 2), x.slice(0, 1, 8, 2)}, 1);
  EXPECT_TRUE(torch::allclose(stacked(x, 4), wide(pairs, 2), 1e-4, 1e-5));
}

TEST(ResidualNetwork, AStackAtAResolutionSeesFramesOneByOneBefore) {
  auto options = network_options("residual", "clip", {8, 12});
  options.frame_stack = 2;
  options.frame_stack_resolution = 8;
  TestedNetwork network(options, kTinyShape);
  const auto main = network.layers->named_children()["main"];
  auto& first = *main->named_children()["0"]->as<nn::ResidualBlock>();
  auto& second = *main->named_children()["1"]->as<nn::ResidualBlock>();
  auto& last = *main->named_children()["2"]->as<torch::nn::Conv2d>();
  EXPECT_FALSE(first.options.over_time);
  EXPECT_TRUE(second.options.over_time);

  const auto x = torch::randn({8, 3, 16, 16}, test::random(1));  // two clips of four frames
  const auto y = first.forward(x, 4);
  const auto pairs = torch::cat({y.slice(0, 0, 8, 2), y.slice(0, 1, 8, 2)}, 1);
  const auto expected = last.forward(second.forward(pairs, 2));
  EXPECT_TRUE(torch::allclose(network(x, 4), expected, 1e-4, 1e-5));

  nn::backend().recompute = true;
  const auto again = network(x, 4);
  nn::backend().recompute = false;
  EXPECT_TRUE(torch::allclose(again, expected, 1e-4, 1e-5));
}

TEST(ResidualDiscriminator, SpectralNormTakesOutTheScaleOfTheWeights) {
  const auto options = residual_discriminator("frame", DiscriminatorNorm::kSpectral);
  const auto network = make_discriminator(options, kTinyShape);
  nn::initialize(*network, nn::Init::kHe, test::random(1));
  const auto batch = batch_of_clips(1);
  const auto before = network->forward(batch).detach();
  {
    const torch::NoGradGuard no_grad;
    for (auto& item : network->named_parameters())
      if (item.value().dim() > 1) item.value().mul_(7);
  }
  network->eval();  // the same u and v
  EXPECT_TRUE(torch::allclose(network->forward(batch), before, 1e-4, 1e-5));
}

}  // namespace
}  // namespace vidgen::models
