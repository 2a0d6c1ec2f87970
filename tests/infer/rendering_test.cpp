#include "vidgen/infer/rendering.h"

#include <gtest/gtest.h>

#include "infer/networks.h"
#include "vidgen/infer/generator.h"

namespace vidgen::infer {
namespace {

/// The pictures of all latents at once, of the frames from `first` on.
torch::Tensor frames_at(const CompiledGenerator& generator, const torch::Tensor& z, int64_t first) {
  constexpr int64_t kSome = 8;
  const auto pictures = generator.frames(z.narrow(0, first, kSome));
  return ((pictures.clamp(-1, 1) + 1) * 127.5).round().permute({0, 2, 3, 1});
}

/// In blocks of latents and of motion: many short clips, or one that is long.
void expect_the_clips_of_all_latents(const std::string& type, RenderOptions options) {
  auto model = tiny_model({4, 4}, type);
  model.class_names = {"cats", "dogs", "ducks"};
  const auto network = lively_network(model);
  const CompiledGenerator generator(network, kTinyShape, model.class_names);
  options.seed = 3;
  options.batch = 64;
  auto latents =
      models::sample_latents(model.temporal, options.count, options.frames, options.seed);
  latents.condition = models::ConditionSampler(network->options.condition).in_turn(options.count);
  const torch::NoGradGuard no_grad;
  auto unowned = network;
  const auto z = unowned->frame_latents(latents);

  // Beyond the first block are enough.
  constexpr int64_t kEnough = 17500;
  auto parts = generator.rendering(options);
  int64_t done = 0;
  while (done < kEnough) {
    const auto part = parts.next();
    ASSERT_LE(part.size(0), options.batch * kTinyShape.frames);
    ASSERT_LE(difference(part.narrow(0, 0, 8), frames_at(generator, z, done)), 1) << done;
    done += part.size(0);
  }
}

TEST(RenderingTest, ManyClips) {
  RenderOptions options;
  options.count = 6800;
  options.frames = 5;
  expect_the_clips_of_all_latents("lstm", options);
}

TEST(RenderingTest, LongClip) {
  RenderOptions options;
  options.frames = 34000;
  expect_the_clips_of_all_latents("convolution", options);
}

TEST(RenderingTest, PartsAreTheClipsOfRender) {
  for (const auto& one : network_cases()) {
    SCOPED_TRACE(one.name);
    const CompiledGenerator generator(lively_network(one.options), kTinyShape,
                                      one.options.class_names);
    for (const int64_t frames : {3, 5, 23}) {
      RenderOptions options;
      options.count = 7;
      options.frames = frames;
      options.batch = 3;
      auto rendering = generator.rendering(options);
      std::vector<torch::Tensor> parts;
      for (auto part = rendering.next(); part.defined(); part = rendering.next())
        parts.push_back(part);
      EXPECT_TRUE(torch::cat(parts).equal(generator.render(options).flatten(0, 1))) << frames;
    }
  }
}

}  // namespace
}  // namespace vidgen::infer
