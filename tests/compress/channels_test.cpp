#include "vidgen/compress/channels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/generators.h"
#include "support/error.h"
#include "vidgen/compress/structured.h"

namespace vidgen::compress {
namespace {

constexpr const char* kBothTypes[] = {"dcgan", "residual"};

/// Kept channels drawn at random, as many as the widths say.
KeptChannels random_channels(const std::vector<ChannelGroup>& groups,
                             const std::vector<int64_t>& widths) {
  std::vector<torch::Tensor> importance;
  for (size_t i = 0; i < groups.size(); ++i)
    importance.push_back(torch::rand({groups[i].channels}, test::random(i), torch::kDouble));
  return choose_channels(groups, importance, widths);
}

torch::Tensor others(const torch::Tensor& kept, int64_t channels) {
  auto dropped = torch::ones({channels}, torch::kBool);
  dropped.index_fill_(0, kept, false);
  return dropped.nonzero().flatten();
}

/// Makes the channels that are not kept contribute exactly nothing: whatever reads them has zeros
/// there, and of queries and keys the products are zero.
void silence(checkpoint::Tensors& tensors, const std::vector<ChannelGroup>& groups,
             const KeptChannels& kept) {
  for (size_t i = 0; i < groups.size(); ++i) {
    const auto dropped = others(kept[i], groups[i].channels);
    for (const auto& place : groups[i].places) {
      if (place.role != ChannelRole::kReads && !groups[i].queries) continue;
      tensors.at(place.tensor).index_fill_(place.dim, dropped, 0);
    }
  }
}

TEST(SliceChannels, LosesNothingThatContributes) {
  for (const auto type : kBothTypes) {
    for (const auto axes : {nn::AttentionAxes::kSpace, nn::AttentionAxes::kSpaceTime}) {
      auto options = small_model(type);
      options.generator.attention_axes = axes;
      const auto groups = channel_groups(random_generator(options));
      const std::vector<int64_t> narrow{8, 12, 4};
      const auto kept = random_channels(groups, narrow);
      auto tensors = tensors_of(random_generator(options));
      silence(tensors, groups, kept);
      const auto wide = checkpoint::load_generator(weights_file(options, tensors));

      slice_channels(tensors, groups, kept, "generator");
      options.generator.widths = narrow;
      const auto sliced = checkpoint::load_generator(weights_file(options, tensors));
      const auto want = clips_of_seed(wide), got = clips_of_seed(sliced);
      EXPECT_GT(want.std().item<double>(), 1e-2) << "clips of nothing tell nothing";
      EXPECT_LT((got - want).abs().max().item<double>(), 1e-5);
    }
  }
}

TEST(SliceChannels, WithoutTheStageOfFullSize) {
  auto options = small_model("dcgan");
  options.generator.widths = {16, 24};
  const auto groups = channel_groups(random_generator(options));
  const auto kept = random_channels(groups, {4, 12});
  auto tensors = tensors_of(random_generator(options));
  silence(tensors, groups, kept);
  const auto want = clips_of_seed(checkpoint::load_generator(weights_file(options, tensors)));
  slice_channels(tensors, groups, kept, "generator");
  options.generator.widths = {4, 12};
  const auto got = clips_of_seed(checkpoint::load_generator(weights_file(options, tensors)));
  EXPECT_LT((got - want).abs().max().item<double>(), 1e-5);
}

TEST(SliceChannels, TakesAllThatTrainingKeeps) {
  const auto options = small_model("residual");
  const auto groups = channel_groups(random_generator(options));
  const auto kept = random_channels(groups, {8, 12, 4});
  checkpoint::Tensors tensors;
  const std::string name = "frame.main.3.conv.weight";  // 24 channels in and out
  const auto weight = torch::randn({24, 24, 3, 3}, test::random(5));
  for (const std::string& place : {"generator." + name, "ema." + name, "mask." + name,
                                   "optimizer.generator." + name + ".exp_avg",
                                   "optimizer.generator." + name + ".exp_avg_sq"}) {
    tensors[place] = weight.clone();
  }
  tensors["optimizer.generator." + name + ".step"] = torch::tensor(3.0f);
  tensors["discriminator.0." + name] = weight;
  slice_channels(tensors, groups, kept, "generator");
  const auto& sliced = tensors.at("ema." + name);
  EXPECT_EQ(sliced.sizes(), torch::IntArrayRef({12, 12, 3, 3}));
  for (const auto& [place, tensor] : tensors) {
    if (place.rfind("discriminator.", 0) == 0) {
      EXPECT_TRUE(tensor.equal(weight));
    } else if (tensor.dim() > 0) {
      EXPECT_TRUE(tensor.equal(sliced)) << place;
    }
  }
  tensors["ema." + name] = torch::zeros({24, 5, 3, 3});
  EXPECT_THAT(test::error_of([&] { slice_channels(tensors, groups, kept, "file"); }),
              ::testing::HasSubstr("file: tensor "));
}

TEST(FrameFlopsTest, AreThoseOfTheSmallerGenerator) {
  const auto sum_of = [](const models::ModelOptions& options) {
    auto generator = random_generator(options);
    double sum = 0;
    for (const auto& row : models::summarize(*generator, kSmallClip)) {
      if (row.name.rfind("frame.", 0) == 0) sum += row.flops;
    }
    return sum;
  };
  for (const auto type : kBothTypes) {
    for (const auto axes : {nn::AttentionAxes::kSpace, nn::AttentionAxes::kSpaceTime}) {
      auto options = small_model(type);
      options.generator.attention_axes = axes;
      auto generator = random_generator(options);
      const FrameFlops flops(models::summarize(*generator, kSmallClip),
                             channel_groups(random_generator(options)), options, kSmallClip);
      for (const std::vector<int64_t>& widths :
           std::vector<std::vector<int64_t>>{{16, 24, 8}, {8, 12, 4}, {16, 4, 8}}) {
        options.generator.widths = widths;
        const double want = sum_of(options);
        EXPECT_NEAR(flops(widths) / want, 1, 1e-9);
      }
    }
  }
}

}  // namespace
}  // namespace vidgen::compress
