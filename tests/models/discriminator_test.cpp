#include "vidgen/models/discriminator.h"

#include <gtest/gtest.h>

#include "support/random.h"
#include "vidgen/models/summary.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/layout.h"

namespace vidgen::models {
namespace {

const ClipShape kShape{3, 16, 32};

DiscriminatorOptions discriminator_options(const std::string& type, int64_t pool, int64_t frames) {
  DiscriminatorOptions options;
  options.type = type;
  options.pool = pool;
  options.frames = frames;
  options.widths = pool == 1 ? std::vector<int64_t>{8, 16, 32} : std::vector<int64_t>{8, 16};
  return options;
}

TEST(FrameIndices, AreDistinctAndInRange) {
  const auto indices = draw_frame_indices(200, 5, 3, test::random(1));
  EXPECT_EQ(indices.sizes(), torch::IntArrayRef({200, 3}));
  EXPECT_EQ(indices.scalar_type(), torch::kLong);
  EXPECT_TRUE(indices.ge(0).logical_and(indices.lt(5)).all().item<bool>());
  const auto sorted = std::get<0>(indices.sort(1));
  EXPECT_TRUE(sorted.diff(1, 1).gt(0).all().item<bool>());
  for (int64_t frame = 0; frame < 5; ++frame) {
    EXPECT_NEAR(indices.eq(frame).sum().item<double>(), 200 * 3 / 5.0, 40);
  }
  EXPECT_TRUE(torch::equal(indices, draw_frame_indices(200, 5, 3, test::random(1))));
}

TEST(FrameIndices, RejectsMoreThanThereAre) {
  EXPECT_THROW(draw_frame_indices(2, 5, 6, test::random(1)), c10::Error);
  EXPECT_THROW(draw_frame_indices(2, 5, 0, test::random(1)), c10::Error);
}

TEST(DrawTimes, AreAtEqualDistancesAndReachEverywhere) {
  const auto timestamps = draw_timestamps(2000, 16, 4, test::random(1));
  EXPECT_EQ(timestamps.sizes(), torch::IntArrayRef({2000, 4}));
  EXPECT_TRUE(timestamps.ge(0).logical_and(timestamps.lt(16)).all().item<bool>());
  const auto distances = timestamps.diff(1, 1);
  EXPECT_TRUE(distances.eq(distances.narrow(1, 0, 1)).all().item<bool>());
  for (int64_t distance = 1; distance <= 5; ++distance) {
    EXPECT_NEAR(distances.select(1, 0).eq(distance).sum().item<double>(), 400, 80) << distance;
  }
  const auto neighbours = timestamps.select(1, 0).masked_select(distances.select(1, 0).eq(1));
  for (int64_t first = 0; first <= 12; ++first) {
    EXPECT_GT(neighbours.eq(first).sum().item<int64_t>(), 5) << first;
  }
  EXPECT_TRUE(torch::equal(timestamps, draw_timestamps(2000, 16, 4, test::random(1))));
  EXPECT_TRUE(
      torch::equal(draw_timestamps(3, 5, 5, test::random(2)), torch::arange(5).expand({3, 5})));
  EXPECT_LT(draw_timestamps(50, 5, 1, test::random(3)).max().item<int64_t>(), 5);
  EXPECT_THROW(draw_timestamps(2, 5, 6, test::random(1)), c10::Error);
}

TEST(SelectTimes, TakesThoseFramesOfEachClip) {
  const auto clips = torch::arange(2 * 5 * 3).view({2, 5, 3});
  const auto timestamps = torch::tensor({{0, 2}, {4, 1}});
  const auto selected = select_frames(clips, timestamps);
  EXPECT_TRUE(torch::equal(selected[0], torch::stack({clips[0][0], clips[0][2]})));
  EXPECT_TRUE(torch::equal(selected[1], torch::stack({clips[1][4], clips[1][1]})));
}

class Pooled : public testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(, Pooled, testing::Values(1, 2));

TEST_P(Pooled, FrameDiscriminatorJudgesTheFramesAsked) {
  auto discriminator = make_discriminator(discriminator_options("frame", GetParam(), 2), kShape);
  discriminator->eval();
  const auto clips = torch::randn({3, 3, 16, 32, 32});
  const auto indices = draw_frame_indices(3, 16, 2, test::random(1));
  const auto logits = discriminator->forward({clips, indices});
  EXPECT_EQ(logits.sizes(), torch::IntArrayRef({6}));

  const auto frame = indices[1][1].item<int64_t>();
  const auto alone = clips.narrow(0, 1, 1).narrow(2, frame, 1);
  const auto logit = discriminator->forward({alone, torch::zeros({1, 1}, torch::kLong)});
  EXPECT_TRUE(torch::allclose(logits[3], logit[0], 1e-3, 1e-4));
}

TEST_P(Pooled, ClipDiscriminatorJudgesEachClip) {
  auto discriminator = make_discriminator(discriminator_options("clip", GetParam(), 1), kShape);
  discriminator->eval();
  const auto clips = torch::randn({3, 3, 16, 32, 32});
  const auto logits = discriminator->forward({clips, {}});
  const int64_t each = GetParam() == 1 ? 16 - 12 : 16 - 9;
  EXPECT_EQ(logits.sizes(), torch::IntArrayRef({3 * each}));
  const auto alone = discriminator->forward({clips.narrow(0, 1, 1), {}});
  EXPECT_TRUE(torch::allclose(logits.narrow(0, each, each), alone, 1e-3, 1e-4));
}

TEST_P(Pooled, LayoutDoesNotMatter) {
  const auto clips = torch::randn({3, 3, 16, 32, 32});
  const auto last = clips.contiguous(torch::MemoryFormat::ChannelsLast3d);
  const auto indices = draw_frame_indices(3, 16, 2, test::random(1));
  for (const std::string type : {"frame", "clip"}) {
    auto discriminator = make_discriminator(discriminator_options(type, GetParam(), 2), kShape);
    const auto expected = discriminator->forward({clips, indices});
    nn::to_channels_last(*discriminator);
    const auto layout = [](const std::string& name, const auto&, const torch::Tensor& output) {
      if (output.size(-1) == 1) return;
      EXPECT_TRUE(output.is_contiguous(output.dim() == 4 ? torch::MemoryFormat::ChannelsLast
                                                         : torch::MemoryFormat::ChannelsLast3d))
          << name;
    };
    const auto logits = discriminator->forward({last, indices}, layout);
    EXPECT_TRUE(torch::allclose(logits, expected, 1e-3, 1e-4));
  }
}

TEST(Discriminator, FrameNeedsIndices) {
  auto discriminator = make_discriminator(discriminator_options("frame", 1, 1), kShape);
  EXPECT_THROW(discriminator->forward({torch::zeros({3, 3, 16, 32, 32}), {}}), c10::Error);
}

TEST(Discriminator, GradientReachesTheClips) {
  const auto clips = torch::randn({2, 3, 16, 32, 32}).requires_grad_();
  auto discriminator = make_discriminator(discriminator_options("frame", 2, 1), kShape);
  const auto indices = torch::tensor({{3}, {7}});
  discriminator->forward({clips, indices}).sum().backward();
  const auto used = clips.grad().abs().sum({1, 3, 4}).gt(0);
  EXPECT_TRUE(used[0][3].item<bool>() && used[1][7].item<bool>());
  EXPECT_EQ(used.sum().item<int64_t>(), 2);
}

TEST(Summary, ListsLayersOfGenerator) {
  const ClipShape shape{3, 16, 16};
  ModelOptions options;
  options.generator.attention = {8};
  auto generator = make_generator(options, shape);
  const auto buffers = generator->buffers()[0].clone();
  const auto rows = summarize(*generator, shape);
  ASSERT_EQ(rows.size(), 10);
  EXPECT_EQ(rows[0].name, "temporal");
  EXPECT_EQ(rows[0].type, "GruCellMotion");
  EXPECT_EQ(rows[1].name, "frame.main.0");
  EXPECT_EQ(rows[1].type, "ConvTranspose2d");
  EXPECT_EQ(rows[1].output, (std::vector<int64_t>{16, 128, 4, 4}));
  EXPECT_EQ(rows[1].parameters, 60 * 128 * 16);
  EXPECT_EQ(rows[7].name, "frame.attention_8");
  int64_t total = 0;
  int64_t expected = 0;
  for (const auto& row : rows) total += row.parameters;
  for (const auto& parameter : generator->parameters()) expected += parameter.numel();
  EXPECT_EQ(total, expected);
  EXPECT_TRUE(generator->is_training());
  EXPECT_TRUE(torch::equal(generator->buffers()[0], buffers));
  EXPECT_NE(format_layers(rows).find("[16, 128, 4, 4]"), std::string::npos);
  EXPECT_NE(format_layers(rows).find(std::to_string(total)), std::string::npos);
}

TEST(Summary, ShowsThePathOfAConvolution) {
  const ClipShape shape{3, 16, 16};
  ModelOptions options;
  options.temporal.type = "convolution";
  const auto row = summarize(*make_generator(options, shape), shape)[0];
  EXPECT_EQ(row.type, "ConvolutionMotion");
  EXPECT_EQ(row.output, (std::vector<int64_t>{1, 16, 10}));
  EXPECT_EQ(row.parameters, 10 * 10 * 11 + 10);
  EXPECT_EQ(row.flops, 2.0 * 16 * 10 * 10 * 11);
}

TEST(Summary, ListsLayersOfDiscriminators) {
  auto clip = make_discriminator(discriminator_options("clip", 2, 1), kShape);
  const auto rows = summarize(*clip, kShape);
  ASSERT_EQ(rows.size(), 6);
  EXPECT_EQ(rows[0].name, "net.main.0");
  EXPECT_EQ(rows[0].type, "Conv3d");
  EXPECT_EQ(rows[0].output, (std::vector<int64_t>{1, 8, 13, 8, 8}));
  auto frame = make_discriminator(discriminator_options("frame", 1, 2), kShape);
  EXPECT_EQ(summarize(*frame, kShape)[0].output, (std::vector<int64_t>{2, 8, 16, 16}));
}

TEST(DiscriminatorTest, RealAndGeneratedClipsAreComparedAsEachIsJudged) {
  const ClipShape shape{3, 4, 16};
  for (const auto* network : {"dcgan", "residual"}) {
    for (const auto* type : {"frame", "clip"}) {
      const bool residual = network == std::string("residual");
      if (!residual && type == std::string("clip")) continue;  // which needs longer clips
      DiscriminatorOptions options;
      options.network = network;
      options.type = type;
      options.frames = 2;
      options.widths = {8, 12};
      options.minibatch_stddev = residual;
      options.timestamps = residual && type == std::string("clip");
      const auto discriminator = make_discriminator(options, shape, {/*classes=*/2});
      const auto batch = [&](uint64_t seed) {
        ClipBatch clips{torch::randn({4, 3, 4, 16, 16}, test::random(seed)),
                        draw_frame_indices(4, 4, 2, test::random(seed)),
                        draw_timestamps(4, 16, 4, test::random(seed))};
        clips.condition.labels = torch::tensor({0, 1, 1, 0});
        return clips;
      };
      const auto real = batch(1), fake = batch(2);
      const auto [of_real, of_fake] = discriminator->compare(real, fake);
      EXPECT_TRUE(torch::allclose(of_real, discriminator->forward(real), 1e-4, 1e-5))
          << network << " " << type;
      EXPECT_TRUE(torch::allclose(of_fake, discriminator->forward(fake), 1e-4, 1e-5))
          << network << " " << type;
    }
  }
}

}  // namespace
}  // namespace vidgen::models
