#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "nn/motions.h"
#include "support/module_state.h"
#include "support/random.h"
#include "vidgen/nn/motion.h"

namespace vidgen::nn {
namespace {

using test::Fixture;

TEST(RnnMotion, ReproducesReference) {
  const Fixture fixture("seed_video_rnn");
  TestedMotion rnn(motion_options("lstm", fixture.integer("input"), fixture.integer("hidden"),
                                  fixture.integer("layers")));
  test::load_state(*rnn.layers, fixture);
  const auto x = fixture.tensor("in.x").requires_grad_();

  const auto path = rnn.path({x, {}}, x.size(1));
  fixture.expect_close("out.all", path);
  const auto last = path.select(1, -1);
  fixture.expect_close("out.last", last);
  last.sum().backward();
  fixture.expect_close("grad.sum_last.x", x.grad());
}

class RnnMotionTypes : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, RnnMotionTypes, testing::Values("lstm", "gru"));

TEST_P(RnnMotionTypes, NeverLooksAhead) {
  TestedMotion rnn(motion_options(GetParam(), 6, 8, 2));
  const auto x = torch::randn({3, 9, 6});
  EXPECT_TRUE(torch::allclose(rnn.path({x, {}}, 9).narrow(1, 0, 4),
                              rnn.path({x.narrow(1, 0, 4), {}}, 4), 1e-5, 1e-6));
}

TEST_P(RnnMotionTypes, NamesParametersAsReference) {
  const TestedMotion rnn(motion_options(GetParam(), 6, 8, 2));
  const auto names = rnn.layers->named_parameters().keys();
  EXPECT_THAT(names, testing::IsSupersetOf({"rnn.weight_ih_l0", "rnn.bias_hh_l1", "fc.weight"}));
}

TEST(MotionTypes, RejectNoiseOfAnotherLength) {
  const MotionNoise noise{torch::zeros({1, 30, 7}), torch::zeros({1, 7})};
  for (const auto& type : motion_types()) {
    if (type.name == "none") continue;
    TestedMotion motion(motion_options(type.name, 6));
    EXPECT_THROW(motion.path(noise, 20), c10::Error) << type.name;
  }
}

TEST(GruCellMotion, ReproducesReference) {
  const Fixture fixture("mocogan_g_image");
  TestedMotion motion(motion_options("gru_cell", fixture.integer("z_motion")));
  test::load_state(*motion.layers, fixture);
  const auto noise = fixture.tensor("in.eps");
  fixture.expect_close("out.z_m", motion.path({noise, fixture.tensor("in.h0")}, noise.size(1)));
}

/// Two layers of three frames each: frame t depends on the noise t ... t + 4.
class ConvolutionMotionTest : public testing::Test {
 protected:
  /// Paths that start at the noise `first`.
  torch::Tensor path(const torch::Tensor& noise, int64_t first, int64_t frames) {
    return motion_.path({noise.narrow(1, first, frames + kMore), {}}, frames);
  }

  static constexpr int64_t kMore = 4;
  TestedMotion motion_{motion_options("convolution", 6, 8, 2, 3)};
  const torch::Tensor noise_ = torch::randn({2, 20 + kMore, 6}, test::random(1));
  const torch::Tensor whole_ = path(noise_, 0, 20);
};

TEST_F(ConvolutionMotionTest, HasAFrameForEachAsked) {
  EXPECT_EQ(whole_.sizes(), torch::IntArrayRef({2, 20, 6}));
  EXPECT_EQ(path(noise_, 0, 1).size(1), 1);
  EXPECT_THROW(path(noise_, 0, 0), c10::Error) << "noise for no frame";
}

TEST_F(ConvolutionMotionTest, ShiftedNoiseGivesTheShiftedPath) {
  EXPECT_TRUE(torch::allclose(path(noise_, 1, 19), whole_.narrow(1, 1, 19), 1e-5, 1e-6));
  EXPECT_FALSE(torch::allclose(path(noise_, 1, 19), whole_.narrow(1, 0, 19), 1e-2, 1e-2));
}

TEST_F(ConvolutionMotionTest, PiecesAreThoseOfTheWholePath) {
  const auto pieces = torch::cat({path(noise_, 0, 7), path(noise_, 7, 1), path(noise_, 8, 12)}, 1);
  EXPECT_TRUE(torch::allclose(pieces, whole_, 1e-5, 1e-6));
}

TEST_F(ConvolutionMotionTest, EachFrameSeesItsOwnNoiseOnly) {
  for (const int64_t changed : {0, 3, 11, 23}) {
    auto noise = noise_.clone();
    noise.select(1, changed).add_(1);
    const auto moved = (path(noise, 0, 20) - whole_).abs().sum(torch::IntArrayRef{0, 2}).gt(1e-4);
    for (int64_t t = 0; t < 20; ++t) {
      EXPECT_EQ(moved[t].item<bool>(), t <= changed && changed <= t + kMore)
          << "noise " << changed << ", frame " << t;
    }
  }
}

TEST_F(ConvolutionMotionTest, OneLayerIsOneFilter) {
  TestedMotion motion(motion_options("convolution", 6, 8, 1, 5));
  auto parameters = motion.layers->named_parameters();
  ASSERT_EQ(parameters.keys(), (std::vector<std::string>{"main.0.weight", "main.0.bias"}));
  const auto expected =
      at::conv1d(noise_.transpose(1, 2), parameters["main.0.weight"], parameters["main.0.bias"]);
  EXPECT_TRUE(torch::allclose(motion.path({noise_, {}}, 20), expected.transpose(1, 2), 1e-5, 1e-6));
}

TEST(SinusoidalMotion, EachWaveIsASineAndACosineOfItsOwn) {
  TestedMotion motion(motion_options("sinusoidal", 4, 8));
  const auto noise = torch::tensor({{0.5, -0.25, 1.0, 2.0}}, torch::kFloat);
  const auto path = motion.path({{}, noise}, 40)[0].to(torch::kDouble);
  const auto parameters = motion.layers->named_parameters();
  ASSERT_EQ(parameters.keys(),
            (std::vector<std::string>{"frequency.0.weight", "frequency.0.bias",
                                      "frequency.2.weight", "frequency.2.bias"}));
  const auto hidden =
      torch::leaky_relu(at::linear(noise.narrow(1, 2, 2), parameters["frequency.0.weight"],
                                   parameters["frequency.0.bias"]),
                        0.2);
  const auto frequency =
      at::linear(hidden, parameters["frequency.2.weight"], parameters["frequency.2.bias"])
          .sigmoid()[0] *
      (M_PI / 2);
  for (int64_t wave = 0; wave < 2; ++wave) {
    const double w = frequency[wave].item<double>();
    const double phase = noise[0][wave].item<double>() * M_PI;
    for (const int64_t t : {0, 1, 39}) {
      EXPECT_NEAR(path[t][wave].item<double>(), M_SQRT2 * std::sin(w * t + phase), 1e-4);
      EXPECT_NEAR(path[t][wave + 2].item<double>(), M_SQRT2 * std::cos(w * t + phase), 1e-4);
    }
  }
}

TEST(NoiseFrames, ConvolutionNeedsWhatItsLayersLookAt) {
  TemporalOptions options;
  options.layers = 2;
  options.kernel = 5;
  for (const auto type : {"none", "lstm", "gru", "gru_cell", "sinusoidal"}) {
    options.type = type;
    EXPECT_EQ(noise_frames(options, 16), 16);
  }
  options.type = "convolution";
  EXPECT_EQ(noise_frames(options, 16), 16 + 2 * 4);
}

std::string problem(const TemporalOptions& options) {
  try {
    validate(options, "model.temporal");
  } catch (const core::FieldError& error) {
    return error.what();
  }
  return "";
}

TEST(TemporalOptions, DefaultsAreThoseOfMocogan) {
  const TemporalOptions options;
  EXPECT_EQ(problem(options), "");
  EXPECT_EQ(
      core::write_fields(options).dump(),
      R"({"type":"gru_cell","content_dim":50,"motion_dim":10,"hidden":64,"layers":1,"kernel":11})");
}

TEST(TemporalOptions, RejectsLatentsOfNothing) {
  TemporalOptions options;
  options.motion_dim = 0;
  EXPECT_EQ(problem(options),
            "model.temporal.motion_dim: found 0, expected at least 1 for any type but none");
  options.type = "none";
  EXPECT_EQ(problem(options), "");
  options.content_dim = 0;
  EXPECT_EQ(problem(options),
            "model.temporal.motion_dim: found 0, as is content_dim; expected one above 0");
}

TEST(TemporalOptions, KernelOfConvolutionIsOdd) {
  TemporalOptions options;
  options.kernel = 4;
  EXPECT_EQ(problem(options), "") << "others do not read it";
  options.type = "convolution";
  options.layers = 3;
  EXPECT_EQ(problem(options), "model.temporal.kernel: found 4, expected an odd number");
  options.kernel = 1;
  EXPECT_EQ(problem(options), "");
}

TEST(TemporalOptions, WavesArePairsOfOneLayer) {
  TemporalOptions options;
  options.type = "sinusoidal";
  EXPECT_EQ(problem(options), "");
  options.motion_dim = 7;
  EXPECT_EQ(problem(options),
            "model.temporal.motion_dim: found 7, expected an even number: a sine and a cosine a "
            "wave");
  options.motion_dim = 8;
  options.layers = 2;
  EXPECT_EQ(problem(options), "model.temporal.layers: found 2, expected 1 for sinusoidal");
}

TEST(TemporalOptions, RejectsStackedGruCell) {
  TemporalOptions options;
  options.layers = 2;
  EXPECT_EQ(problem(options), "model.temporal.layers: found 2, expected 1 for gru_cell");
}

}  // namespace
}  // namespace vidgen::nn
