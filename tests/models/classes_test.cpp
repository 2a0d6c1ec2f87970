// Networks of clips that have classes.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/random.h"
#include "vidgen/models/discriminator.h"
#include "vidgen/models/pixels.h"
#include "vidgen/models/summary.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/init.h"

namespace vidgen::models {
namespace {

const ClipShape kClassShape{3, 10, 16};
constexpr int64_t kClips = 3;

ModelOptions options_of_classes(const std::vector<std::string>& names) {
  ModelOptions options;
  options.generator.widths = {8, 8};
  options.temporal.type = "lstm";
  options.temporal.content_dim = 6;
  options.temporal.motion_dim = 4;
  options.class_names = names;
  options.class_dim = 5;
  return options;
}

VideoGenerator generator_of(const std::vector<std::string>& names) {
  auto generator = make_generator(options_of_classes(names), kClassShape);
  nn::initialize(*generator, nn::Init::kDefault, test::random(1));
  return generator;
}

/// Discriminators of both types and both networks.
std::vector<DiscriminatorOptions> all_discriminators() {
  std::vector<DiscriminatorOptions> all;
  for (const std::string type : {"frame", "clip"}) {
    for (const std::string network : {"dcgan", "residual"}) {
      DiscriminatorOptions options;
      options.type = type;
      options.network = network;
      options.widths = {8, 12};
      options.frames = 2;
      options.minibatch_stddev = network == "residual";
      if (options.minibatch_stddev && type == "clip") options.frame_stack = 2;
      all.push_back(options);
    }
  }
  return all;
}

std::shared_ptr<DiscriminatorImpl> discriminator_of(const DiscriminatorOptions& options,
                                                    int64_t classes) {
  auto network = make_discriminator(options, kClassShape, {classes});
  nn::initialize(*network, nn::Init::kDefault, test::random(1));
  return network;
}

ClipBatch asked_clips(const Condition& condition) {
  return {torch::randn({kClips, 3, 10, 16, 16}, test::random(2)),
          draw_frame_indices(kClips, 10, 2, test::random(3)),
          {},
          condition};
}

Condition in_turn(int64_t classes, int64_t clips) {
  return ConditionSampler(ConditionOptions{classes}).in_turn(clips);
}

TEST(ClassGenerator, WithoutClassesIsTheOneThatItWas) {
  auto plain = generator_of({}), classes = generator_of({"a", "b"});
  auto names = plain->named_parameters().keys();
  EXPECT_FALSE(plain->named_parameters().contains("classes.weight"));
  names.emplace_back("classes.weight");
  EXPECT_EQ(classes->named_parameters().keys(), names);
  EXPECT_EQ(plain->named_parameters()["frame.main.0.weight"].sizes(),
            torch::IntArrayRef({6 + 4, 8, 4, 4}));
  EXPECT_EQ(classes->named_parameters()["frame.main.0.weight"].sizes(),
            torch::IntArrayRef({6 + 5 + 4, 8, 4, 4}));
  for (const auto& item : plain->named_parameters()) {
    if (item.key().rfind("temporal", 0) != 0) continue;
    EXPECT_TRUE(item.value().equal(classes->named_parameters()[item.key()])) << "drawn first";
  }
  plain->eval();
  auto latents = draw_latents(plain->options.temporal, kClips, 4, test::random(4));
  const auto clips = plain(latents);
  latents.condition = in_turn(2, kClips);
  EXPECT_TRUE(plain(latents).equal(clips)) << "it does not read the condition";
}

TEST(ClassGenerator, ClipsDependOnTheClass) {
  auto generator = generator_of({"a", "b", "c"});
  generator->eval();
  auto latents = draw_latents(generator->options.temporal, kClips, 4, test::random(4));
  EXPECT_THROW(generator(latents), c10::Error) << "no labels";
  const auto clips_of = [&](const std::vector<int64_t>& labels) {
    latents.condition.labels = torch::tensor(labels, torch::kLong);
    return generator(latents);
  };
  const auto clips = clips_of({0, 1, 2});
  const auto others = clips_of({0, 2, 2});
  EXPECT_TRUE(others[0].equal(clips[0]));
  EXPECT_FALSE(others[1].equal(clips[1]));
  EXPECT_TRUE(others[2].equal(clips[2]));
  VideoGenerator copy(std::dynamic_pointer_cast<VideoGeneratorImpl>(generator->clone()));
  {
    const torch::NoGradGuard no_grad;
    auto codes = generator->named_parameters()["classes.weight"];
    EXPECT_EQ(codes.sizes(), torch::IntArrayRef({3, 5}));
    codes[1].copy_(codes[2]);
  }
  EXPECT_TRUE(clips_of({0, 1, 2}).equal(others)) << "what is learned for the class is all";
  EXPECT_TRUE(copy(latents).equal(clips)) << "which a copy has for itself";
}

TEST(ClassGenerator, EveryWeightHasAGradient) {
  auto generator = generator_of({"a", "b", "c"});
  auto latents = draw_latents(generator->options.temporal, 2, 4, test::random(4));
  latents.condition.labels = torch::tensor({0, 2}, torch::kLong);
  generator(latents).square().sum().backward();
  for (const auto& item : generator->named_parameters()) {
    EXPECT_GT(item.value().grad().abs().sum().item<double>(), 0) << item.key();
  }
  const auto rows = generator->named_parameters()["classes.weight"].grad().abs().sum(1).gt(0);
  EXPECT_TRUE(rows.equal(torch::tensor({1, 0, 1}, torch::kLong).to(torch::kBool)));
}

TEST(ClassGenerator, RenderedPartsKeepTheirLabels) {
  auto generator = generator_of({"a", "b", "c"});
  generator->named_parameters()["frame.main.6.weight"].data().mul_(20);  // clips full of contrast
  auto latents = draw_latents(generator->options.temporal, 5, 4, test::random(4));
  latents.condition = in_turn(3, 5);
  const auto whole = render(generator, latents, 5).to(torch::kInt);
  const auto parts = render(generator, latents, 2).to(torch::kInt);
  EXPECT_LE((whole - parts).abs().max().item<int>(), 1) << "roundings";
  latents.condition.labels = torch::zeros({5}, torch::kLong);
  EXPECT_GT((whole - render(generator, latents, 5).to(torch::kInt)).abs().max().item<int>(), 2);
}

TEST(ClassDiscriminator, LogitIsPsiAndTheProjectionOnTheClass) {
  const auto labels = torch::tensor({2, 0, 1}, torch::kLong);
  for (const auto& options : all_discriminators()) {
    const auto network = discriminator_of(options, 3);
    std::vector<std::pair<std::string, torch::Tensor>> shown;
    const auto observer = [&shown](const std::string& name, const auto&,
                                   const torch::Tensor& output) {
      shown.emplace_back(name, output);
    };
    const auto logits = network->forward(asked_clips({labels}), observer);
    // What went into the last layer, a row for each logit.
    const auto phi = shown.at(shown.size() - 2).second.flatten(1);
    const std::string last = shown.back().first;
    const auto parameters = network->named_parameters();
    const auto rows = parameters[last + ".weight"].flatten(1);  // psi, then one for each class
    const auto* bias = parameters.find(last + ".bias");
    ASSERT_EQ(rows.size(0), 4);
    ASSERT_EQ(phi.size(0), logits.size(0));
    const int64_t each = logits.size(0) / kClips;
    for (int64_t i = 0; i < logits.size(0); ++i) {
      const auto label = labels[i / each].item<int64_t>();
      auto expected = phi[i].dot(rows[0]) + phi[i].dot(rows[1 + label]);
      if (bias) expected = expected + (*bias)[0] + (*bias)[1 + label];
      EXPECT_NEAR(logits[i].item<double>(), expected.item<double>(), 1e-4) << last << ", " << i;
    }
  }
}

TEST(ClassDiscriminator, NeedsLabels) {
  for (const auto& options : all_discriminators()) {
    const auto network = discriminator_of(options, 3);
    EXPECT_THROW(network->forward(asked_clips({})), c10::Error);
    EXPECT_THROW(network->forward(asked_clips({torch::tensor({0, 1, 3}, torch::kLong)})),
                 c10::Error)
        << "there is no fourth class";
    const auto plain = discriminator_of(options, 0);
    const auto logits = plain->forward(asked_clips({}));
    EXPECT_TRUE(logits.equal(plain->forward(asked_clips(in_turn(3, kClips)))));
  }
}

TEST(ClassDiscriminator, SpectralNormTakesOutTheScaleOfTheEmbeddingsToo) {
  DiscriminatorOptions options = all_discriminators()[1];
  ASSERT_EQ(options.network, "residual");
  options.norm = DiscriminatorNorm::kSpectral;
  const auto network = discriminator_of(options, 3);
  const auto batch = asked_clips(in_turn(3, kClips));
  network->forward(batch);
  network->eval();  // the same u and v from now on
  const auto before = network->forward(batch).detach();
  {
    const torch::NoGradGuard no_grad;
    for (auto& item : network->named_parameters())
      if (item.value().dim() > 1) item.value().mul_(7);
  }
  EXPECT_TRUE(torch::allclose(network->forward(batch), before, 1e-4, 1e-5));
}

TEST(ClassNetworks, SummaryHasEveryParameter) {
  const auto shown = [](const std::vector<LayerRow>& rows) {
    int64_t count = 0;
    for (const auto& row : rows) count += row.parameters;
    return count;
  };
  const auto all = [](const torch::nn::Module& module) {
    int64_t count = 0;
    for (const auto& parameter : module.parameters()) count += parameter.numel();
    return count;
  };
  auto generator = generator_of({"a", "b"});
  EXPECT_EQ(shown(summarize(*generator, kClassShape)), all(*generator));
  for (const auto& options : all_discriminators()) {
    const auto network = discriminator_of(options, 3);
    EXPECT_EQ(shown(summarize(*network, kClassShape)), all(*network));
  }
}

}  // namespace
}  // namespace vidgen::models
