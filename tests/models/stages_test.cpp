// The hidden stages that a generator shows.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "support/random.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/backend.h"

namespace vidgen::models {
namespace {

/// On clips of 4 frames of 16x16 pixels.
VideoGenerator painter_of(const std::string& type, const std::vector<int64_t>& widths) {
  ModelOptions options;
  options.generator.type = type;
  options.generator.widths = widths;
  options.generator.attention = {4};
  ClipShape shape;
  shape.size = 16;
  shape.frames = 4;
  auto generator = make_generator(options, shape);
  generator->eval();
  return generator;
}

void expect_stages(VideoGenerator generator, const std::vector<int64_t>& widths) {
  const auto latents = draw_latents(generator->options.temporal, 3, 4, test::random(1));
  nn::StageOutputs stages, again;
  const auto clips = generator->forward(latents, {}, &stages);
  EXPECT_TRUE(clips.equal(generator->forward(latents)));
  ASSERT_EQ(stages.size(), widths.size());
  int64_t side = 4;
  for (size_t i = 0; i < widths.size(); ++i, side *= 2) {
    EXPECT_EQ(stages[i].sizes(), torch::IntArrayRef({12, widths[i], side, side}));
  }
  nn::backend().recompute = true;
  generator->forward(latents, {}, &again);
  nn::backend().recompute = false;
  ASSERT_EQ(again.size(), stages.size());
  for (size_t i = 0; i < stages.size(); ++i) EXPECT_TRUE(again[i].equal(stages[i])) << i;
}

TEST(StagesTest, AreThoseOfEachResolutionBelowThePicture) {
  expect_stages(painter_of("dcgan", {16, 5}), {16, 5});
  expect_stages(painter_of("dcgan", {16, 5, 4}), {16, 5, 4});
  expect_stages(painter_of("residual", {16, 5, 4}), {16, 5, 4});
}

TEST(StagesTest, EndBehindTheActivationAndTheAttention) {
  auto generator = painter_of("dcgan", {16, 8});
  {
    // It starts as if it were not there.
    const torch::NoGradGuard no_grad;
    generator->named_parameters()["frame.attention_4.gamma"].fill_(2);
  }
  const auto latents = draw_latents(generator->options.temporal, 2, 4, test::random(2));
  std::map<std::string, torch::Tensor> shown;
  nn::StageOutputs stages;
  generator->forward(
      latents,
      [&shown](const std::string& name, const torch::nn::Module&, const torch::Tensor& output) {
        shown[name] = output;
      },
      &stages);
  ASSERT_EQ(stages.size(), 2u);
  EXPECT_TRUE(stages[0].equal(shown.at("frame.attention_4")));
  EXPECT_FALSE(stages[0].equal(shown.at("frame.main.2")));
  EXPECT_TRUE(stages[1].equal(shown.at("frame.main.5")));
}

}  // namespace
}  // namespace vidgen::models
