#include "vidgen/models/video_generator.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "support/module_state.h"
#include "support/random.h"
#include "vidgen/nn/layout.h"

namespace vidgen::models {
namespace {

using test::Fixture;

VideoGenerator small(const std::string& type) {
  VideoGeneratorOptions options;
  options.temporal.type = type;
  options.temporal.content_dim = 6;
  options.temporal.motion_dim = 4;
  options.temporal.hidden = 8;
  options.temporal.kernel = 5;
  options.temporal.layers = type == "convolution" ? 2 : 1;
  options.frame.widths = {16, 8};
  options.frame.attention = {8};
  options.frame.attention_axes = nn::AttentionAxes::kSpaceTime;
  return VideoGenerator(options);
}

TEST(VideoGenerator, ReproducesMocogan) {
  const Fixture fixture("mocogan_g_image");
  VideoGeneratorOptions options;
  options.temporal.content_dim = fixture.integer("z_content");
  options.temporal.motion_dim = fixture.integer("z_motion");
  options.frame.widths = fixture.integers("widths");
  options.frame.channels = fixture.integer("nc");
  VideoGenerator generator(options);
  auto& frame = *generator->named_children()["frame"];
  test::load_state(frame, fixture);
  test::load_state(*generator->named_children()["temporal"], fixture);

  const Latents latents{fixture.tensor("in.z_content"), fixture.tensor("in.eps"),
                        fixture.tensor("in.h0")};
  fixture.expect_close("out.z_m", generator->motion(latents));
  fixture.expect_close("out.frames", generator(latents));
  test::expect_buffers_after(frame, fixture);
}

/// A clip of two slots that are painted and moved.
VideoGenerator two_objects(const std::string& type, int64_t classes = 0) {
  torch::manual_seed(1);
  auto options = small(type)->options;
  options.frame.attention = {};
  options.frame.warp_resolution = 8;
  options.frame.slots = 2;
  options.condition.classes = classes;
  VideoGenerator generator(options);
  generator->eval();
  return generator;
}

class Temporal : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(, Temporal,
                         testing::Values("none", "lstm", "gru", "gru_cell", "convolution",
                                         "sinusoidal"));

TEST_P(Temporal, RendersTheFramesAsked) {
  auto options = small(GetParam())->options;
  options.frame.attention = {};  // which looks at the other frames
  VideoGenerator generator(options);
  generator->eval();
  auto latents = draw_latents(options.temporal, 2, 6, test::random(1));
  const auto all = generator(latents);
  latents.timestamps = torch::tensor({{1, 3, 5}, {0, 1, 2}});
  const auto some = generator(latents);
  EXPECT_EQ(some.sizes(), torch::IntArrayRef({2, 3, 3, 16, 16}));
  const auto expected = torch::stack({all[0].index_select(1, latents.timestamps[0]),
                                      all[1].index_select(1, latents.timestamps[1])});
  EXPECT_TRUE(torch::allclose(some, expected, 1e-4, 1e-5));
}

TEST_P(Temporal, MotionFrameByFrameIsThePath) {
  auto generator = small(GetParam());
  const auto& temporal = generator->options.temporal;
  const auto latents = draw_latents(temporal, 2, 40, test::random(1));
  const torch::NoGradGuard no_grad;
  const auto path = generator->motion(latents);
  nn::MotionState state;
  int64_t row = 0, remembered = -1;
  for (int64_t frame = 0; frame < 40; ++frame) {
    const int64_t rows = frame == 0 ? nn::noise_frames(temporal, 1) : 1;
    const auto next =
        generator->next_motion(latents.noise.narrow(1, row, rows), latents.initial, state);
    row += rows;
    EXPECT_TRUE(torch::allclose(next, path.select(1, frame), 1e-4, 1e-5)) << frame;
    int64_t numbers = 0;
    for (const auto& tensor : state.memory) numbers += tensor.numel();
    if (frame == 0) remembered = numbers;
    EXPECT_EQ(numbers, remembered) << "it remembers no more than after the first frame";
  }
  EXPECT_EQ(row, latents.noise.size(1));
}

TEST_P(Temporal, ObjectsHaveNoOrder) {
  auto generator = two_objects(GetParam(), /*classes=*/3);
  const auto exchanged = [](const torch::Tensor& x) {
    const auto halves = x.chunk(2, -1);
    return torch::cat({halves[1], halves[0]}, -1);
  };
  const torch::NoGradGuard no_grad;
  auto latents = draw_latents(generator->options.temporal, 3, 5, test::random(1));
  latents.condition.labels = torch::arange(3);
  const auto clips = generator(latents);
  auto other = latents;
  other.content = exchanged(latents.content);
  EXPECT_GT((generator(other) - clips).abs().max().item<double>(), 1e-4);
  other.noise = exchanged(latents.noise);
  other.initial = exchanged(latents.initial);
  EXPECT_LT((generator(other) - clips).abs().max().item<double>(), 1e-6);
  other.condition.labels = latents.condition.labels.flip({0});
  EXPECT_GT((generator(other) - clips).abs().max().item<double>(), 1e-4);
}

TEST_P(Temporal, ObjectsMoveFrameByFrameAlongThePath) {
  auto generator = two_objects(GetParam());
  const auto& temporal = generator->options.temporal;
  const auto latents = draw_latents(temporal, 2, 6, test::random(1));
  const torch::NoGradGuard no_grad;
  const auto rows = generator->frame_latents(latents).unflatten(0, {2, 6});
  nn::MotionState state;
  int64_t row = 0;
  for (int64_t frame = 0; frame < 6; ++frame) {
    const int64_t more = frame == 0 ? nn::noise_frames(temporal, 1) : 1;
    const auto next =
        generator->next_motion(latents.noise.narrow(1, row, more), latents.initial, state);
    row += more;
    const auto z = generator->joined(generator->content(latents), next.unsqueeze(1));
    EXPECT_TRUE(torch::allclose(z, rows.select(1, frame), 1e-4, 1e-5)) << frame;
  }
}

TEST_P(Temporal, MakesClipsOfAnyLength) {
  auto generator = small(GetParam());
  for (const int64_t frames : {1, 5, 24}) {
    const auto latents = draw_latents(generator->options.temporal, 2, frames, test::random(1));
    const auto clips = generator(latents);
    EXPECT_EQ(clips.sizes(), torch::IntArrayRef({2, 3, frames, 16, 16}));
    EXPECT_LE(clips.abs().max().item<double>(), 1);
  }
}

TEST_P(Temporal, CloneIsEqualAndIndependent) {
  auto generator = small(GetParam());
  nn::to_channels_last(*generator);
  generator->named_parameters()["frame.attention_8.gamma"].data().fill_(0.7);
  generator->eval();
  const auto latents = draw_latents(generator->options.temporal, 2, 3, test::random(1));
  // Throughout: an LSTM that keeps what gradients need may round differently.
  const torch::NoGradGuard no_grad;
  const auto expected = generator(latents);
  VideoGenerator copy(std::dynamic_pointer_cast<VideoGeneratorImpl>(generator->clone()));
  EXPECT_TRUE(torch::equal(copy(latents), expected));
  EXPECT_EQ(copy->named_parameters().keys(), generator->named_parameters().keys());

  for (auto& parameter : generator->parameters()) parameter.add_(0.1);
  EXPECT_TRUE(torch::equal(copy(latents), expected));
  for (auto& parameter : copy->parameters()) parameter.add_(0.1);
  EXPECT_TRUE(torch::equal(copy(latents), generator(latents)));
  EXPECT_FALSE(torch::equal(copy(latents), expected));
}

TEST_P(Temporal, MotionStaysFloat32UnderAutocast) {
  auto generator = small(GetParam());
  const auto latents = draw_latents(generator->options.temporal, 2, 3, test::random(1));
  const auto expected = generator->motion(latents);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto path = generator->motion(latents);
  const auto clips = generator(latents);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  EXPECT_TRUE(torch::equal(path, expected));
  EXPECT_EQ(clips.scalar_type(), torch::kBFloat16);
}

TEST_P(Temporal, EveryWeightHasAGradient) {
  auto generator = small(GetParam());
  generator->named_parameters()["frame.attention_8.gamma"].data().fill_(0.7);
  generator(draw_latents(generator->options.temporal, 2, 3, test::random(1)))
      .square()
      .sum()
      .backward();
  for (const auto& item : generator->named_parameters()) {
    EXPECT_TRUE(item.value().grad().defined()) << item.key();
  }
}

TEST(EndlessLatents, AreThoseOfAClip) {
  nn::TemporalOptions options;
  for (const int64_t motion : {1, 10}) {
    options.motion_dim = motion;
    const auto clip = sample_latents(options, 1, 48, 9);
    EndlessLatents all(options, 9), parts(options, 9);
    EXPECT_TRUE(all.content().equal(clip.content));
    EXPECT_TRUE(all.initial().equal(clip.initial));
    EXPECT_TRUE(all.next_noise(48).equal(clip.noise));
    std::vector<torch::Tensor> rows;
    for (const int64_t count : {1, 1, 20, 16, 10}) rows.push_back(parts.next_noise(count));
    EXPECT_TRUE(torch::cat(rows, 1).equal(clip.noise));
    EXPECT_FALSE(EndlessLatents(options, 10).content().equal(clip.content));
  }
}

TEST(VideoGenerator, LatentsNeedNoFrameGenerator) {
  auto generator = small("lstm");
  const torch::NoGradGuard no_grad;
  const auto latents = draw_latents(generator->options.temporal, 2, 3, test::random(1));
  const auto z = generator->frame_latents(latents);
  EXPECT_EQ(z.sizes(), torch::IntArrayRef({6, 10}));
  EXPECT_TRUE(z.narrow(1, 0, 6).equal(latents.content.repeat_interleave(3, 0)));
  generator->drop_frame_generator();
  EXPECT_TRUE(generator->frame_latents(latents).equal(z));
  for (const auto& item : generator->named_parameters())
    EXPECT_EQ(item.key().compare(0, 9, "temporal."), 0) << item.key();
}

TEST(VideoGenerator, ContentIsSharedByFramesOfAClip) {
  auto generator = small("none");
  generator->eval();
  auto latents = draw_latents(generator->options.temporal, 2, 3, test::random(1));
  latents.noise.zero_();
  const auto clips = generator(latents);
  EXPECT_TRUE(torch::allclose(clips.select(2, 0), clips.select(2, 2), 1e-4, 1e-5));
  EXPECT_FALSE(torch::allclose(clips[0], clips[1], 1e-4, 1e-5));
}

TEST(VideoGenerator, PiecesOfAConvolutionsClipAreThoseOfTheWhole) {
  auto generator = small("convolution");
  generator->eval();
  const auto& temporal = generator->options.temporal;
  const auto latents = draw_latents(temporal, 2, 12, test::random(1));
  EXPECT_EQ(latents.noise.sizes(), torch::IntArrayRef({2, 12 + 2 * 4, 4}));
  const auto whole = generator(latents);
  const auto noise = latents.noise.narrow(1, 5, nn::noise_frames(temporal, 3));
  const auto piece = generator(Latents{latents.content, noise, latents.initial});
  EXPECT_EQ(piece.size(2), 3);
  EXPECT_TRUE(torch::allclose(piece, whole.narrow(2, 5, 3), 1e-4, 1e-5));
}

TEST(VideoGenerator, FramesAreNotCopied) {
  auto generator = small("gru_cell");
  nn::to_channels_last(*generator);
  const auto clips = generator(draw_latents(generator->options.temporal, 2, 3, test::random(1)));
  EXPECT_TRUE(clips.is_contiguous(torch::MemoryFormat::ChannelsLast3d));
}

TEST(VideoGenerator, WorksWithoutMotionOrContent) {
  VideoGeneratorOptions options;
  options.temporal.type = "none";
  options.temporal.motion_dim = 0;
  VideoGenerator still(options);
  EXPECT_EQ(still(draw_latents(still->options.temporal, 2, 3, test::random(1))).size(2), 3);

  options.temporal.type = "lstm";
  options.temporal.motion_dim = 100;
  options.temporal.content_dim = 0;
  VideoGenerator moving(options);
  EXPECT_EQ(moving(draw_latents(moving->options.temporal, 2, 3, test::random(1))).size(2), 3);
}

TEST(VideoGenerator, MocoganHasTheShapesOfThePaper) {
  ModelOptions options;
  options.generator.widths = {512, 256, 128, 64};
  auto generator = make_generator(options, ClipShape{});
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const auto& item : generator->named_parameters()) {
    if (item.value().dim() > 1) shapes[item.key()] = item.value().sizes().vec();
  }
  const std::map<std::string, std::vector<int64_t>> expected{
      {"temporal.recurrent.weight_ih", {30, 10}}, {"temporal.recurrent.weight_hh", {30, 10}},
      {"frame.main.0.weight", {60, 512, 4, 4}},   {"frame.main.3.weight", {512, 256, 4, 4}},
      {"frame.main.6.weight", {256, 128, 4, 4}},  {"frame.main.9.weight", {128, 64, 4, 4}},
      {"frame.main.12.weight", {64, 3, 4, 4}}};
  EXPECT_EQ(shapes, expected);
}

TEST(DrawLatents, DependOnTheGeneratorAlone) {
  nn::TemporalOptions options;
  const auto first = draw_latents(options, 3, 5, test::random(9));
  options.type = "none";
  torch::rand({3});
  const auto second = draw_latents(options, 3, 5, test::random(9));
  EXPECT_TRUE(torch::equal(first.content, second.content));
  EXPECT_TRUE(torch::equal(first.noise, second.noise));
  EXPECT_TRUE(torch::equal(first.initial, second.initial));
  EXPECT_EQ(first.content.sizes(), torch::IntArrayRef({3, 50}));
  EXPECT_EQ(first.noise.sizes(), torch::IntArrayRef({3, 5, 10}));
  EXPECT_EQ(first.initial.sizes(), torch::IntArrayRef({3, 10}));
}

TEST(DrawLatents, LongerClipsKeepContentAndStart) {
  const nn::TemporalOptions options;
  const auto shorter = draw_latents(options, 3, 5, test::random(9));
  const auto longer = draw_latents(options, 3, 50, test::random(9));
  EXPECT_TRUE(torch::equal(shorter.content, longer.content));
  EXPECT_TRUE(torch::equal(shorter.initial, longer.initial));
}

}  // namespace
}  // namespace vidgen::models
