#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "models/networks.h"
#include "support/module_state.h"
#include "support/random.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/layout.h"

namespace vidgen::models {
namespace {

using test::Fixture;

FrameGenerator reference_generator(const Fixture& fixture) {
  FrameGeneratorOptions options;
  options.latent_dim = fixture.integer("nz");
  options.widths = fixture.integers("widths");
  options.channels = fixture.integer("nc");
  FrameGenerator generator(options);
  test::load_state(*generator, fixture);
  return generator;
}

/// A discriminator's network with the fixture's weights.
TestedNetwork reference_network(const char* type, const Fixture& fixture, int64_t size) {
  TestedNetwork network(network_options("dcgan", type, fixture.integers("widths")),
                        {fixture.integer("nc"), 16, size});
  test::load_state(*network.layers, fixture);
  return network;
}

TEST(DcganGenerator, ReproducesReference) {
  const Fixture fixture("seed_generator");
  auto generator = reference_generator(fixture);
  const auto z = fixture.tensor("in.z");
  fixture.expect_close("out.train", generator(z));
  test::expect_buffers_after(*generator, fixture);
  generator->eval();
  fixture.expect_close("out.eval", generator(z));
}

TEST(DcganGenerator, ReproducesReferenceInChannelsLast) {
  const Fixture fixture("seed_generator");
  auto generator = reference_generator(fixture);
  nn::to_channels_last(*generator);
  const auto pictures = generator(fixture.tensor("in.z"));
  fixture.expect_close("out.train", pictures);
  EXPECT_TRUE(pictures.is_contiguous(torch::MemoryFormat::ChannelsLast));
}

TEST(DcganGenerator, PaintsAClipOnceAndMovesIt) {
  ModelOptions options;
  options.generator.widths = {16, 8};
  options.generator.warp_resolution = 8;
  options.temporal.content_dim = 5;
  options.temporal.motion_dim = 3;
  for (const std::string type : {"dcgan", "residual"}) {
    options.generator.type = type;
    if (type == "residual") options.generator.widths = {16, 8, 8};
    auto generator = make_generator(options, {3, 4, 16, 25});
    generator->eval();
    const torch::NoGradGuard no_grad;
    const auto latents = sample_latents(options.temporal, 2, 4, 1);
    std::map<std::string, int64_t> rows;
    const auto clips =
        generator->forward(latents, [&](const std::string& name, const torch::nn::Module&,
                                        const torch::Tensor& out) { rows[name] = out.size(0); });
    EXPECT_EQ(rows.at("frame.main.0"), 2);
    EXPECT_EQ(rows.at("frame.warp_8"), 8);
    EXPECT_EQ(clips.sizes(), (std::vector<int64_t>{2, 3, 4, 16, 16}));
    // Other motion moves the same picture; other content is another one.
    auto elsewhere = latents;
    elsewhere.noise = latents.noise.flip({0});
    EXPECT_FALSE(generator->forward(elsewhere).equal(clips));
    auto one_frame = latents;
    one_frame.timestamps = torch::tensor({{2}, {1}});
    const auto frames = generator->forward(one_frame);
    EXPECT_LT((frames.select(2, 0)[0] - clips[0].select(1, 2)).abs().max().item<double>(), 1e-5);
    EXPECT_LT((frames.select(2, 0)[1] - clips[1].select(1, 1)).abs().max().item<double>(), 1e-5);
  }
}

TEST(DcganNetwork, ReproducesReference) {
  const Fixture fixture("seed_discriminator");
  const auto x = fixture.tensor("in.x").requires_grad_();
  auto network = reference_network("frame", fixture, x.size(-1));
  const auto logits = network(x);
  const auto bce = torch::softplus(-logits).mean();
  bce.backward();
  fixture.expect_close("out.logits", logits);
  fixture.expect_close("out.prob", logits.sigmoid());
  fixture.expect_close("out.bce_ones", bce);
  fixture.expect_close("grad.bce_ones.x", x.grad());
  test::expect_buffers_after(*network.layers, fixture);
  network.layers->eval();
  fixture.expect_close("out.prob_eval", network(x).sigmoid());
}

TEST(DcganNetwork, OfClipsReproducesThatOfMocogan) {
  const Fixture fixture("mocogan_d_video");
  const auto x = fixture.tensor("in.x");
  auto network = reference_network("clip", fixture, x.size(-1));
  const auto frames = nn::as_frames(x);
  fixture.expect_close("out.train", network(frames, x.size(2)));
  test::expect_buffers_after(*network.layers, fixture);
  network.layers->eval();
  fixture.expect_close("out.eval", network(frames, x.size(2)));
}

TEST(DcganNetwork, LongerClipsHaveMoreLogits) {
  TestedNetwork network(network_options("dcgan", "clip", {4, 8}), {3, 10, 16});
  EXPECT_EQ(network(torch::zeros({20, 3, 16, 16}), 10).sizes(),
            torch::IntArrayRef({2, 1, 1, 1, 1}));
  EXPECT_EQ(network(torch::zeros({26, 3, 16, 16}), 13).sizes(),
            torch::IntArrayRef({2, 1, 4, 1, 1}));
  EXPECT_THROW(network(torch::zeros({18, 3, 16, 16}), 9), c10::Error);
}

TEST(DcganGenerator, TakesFlatLatents) {
  FrameGenerator generator(FrameGeneratorOptions{});
  generator->eval();
  const auto z = torch::randn({2, 100});
  EXPECT_TRUE(torch::equal(generator(z), generator(z.view({2, 100, 1, 1}))));
  EXPECT_THROW(generator(torch::randn({2, 99})), c10::Error);
}

TEST(ModelFactory, OneWidthMoreIsAStageOfFullSize) {
  ModelOptions options;
  options.temporal.type = "none";
  for (const auto& widths : std::vector<std::vector<int64_t>>{{8, 8}, {8, 8, 6}}) {
    options.generator.widths = widths;
    auto generator = make_generator(options, {3, 5, 16});
    generator->eval();
    const auto latents = draw_latents(options.temporal, 2, 5, test::random(1));
    EXPECT_EQ(generator(latents).sizes(), torch::IntArrayRef({2, 3, 5, 16, 16}));
    const auto last = generator->parameters().back().sizes().vec();
    EXPECT_EQ(last, widths.size() == 2 ? std::vector<int64_t>({8, 3, 4, 4})
                                       : std::vector<int64_t>({3, 6, 3, 3}));
  }
}

TEST(DcganNetwork, RejectsOtherSizes) {
  TestedNetwork network(network_options("dcgan", "frame", {64, 128}), {3, 16, 16});
  EXPECT_THROW(network(torch::zeros({2, 3, 32, 32})), c10::Error);
  EXPECT_THROW(network(torch::zeros({2, 1, 16, 16})), c10::Error);
}

std::vector<std::string> without_attention(const torch::nn::Module& module) {
  std::vector<std::string> names;
  for (const auto& item : module.named_parameters()) {
    if (item.key().rfind("attention", 0) != 0) names.push_back(item.key());
  }
  return names;
}

TEST(Attention, LeavesNamesAndStartOfNetworksAsTheyWere) {
  FrameGeneratorOptions options;
  FrameGenerator plain(options);
  options.attention = {4, 8};
  options.attention_axes = nn::AttentionAxes::kSpaceTime;
  FrameGenerator attentive(options);
  EXPECT_EQ(without_attention(*attentive), plain->named_parameters().keys());
  EXPECT_TRUE(attentive->named_parameters().contains("attention_8.query.weight"));

  const torch::NoGradGuard no_grad;
  for (const auto& item : plain->named_parameters()) {
    attentive->named_parameters()[item.key()].copy_(item.value());
  }
  const auto z = torch::randn({6, 100});
  const auto expected = plain(z);
  EXPECT_TRUE(torch::equal(attentive(z, 3), expected));
  attentive->named_parameters()["attention_8.gamma"].fill_(1);
  EXPECT_FALSE(torch::equal(attentive(z, 3), expected));
}

TEST(Attention, StandsBehindTheStageOfItsResolution) {
  const auto expect_8 = [](const std::string& name, const auto&, const torch::Tensor& output) {
    if (name == "attention_8") {
      EXPECT_EQ(output.size(-1), 8);
      EXPECT_EQ(output.size(1), 16);
    }
  };
  for (const char* type : {"frame", "clip"}) {
    auto options = network_options("dcgan", type, {8, 16, 32});
    options.attention = {8};
    options.attention_axes = nn::AttentionAxes::kSpaceTime;
    TestedNetwork network(options, {3, 13, 32});
    network.net->logits(torch::randn({26, 3, 32, 32}), 13, expect_8);
    EXPECT_TRUE(network.layers->named_parameters().contains("attention_8.gamma")) << type;
  }
}

TEST(Networks, HaveSecondDerivatives) {
  TestedNetwork network(network_options("dcgan", "frame", {64, 128}), {3, 16, 16});
  const auto x = torch::randn({2, 3, 16, 16}).requires_grad_();
  const auto gradient =
      torch::autograd::grad({network(x).sum()}, {x}, {}, /*retain_graph=*/true, true)[0];
  gradient.square().sum().backward();
  EXPECT_GT(network.layers->parameters()[0].grad().abs().sum().item<double>(), 0);
}

}  // namespace
}  // namespace vidgen::models
