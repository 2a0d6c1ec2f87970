#include "vidgen/losses/adversarial.h"

#include <gtest/gtest.h>

#include "support/fixture.h"

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
                                         Case{LossType::kLeastSquares, "ls"}),
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
  EXPECT_EQ(generator_loss(type, {}, rounded).scalar_type(), torch::kFloat);
}

TEST(LossOptions, NamesTypes) {
  LossOptions options;
  EXPECT_EQ(core::write_fields(options).dump(), R"({"type":"non_saturating"})");
  core::read_fields(core::Json{{"type", "least_squares"}}, options);
  EXPECT_EQ(options.type, LossType::kLeastSquares);
  EXPECT_THROW(core::read_fields(core::Json{{"type", "hing"}}, options), core::FieldError);
}

}  // namespace
}  // namespace vidgen::losses
