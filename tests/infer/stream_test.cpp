#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "infer/networks.h"
#include "support/error.h"
#include "vidgen/infer/generator.h"
#include "vidgen/infer/rendering.h"
#include "vidgen/models/pixels.h"

namespace vidgen::infer {
namespace {

torch::Tensor frames_of(Stream stream, int64_t count) {
  std::vector<torch::Tensor> frames;
  for (int64_t i = 0; i < count; ++i) frames.push_back(stream.next_frame());
  return torch::stack(frames);
}

class StreamTest : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(, StreamTest,
                         testing::Values("none", "lstm", "gru", "gru_cell", "convolution",
                                         "sinusoidal"));

TEST_P(StreamTest, IsTheClipOfTheSameSeed) {
  const auto options = tiny_model({8, 12}, GetParam());
  const CompiledGenerator generator(lively_network(options), kTinyShape);
  RenderOptions render;
  render.seed = 5;
  // Noise of a multiple of sixteen numbers: convolution looks at ten frames more.
  render.frames = GetParam() == "convolution" ? 22 : 16;
  const auto clip = generator.render(render)[0];
  ASSERT_GT(difference(clip[0], clip[15]), 1) << "something moves";
  StreamOptions stream;
  stream.seed = 5;
  EXPECT_LE(difference(frames_of(generator.stream(stream), render.frames), clip), 1);
  stream.seed = 6;
  EXPECT_GT(difference(frames_of(generator.stream(stream), render.frames), clip), 2);
}

TEST_P(StreamTest, IsTheNetworkOnTheSameNoise) {
  auto model = tiny_model({8, 12}, GetParam());
  model.class_names = {"cats", "dogs"};
  const auto network = lively_network(model);
  constexpr int64_t kFrames = 40;
  models::EndlessLatents random(model.temporal, 7);
  models::Latents latents{random.content() * 0.7, {}, random.initial() * 0.7};
  latents.noise = random.next_noise(nn::noise_frames(model.temporal, kFrames)) * 0.7;
  latents.condition.labels = torch::ones({1}, torch::kLong);
  const auto expected = models::render(network, latents)[0];

  StreamOptions options;
  options.seed = 7;
  options.truncation = 0.7;
  options.class_name = "dogs";
  const auto generator = CompiledGenerator(network, kTinyShape, model.class_names);
  EXPECT_LE(difference(frames_of(generator.stream(options), kFrames), expected), 1);
  options.class_name = "";
  EXPECT_GT(difference(frames_of(generator.stream(options), kFrames), expected), 2)
      << "the first class";
}

/// Of clips that are painted once and moved, the stream of a seed.
void expect_stream_as_clip(models::ModelOptions options) {
  options.generator.warp_resolution = 8;
  options.generator.warp_groups = 2;
  options.generator.warp_fade = true;
  const CompiledGenerator generator(lively_network(options), kTinyShape);
  RenderOptions render;
  render.seed = 5;
  render.frames = 16;
  const auto clip = generator.render(render)[0];
  EXPECT_GT(difference(clip[0], clip[15]), 1) << "something moves";
  StreamOptions stream;
  stream.seed = 5;
  EXPECT_LE(difference(frames_of(generator.stream(stream), render.frames), clip), 1);
}

TEST(StreamsTest, AClipThatIsPaintedOnceIsTheClipOfTheSameSeed) {
  for (const auto type : {"gru_cell", "sinusoidal"}) {
    auto options = tiny_model({8, 12}, type);
    options.temporal.motion_dim = 8;
    expect_stream_as_clip(options);
    options.generator.slots = 2;
    expect_stream_as_clip(options);
  }
}

TEST(StreamsTest, DoNotDisturbEachOther) {
  const CompiledGenerator generator(lively_network(tiny_model()), kTinyShape);
  const auto expected = frames_of(generator.stream(), 6);
  auto one = generator.stream(), other = generator.stream({1});
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_TRUE(one.next_frame().equal(expected[i]));
    EXPECT_FALSE(other.next_frame().equal(expected[i]));
  }
}

TEST(StreamsTest, OutliveTheirGenerator) {
  auto generator = std::make_unique<CompiledGenerator>(lively_network(tiny_model()), kTinyShape);
  const auto expected = frames_of(generator->stream(), 3);
  auto stream = generator->stream();
  generator.reset();
  EXPECT_TRUE(frames_of(std::move(stream), 3).equal(expected));
}

TEST(StreamsTest, GreyComesAsRgb) {
  const models::ClipShape grey{1, 5, 16, 0};
  const CompiledGenerator generator(lively_network(tiny_model(), grey), grey);
  const auto frame = generator.stream().next_frame();
  EXPECT_EQ(frame.sizes(), torch::IntArrayRef({16, 16, 3}));
  EXPECT_EQ(frame.scalar_type(), torch::kU8);
  EXPECT_TRUE(frame.select(2, 0).equal(frame.select(2, 2)));
}

TEST(StreamsTest, RefuseWhatTheyCannotDo) {
  const auto along_clips = network_cases()[4].options;
  const CompiledGenerator whole(lively_network(along_clips), kTinyShape);
  EXPECT_THAT(test::error_of([&] { whole.stream(); }), testing::HasSubstr("space_time"));
  EXPECT_NO_THROW(whole.render({}));
  const CompiledGenerator plain(lively_network(tiny_model()), kTinyShape);
  StreamOptions options;
  options.class_name = "cats";
  EXPECT_EQ(test::error_of([&] { plain.stream(options); }),
            "class cats: this generator was trained without classes");
}

}  // namespace
}  // namespace vidgen::infer
