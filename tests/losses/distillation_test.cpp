#include "vidgen/losses/distillation.h"

#include <gtest/gtest.h>

#include "support/fixture.h"
#include "support/random.h"

namespace vidgen::losses {
namespace {

using test::Fixture;

TEST(DistillationLoss, OutputReproducesReference) {
  const Fixture fixture("distill");
  for (const auto& [type, name] :
       {std::pair(OutputLoss::kL1, "l1"), std::pair(OutputLoss::kMse, "mse")}) {
    const auto student = fixture.tensor("in.student").clone().requires_grad_();
    const auto loss = output_loss(type, student, fixture.tensor("in.teacher"));
    loss.backward();
    fixture.expect_close(std::string("out.") + name, loss);
    fixture.expect_close(std::string("grad.") + name + ".student", student.grad());
  }
}

TEST(DistillationLoss, FeaturesReproduceReference) {
  const Fixture fixture("distill");
  std::vector<torch::Tensor> student, teacher;
  for (size_t i = 0; i < fixture.param("features").size(); ++i) {
    student.push_back(fixture.tensor("in.student_feature" + std::to_string(i)).requires_grad_());
    teacher.push_back(fixture.tensor("in.teacher_feature" + std::to_string(i)));
  }
  const auto loss = feature_loss(student, teacher);
  loss.backward();
  fixture.expect_close("out.feature", loss);
  for (size_t i = 0; i < student.size(); ++i) {
    fixture.expect_close("grad.feature.student_feature" + std::to_string(i), student[i].grad());
  }
}

TEST(DistillationLoss, SoftenedKlReproducesReference) {
  const Fixture fixture("distill");
  const auto student = fixture.tensor("in.student_logits").requires_grad_();
  const auto loss =
      softened_kl(student, fixture.tensor("in.teacher_logits"), fixture.number("temperature"));
  loss.backward();
  fixture.expect_close("out.kl", loss);
  fixture.expect_close("grad.kl.student_logits", student.grad());
}

TEST(DistillationLoss, IsComputedInFloat32) {
  auto random = test::random(1);
  const auto student = torch::randn({2, 3, 4, 4}, random).to(torch::kBFloat16);
  const auto teacher = torch::randn({2, 3, 4, 4}, random).to(torch::kBFloat16);
  const auto loss = output_loss(OutputLoss::kL1, student, teacher);
  EXPECT_EQ(loss.scalar_type(), torch::kFloat);
  EXPECT_TRUE(loss.equal(output_loss(OutputLoss::kL1, student.to(torch::kFloat), teacher)));
  EXPECT_EQ(spatial_attention(student).scalar_type(), torch::kFloat);
}

TEST(SpatialAttention, DependsOnTheirPlaceAndNotOnTheirScaleOrNumber) {
  const auto features = torch::randn({3, 5, 4, 4}, test::random(2));
  const auto map = spatial_attention(features);
  ASSERT_EQ(map.sizes(), torch::IntArrayRef({3, 16}));
  EXPECT_TRUE(map.square().mean(1).allclose(torch::ones({3})));
  // By hand, at one place.
  const auto energy = features.square().mean(1).flatten(1);
  const auto rms = energy[1].square().mean().sqrt().item<float>();
  EXPECT_NEAR(map[1][7].item<float>(), energy[1][7].item<float>() / rms, 1e-5);
  EXPECT_TRUE(map.allclose(spatial_attention(-3 * features)));
  EXPECT_TRUE(map.allclose(spatial_attention(torch::cat({features, features}, 1))));
  EXPECT_FALSE(map.allclose(spatial_attention(features.flip(3))));
}

TEST(SpatialAttention, OfNothingHasNoGradient) {
  const auto features = torch::zeros({1, 2, 4, 4}).requires_grad_();
  spatial_attention(features).sum().backward();
  EXPECT_TRUE(features.grad().eq(0).all().item<bool>());
}

TEST(DistillationLoss, RefusesOtherShapes) {
  const auto x = torch::zeros({2, 3}), y = torch::zeros({2, 4});
  EXPECT_THROW(output_loss(OutputLoss::kMse, x, y), c10::Error);
  EXPECT_THROW(feature_loss({x}, {x, x}), c10::Error);
  EXPECT_THROW(feature_loss({}, {}), c10::Error);
  EXPECT_THROW(softened_kl(x, y, 1), c10::Error);
}

}  // namespace
}  // namespace vidgen::losses
