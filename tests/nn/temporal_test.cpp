#include "vidgen/nn/temporal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/module_state.h"

namespace vidgen::nn {
namespace {

using test::Fixture;

VideoRnnOptions options_of(const Fixture& fixture) {
  return {RnnCell::kLstm, fixture.integer("input"), fixture.integer("hidden"),
          fixture.integer("layers")};
}

TEST(VideoRnn, ReproducesReference) {
  const Fixture fixture("seed_video_rnn");
  VideoRnn rnn(options_of(fixture));
  test::load_state(*rnn, fixture);
  const auto x = fixture.tensor("in.x").requires_grad_();

  fixture.expect_close("out.all", rnn(x));
  const auto last = rnn->predict_next(x);
  fixture.expect_close("out.last", last);
  last.sum().backward();
  fixture.expect_close("grad.sum_last.x", x.grad());
}

class VideoRnnCells : public testing::TestWithParam<RnnCell> {};
INSTANTIATE_TEST_SUITE_P(, VideoRnnCells, testing::Values(RnnCell::kLstm, RnnCell::kGru));

TEST_P(VideoRnnCells, PredictsLastStepOfPath) {
  VideoRnn rnn(VideoRnnOptions{GetParam(), 6, 8, 2});
  const auto x = torch::randn({3, 5, 6});
  const auto path = rnn(x);
  EXPECT_EQ(path.sizes(), x.sizes());
  EXPECT_TRUE(torch::allclose(rnn->predict_next(x), path.select(1, -1), 1e-5, 1e-6));
}

TEST_P(VideoRnnCells, NeverLooksAhead) {
  VideoRnn rnn(VideoRnnOptions{GetParam(), 6, 8, 2});
  const auto x = torch::randn({3, 9, 6});
  EXPECT_TRUE(torch::allclose(rnn(x).narrow(1, 0, 4), rnn(x.narrow(1, 0, 4)), 1e-5, 1e-6));
}

TEST_P(VideoRnnCells, NamesParametersAsReference) {
  VideoRnn rnn(VideoRnnOptions{GetParam(), 6, 8, 2});
  const auto names = rnn->named_parameters().keys();
  EXPECT_THAT(names, testing::IsSupersetOf({"rnn.weight_ih_l0", "rnn.bias_hh_l1", "fc.weight"}));
}

TEST(VideoRnn, RejectsLatentsOfAnotherLength) {
  VideoRnn rnn(VideoRnnOptions{RnnCell::kLstm, 6, 8, 1});
  EXPECT_THROW(rnn(torch::zeros({1, 2, 7})), c10::Error);
}

TEST(GruCellMotion, ReproducesReference) {
  const Fixture fixture("mocogan_g_image");
  GruCellMotion motion(GruCellMotionOptions{fixture.integer("z_motion")});
  test::load_state(*motion, fixture);
  fixture.expect_close("out.z_m", motion(fixture.tensor("in.eps"), fixture.tensor("in.h0")));
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
  EXPECT_EQ(core::write_fields(options).dump(),
            R"({"type":"gru_cell","content_dim":50,"motion_dim":10,"hidden":64,"layers":1})");
}

TEST(TemporalOptions, RejectsLatentsOfNothing) {
  TemporalOptions options;
  options.motion_dim = 0;
  EXPECT_EQ(problem(options),
            "model.temporal.motion_dim: found 0, expected at least 1 for a recurrent type");
  options.type = TemporalType::kNone;
  EXPECT_EQ(problem(options), "");
  options.content_dim = 0;
  EXPECT_EQ(problem(options),
            "model.temporal.motion_dim: found 0, as is content_dim; expected one above 0");
}

TEST(TemporalOptions, RejectsStackedGruCell) {
  TemporalOptions options;
  options.layers = 2;
  EXPECT_EQ(problem(options), "model.temporal.layers: found 2, expected 1 for gru_cell");
}

}  // namespace
}  // namespace vidgen::nn
