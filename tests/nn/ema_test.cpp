#include "vidgen/nn/ema.h"

#include <gtest/gtest.h>
#include <torch/nn/cloneable.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include "support/fixture.h"

namespace vidgen::nn {
namespace {

using test::Fixture;

/// One parameter and one buffer.
class PairImpl : public torch::nn::Cloneable<PairImpl> {
 public:
  PairImpl(const torch::Tensor& weights, const torch::Tensor& numbers)
      : p(weights.clone()), buffer(numbers.clone()) {
    reset();
  }
  void reset() override {
    p = register_parameter("p", p.detach().clone());
    buffer = register_buffer("buffer", buffer.clone());
  }
  torch::Tensor p;
  torch::Tensor buffer;
};
TORCH_MODULE(Pair);

EmaOptions ramped(const Fixture& fixture) {
  return {0.5, fixture.number("half_life"), fixture.number("rampup")};
}

/// The average after all updates of the fixture.
Pair average(const Fixture& fixture, const EmaOptions& options) {
  const auto weights = fixture.tensor("in.p");
  const auto numbers = fixture.tensor("in.buffer");
  Pair source(fixture.tensor("in.ema0"), numbers[0]);
  Ema ema(*source, options);
  for (int64_t i = 0; i < fixture.integer("updates"); ++i) {
    EXPECT_EQ(ema.seen(), fixture.tensor("in.nimg")[i].item<int64_t>());
    source->p.data().copy_(weights[i]);
    source->buffer.copy_(numbers[i]);
    ema.update(*source, fixture.integer("batch"));
  }
  return ema.as<Pair>();
}

TEST(Ema, BetaReproducesReference) {
  const Fixture fixture("ema");
  const auto seen = fixture.tensor("in.nimg");
  auto betas = torch::empty({seen.size(0)}, torch::kDouble);
  for (int64_t i = 0; i < seen.size(0); ++i) {
    betas[i] = ema_beta(ramped(fixture), seen[i].item<int64_t>(), fixture.integer("batch"));
  }
  fixture.expect_close("out.beta", betas);
}

TEST(Ema, RampedReproducesReference) {
  const Fixture fixture("ema");
  const auto result = average(fixture, ramped(fixture));
  fixture.expect_close("out.ramped", result->p);
  fixture.expect_close("out.buffer", result->buffer);
}

TEST(Ema, PlainReproducesReference) {
  const Fixture fixture("ema");
  const auto result = average(fixture, EmaOptions{fixture.number("decay"), 0, 0});
  fixture.expect_close("out.plain", result->p);
  fixture.expect_close("out.buffer", result->buffer);
}

TEST(Ema, RampupEndsAtDecay) {
  const EmaOptions options{0.999, 0, 0.05};
  EXPECT_EQ(ema_beta(options, 0, 16), 0);
  EXPECT_LT(ema_beta(options, 1600, 16), 0.9);
  EXPECT_NEAR(ema_beta(options, 1000000000, 16), 0.999, 1e-9);
  EXPECT_EQ(ema_beta(EmaOptions{0, 0, 0.05}, 1600, 16), 0);
}

TEST(Ema, HalfLifeDoesNotDependOnBatch) {
  const EmaOptions options{0.999, 1000, 0};
  EXPECT_NEAR(ema_beta(options, 0, 32), ema_beta(options, 0, 16) * ema_beta(options, 0, 16), 1e-12);
}

TEST(Ema, KeepsItsOwnWeightsWithoutGradient) {
  torch::nn::Linear source(2, 3);
  const Ema ema(*source, {});
  const auto copy = ema.as<torch::nn::Linear>();
  EXPECT_FALSE(copy->is_training());
  EXPECT_FALSE(copy->weight.requires_grad());
  EXPECT_TRUE(torch::equal(copy->weight, source->weight));
  EXPECT_NE(copy->weight.data_ptr(), source->weight.data_ptr());
}

}  // namespace
}  // namespace vidgen::nn
