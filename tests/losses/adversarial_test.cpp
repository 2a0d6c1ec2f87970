#include "vidgen/losses/adversarial.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/error.h"
#include "support/fixture.h"
#include "vidgen/losses/options.h"

namespace vidgen::losses {
namespace {

using test::Fixture;

struct Case {
  LossType type;
  /// As the fixture calls it.
  std::string name;
};

class AdversarialLoss : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(, AdversarialLoss,
                         testing::Values(Case{LossType::kNonSaturating, "bce"},
                                         Case{LossType::kHinge, "hinge"},
                                         Case{LossType::kLeastSquares, "ls"},
                                         Case{LossType::kWasserstein, "w"},
                                         Case{LossType::kRelativistic, "rp"}),
                         [](const auto& test) { return test.param.name; });

torch::Tensor gradient_of(const torch::Tensor& logits) {
  return logits.grad().defined() ? logits.grad() : torch::zeros_like(logits);
}

TEST_P(AdversarialLoss, DiscriminatorReproducesReference) {
  const Fixture fixture("losses");
  const auto real = fixture.tensor("in.real").requires_grad_();
  const auto fake = fixture.tensor("in.fake").requires_grad_();
  const auto loss = discriminator_loss(GetParam().type, real, fake);
  loss.backward();
  const std::string name = GetParam().name + "_d";
  fixture.expect_close("out." + name, loss);
  fixture.expect_close("grad." + name + ".real", gradient_of(real));
  fixture.expect_close("grad." + name + ".fake", gradient_of(fake));
}

TEST_P(AdversarialLoss, GeneratorReproducesReference) {
  const Fixture fixture("losses");
  const auto real = fixture.tensor("in.real").requires_grad_();
  const auto fake = fixture.tensor("in.fake").requires_grad_();
  const auto loss = generator_loss(GetParam().type, real, fake);
  loss.backward();
  const std::string name = GetParam().name + "_g";
  fixture.expect_close("out." + name, loss);
  fixture.expect_close("grad." + name + ".real", gradient_of(real));
  fixture.expect_close("grad." + name + ".fake", gradient_of(fake));
}

TEST_P(AdversarialLoss, ExtremeLogitsReproduceReference) {
  const Fixture fixture("losses");
  const auto real = fixture.tensor("in.real_far");
  const auto fake = fixture.tensor("in.fake_far");
  const auto& [type, name] = GetParam();
  fixture.expect_close("out.far." + name + "_d", discriminator_loss(type, real, fake));
  fixture.expect_close("out.far." + name + "_g", generator_loss(type, real, fake));
}

TEST_P(AdversarialLoss, IsComputedInFloat32) {
  const auto logits = torch::randn({8});
  const auto rounded = logits.to(torch::kBFloat16);
  const auto type = GetParam().type;
  const auto loss = discriminator_loss(type, rounded, rounded);
  EXPECT_EQ(loss.scalar_type(), torch::kFloat);
  EXPECT_TRUE(torch::equal(
      loss, discriminator_loss(type, rounded.to(torch::kFloat), rounded.to(torch::kFloat))));
  const auto real = compares_with_real(type) ? rounded : torch::Tensor();
  EXPECT_EQ(generator_loss(type, real, rounded).scalar_type(), torch::kFloat);
}

TEST(RelativisticLoss, ComparesPairs) {
  const auto real = torch::tensor({1.0f, 2.0f}), fake = torch::tensor({3.0f, -1.0f});
  const auto at = [](float x) { return std::log1p(std::exp(x)); };
  const auto d = discriminator_loss(LossType::kRelativistic, real, fake);
  const auto g = generator_loss(LossType::kRelativistic, real, fake);
  EXPECT_FLOAT_EQ(d.item<float>(), (at(2) + at(-3)) / 2);
  EXPECT_FLOAT_EQ(g.item<float>(), (at(-2) + at(3)) / 2);
  EXPECT_THROW(discriminator_loss(LossType::kRelativistic, real, fake.narrow(0, 0, 1)), c10::Error);
  EXPECT_THROW(generator_loss(LossType::kRelativistic, {}, fake), c10::Error);
}

TEST(UndecidedLoss, IsAboveThatOfADiscriminatorThatKnows) {
  EXPECT_NEAR(undecided_loss(LossType::kNonSaturating), 2 * std::log(2.0), 1e-6);
  EXPECT_EQ(undecided_loss(LossType::kWasserstein), 0);
  for (const auto type : {LossType::kNonSaturating, LossType::kHinge, LossType::kRelativistic}) {
    const auto real = torch::full({3}, 9.0f), fake = torch::full({3}, -9.0f);
    EXPECT_LT(discriminator_loss(type, real, fake).item<double>(), 0.01 * undecided_loss(type));
  }
}

TEST(LossOptions, WassersteinNeedsAPenalty) {
  LossOptions options;
  EXPECT_NO_THROW(validate(options));
  options.type = LossType::kWasserstein;
  EXPECT_EQ(test::error_of([&] { validate(options); }).rfind("loss.gradient_penalty: found 0", 0),
            0u);
  options.gradient_penalty = 10;
  EXPECT_NO_THROW(validate(options));
  options.gradient_penalty = 0;
  options.r1 = 1;
  EXPECT_NO_THROW(validate(options));
}

TEST(LossOptions, NamesTypes) {
  LossOptions options;
  EXPECT_EQ(core::write_fields(options).at("type"), "non_saturating");
  core::read_fields(core::Json{{"type", "least_squares"}}, options);
  EXPECT_EQ(options.type, LossType::kLeastSquares);
  EXPECT_THROW(core::read_fields(core::Json{{"type", "hing"}}, options), core::FieldError);
}

}  // namespace
}  // namespace vidgen::losses
