#include "vidgen/models/latents.h"

#include <gtest/gtest.h>

#include "vidgen/models/video_generator.h"

namespace vidgen::models {
namespace {

nn::TemporalOptions options_of(const std::string& type, int64_t content, int64_t motion) {
  nn::TemporalOptions options;
  options.type = type;
  options.content_dim = content;
  options.motion_dim = motion;
  options.kernel = 5;
  return options;
}

TEST(LatentSequenceTest, GivesTheNumbersThatAreDrawnAtOnce) {
  // LibTorch draws by other means below sixteen numbers, and the last of a count that is no
  // multiple of sixteen.
  for (const int64_t clips : {1, 2, 3, 5, 16, 37}) {
    for (const int64_t content : {0, 1, 3, 16}) {
      for (const int64_t part : {1, 2, 7, 64}) {
        const auto options = options_of("convolution", content, 3);
        const auto expected = sample_latents(options, clips, /*frames=*/2, /*seed=*/5);
        LatentSequence sequence(options, clips, 2, 5);
        const int64_t rows = nn::noise_frames(options, 2);
        for (int64_t first = 0; first < clips; first += part) {
          const int64_t count = std::min(part, clips - first);
          const auto latents = sequence.next(count);
          ASSERT_TRUE(latents.content.equal(expected.content.narrow(0, first, count))) << clips;
          ASSERT_TRUE(latents.initial.equal(expected.initial.narrow(0, first, count))) << clips;
          ASSERT_TRUE(sequence.next_noise(count * rows)
                          .view({count, rows, 3})
                          .equal(expected.noise.narrow(0, first, count)))
              << clips << " clips, in parts of " << part << ", from " << first;
        }
      }
    }
  }
}

class NextPathTest : public testing::TestWithParam<std::string> {};

TEST_P(NextPathTest, PartsAreTheWholePath) {
  const torch::NoGradGuard no_grad;
  VideoGeneratorOptions options;
  options.temporal = options_of(GetParam(), 4, 6);
  options.frame.widths = {8, 8};
  VideoGenerator generator(options);
  const int64_t frames = 29;
  const auto latents = sample_latents(options.temporal, /*clips=*/3, frames, /*seed=*/1);
  const auto whole = generator->motion(latents);
  nn::MotionState state;
  int64_t used = 0, made = 0;
  for (const int64_t part : {5, 1, 16, 7}) {
    const int64_t rows = made == 0 ? nn::noise_frames(options.temporal, part) : part;
    const auto noise = latents.noise.narrow(1, used, rows);
    const auto path = generator->next_path(noise, latents.initial, part, state);
    EXPECT_TRUE(torch::allclose(path, whole.narrow(1, made, part), 1e-5, 1e-6)) << made;
    used += rows;
    made += part;
  }
  EXPECT_EQ(made, frames);
  EXPECT_EQ(used, latents.noise.size(1));
}

INSTANTIATE_TEST_SUITE_P(Types, NextPathTest,
                         testing::Values("none", "lstm", "gru", "gru_cell", "convolution",
                                         "sinusoidal"));

}  // namespace
}  // namespace vidgen::models
