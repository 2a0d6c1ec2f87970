#include <gtest/gtest.h>

#include "infer/networks.h"
#include "support/random_model.h"
#include "vidgen/core/error.h"
#include "vidgen/export/export.h"
#include "vidgen/graph/rewrite.h"
#include "vidgen/nn/motion.h"

namespace vidgen::exporting {
namespace {

using namespace infer;  // NOLINT(google-build-using-namespace)

/// Every kind of frame generator with every kind of motion, and with random options.
std::vector<NetworkCase> all_generators() {
  std::vector<NetworkCase> all;
  for (const auto& network : network_cases()) {
    if (network.name == "wide") continue;
    for (const auto& motion : nn::motion_types()) {
      auto next = network;
      next.name += "_" + motion.name;
      next.options.temporal.type = motion.name;
      next.options.temporal.kernel = 3;
      next.options.temporal.motion_dim = 12;
      all.push_back(std::move(next));
    }
  }
  for (const auto& frames : models::frame_generator_types()) {
    for (const auto& motion : nn::motion_types()) {
      for (const uint64_t seed : {1, 2, 3}) {
        all.push_back({core::cat("random_", frames.name, "_", motion.name, "_", seed),
                       test::random_model(frames.name, motion.name, kTinyShape, seed)});
      }
    }
  }
  return all;
}

class ClipGraphTest : public testing::TestWithParam<NetworkCase> {
 protected:
  static constexpr int64_t kFrames = 10;

  std::map<std::string, torch::Tensor> inputs(const graph::Graph& graph) const {
    std::map<std::string, torch::Tensor> known{{"content", latents_.content},
                                               {"labels", latents_.condition.labels},
                                               {"noise", latents_.noise},
                                               {"initial", latents_.initial},
                                               {"times", torch::arange(kFrames, torch::kFloat)}};
    std::map<std::string, torch::Tensor> inputs;
    for (const auto& input : graph.inputs()) inputs[input.name] = known[input.name];
    return inputs;
  }

  const torch::NoGradGuard no_grad_;
  models::VideoGenerator network_ = lively_network(GetParam().options);
  const GraphSource source_{{network_, make_plan(network_), {}}, kTinyShape};
  const models::Latents latents_ = some_latents(network_, /*clips=*/2);
  /// [B,T,C,S,S].
  const torch::Tensor clips_ = network_->forward(latents_).transpose(1, 2);
};
INSTANTIATE_TEST_SUITE_P(, ClipGraphTest, testing::ValuesIn(all_generators()),
                         [](const auto& info) { return info.param.name; });

TEST_P(ClipGraphTest, ComputesTheClips) {
  const auto graph = clip_graph(source_);
  EXPECT_LT(difference(graph::run(graph, inputs(graph)).at("clips"), clips_), 1e-5);
}

TEST_P(ClipGraphTest, FrameByFrameGivesTheSame) {
  if (GetParam().options.generator.attention_axes == nn::AttentionAxes::kSpaceTime)
    GTEST_SKIP() << "its frames look at each other";
  const auto graph = step_graph(source_);
  auto given = inputs(graph);
  given["state"] = first_state(network_->options, latents_);
  const int64_t before = latents_.noise.size(1) - kFrames;
  for (int64_t t = 0; t < kFrames; ++t) {
    given["noise"] = latents_.noise.select(1, before + t);
    const auto made = graph::run(graph, given);
    EXPECT_LT(difference(made.at("frame"), clips_.select(1, t)), 1e-5) << t;
    if (made.count("next_state") > 0) given["state"] = made.at("next_state");
  }
}

}  // namespace
}  // namespace vidgen::exporting
