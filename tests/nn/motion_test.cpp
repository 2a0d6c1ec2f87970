#include "vidgen/nn/motion.h"

#include <gtest/gtest.h>

#include "support/random.h"
#include "vidgen/graph/rewrite.h"

namespace vidgen::nn {
namespace {

/// Every type, with several options that fit it.
std::vector<TemporalOptions> all_motions() {
  std::vector<TemporalOptions> all;
  for (const auto& type : motion_types()) {
    for (const int64_t layers : {1, 2, 3}) {
      for (const int64_t kernel : {1, 3, 5}) {
        TemporalOptions options;
        options.type = type.name;
        options.motion_dim = 2 * layers + 2;
        options.hidden = 3 + kernel;
        options.layers = layers;
        options.kernel = kernel;
        try {
          validate(options, "temporal");
        } catch (const core::FieldError&) {
          continue;
        }
        all.push_back(options);
      }
    }
  }
  return all;
}

std::string name_of(const testing::TestParamInfo<TemporalOptions>& info) {
  const auto& options = info.param;
  return core::cat(options.type, "_", options.layers, "_layers_", options.kernel, "_frames");
}

/// A motion in float64 and what its paths are made from.
class MotionTest : public testing::TestWithParam<TemporalOptions> {
 protected:
  MotionTest() {
    torch::manual_seed(7);
    motion_ = type_.make(options_);
    if (auto* module = dynamic_cast<torch::nn::Module*>(motion_.get())) module->to(torch::kDouble);
  }

  MotionNoise rows(int64_t first, int64_t count) const {
    return {noise_.noise.narrow(1, first, count), noise_.initial};
  }
  torch::Tensor whole() {
    MotionState state;
    return motion_->next(noise_, kFrames, state);
  }

  static constexpr int64_t kClips = 3, kFrames = 7;
  const torch::NoGradGuard no_grad_;
  const TemporalOptions options_ = GetParam();
  const MotionType& type_ = motion_type(options_);
  const int64_t more_ = noise_frames(options_, 0);
  const MotionNoise noise_{
      torch::randn({kClips, kFrames + more_, options_.motion_dim}, test::random(1), torch::kDouble),
      torch::randn({kClips, options_.motion_dim}, test::random(2), torch::kDouble)};
  std::shared_ptr<Motion> motion_;
};
INSTANTIATE_TEST_SUITE_P(, MotionTest, testing::ValuesIn(all_motions()), name_of);

TEST_P(MotionTest, PiecesAreThoseOfTheWholePath) {
  MotionState state;
  std::vector<torch::Tensor> pieces{motion_->next(rows(0, 2 + more_), 2, state)};
  pieces.push_back(motion_->next_row(rows(2 + more_, 1), state).unsqueeze(1));
  pieces.push_back(motion_->next(rows(3 + more_, 4), 4, state));
  EXPECT_EQ(state.frame, kFrames);
  EXPECT_TRUE(torch::allclose(torch::cat(pieces, 1), whole(), 1e-12, 1e-12));
}

TEST_P(MotionTest, GraphComputesThePath) {
  graph::Graph graph;
  MotionInputs inputs;
  const int64_t dim = options_.motion_dim;
  std::map<std::string, torch::Tensor> given{{"times", torch::arange(kFrames, torch::kDouble)}};
  if (type_.reads_noise) {
    inputs.noise =
        graph.input("noise", torch::kFloat, {graph::each_clip(), graph::each_frame(more_), dim});
    given["noise"] = noise_.noise;
  }
  if (type_.reads_initial) {
    inputs.initial = graph.input("initial", torch::kFloat, {graph::each_clip(), dim});
    given["initial"] = noise_.initial;
  }
  graph.output("path", motion_->describe(graph, inputs).path);
  EXPECT_TRUE(torch::allclose(graph::run(graph, given).at("path"), whole(), 1e-12, 1e-12));
}

TEST_P(MotionTest, GraphOfAFrameGivesTheFramesOneByOne) {
  auto state = type_.first_state(options_, noise_);
  if (!state.defined()) GTEST_SKIP() << "keeps no state";
  state = state.to(torch::kDouble);
  graph::Graph graph;
  MotionInputs inputs;
  if (type_.reads_noise) {
    inputs.noise =
        graph.input("noise", torch::kFloat, {graph::each_clip(), 1, options_.motion_dim});
  }
  inputs.state = graph.input("state", torch::kFloat, {graph::each_clip(), state.size(1)});
  const auto motion = motion_->describe(graph, inputs);
  graph.output("path", motion.path);
  graph.output("state", motion.state);
  const auto expected = whole();
  for (int64_t t = 0; t < kFrames; ++t) {
    const auto made =
        graph::run(graph, {{"noise", noise_.noise.narrow(1, more_ + t, 1)}, {"state", state}});
    EXPECT_TRUE(torch::allclose(made.at("path"), expected.narrow(1, t, 1), 1e-12, 1e-12)) << t;
    state = made.at("state");
  }
}

TEST_P(MotionTest, WeightsAreThoseThatAreSaid) {
  int64_t count = 0;
  if (const auto* module = dynamic_cast<const torch::nn::Module*>(motion_.get())) {
    for (const auto& parameter : module->parameters())
      if (parameter.dim() > 1) count += parameter.numel();
  }
  EXPECT_EQ(type_.weights(options_), count);
}

}  // namespace
}  // namespace vidgen::nn
