// A student that learns from a teacher.
#include "vidgen/train/distill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "train/tiny_gan.h"
#include "vidgen/checkpoint/checkpoint.h"

namespace vidgen::train {
namespace {

using test::error_of;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class DistillTest : public testing::Test {
 protected:
  DistillTest() { write_generator(file_, tiny_options()); }

  /// A student of fewer channels that only its teacher teaches.
  RunOptions student_options() const {
    auto options = tiny_options();
    options.model.generator.widths = {6, 6};
    options.model.init = nn::Init::kHe;
    options.train.seed = 8;
    options.distill.teacher = file_.string();
    return options;
  }
  static RunOptions adversarial(RunOptions options) {
    options.distill.adversarial = 0.5;
    options.distill.output = 3;
    options.distill.feature = 2;
    return options;
  }

  const test::TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_ / "teacher.safetensors";
};

/// Clips that must not be asked for.
data::Batch no_clips() {
  ADD_FAILURE() << "a clip was asked for";
  return {};
}

TEST_F(DistillTest, ATeacherAloneNeedsNeitherClipsNorDiscriminators) {
  const auto options = with_teacher(student_options());
  GanStep gan(options, torch::kCPU);
  gan.run(0, no_clips);
  EXPECT_TRUE(gan.discriminators().empty());
  EXPECT_EQ(gan.discriminator_losses().numel(), 0);
  EXPECT_THAT(gan.metric_names(), ElementsAre("loss_g", "grad_norm_g", "loss_output"));
  EXPECT_GT(metric(gan, "loss_output").item<float>(), 0);
  EXPECT_TRUE(metric(gan, "loss_g").equal(metric(gan, "loss_output")));
  for (const auto& [name, tensor] : state_of(gan)) {
    EXPECT_THAT(name, Not(StartsWith("discriminator"))) << name;
    EXPECT_THAT(name, Not(StartsWith("optimizer.discriminator"))) << name;
  }
  auto scaled = options;
  scaled.train.scaler.mode = ScalerMode::kOn;
  GanStep with_scaler(scaled, torch::kCPU);
  with_scaler.run(0, no_clips);
  EXPECT_EQ(with_scaler.metrics().size(0), 5);
  EXPECT_THAT(with_scaler.metric_names(), Contains("scale_g"));
  EXPECT_THAT(with_scaler.metric_names(), Not(Contains("scale_d")));
}

TEST_F(DistillTest, OnlyWhatPaintsTheFramesOfTheStudentLearns) {
  GanStep gan(with_teacher(adversarial(student_options())), torch::kCPU);
  const auto before = state_of(gan);
  std::map<std::string, torch::Tensor> taught;
  for (const auto& item : gan.teacher()->named_parameters()) {
    taught[item.key()] = item.value().clone();
  }
  train(gan, adversarial(student_options()), 0, 2);
  for (const auto& item : gan.teacher()->named_parameters()) {
    EXPECT_FALSE(item.value().requires_grad() || item.value().grad().defined()) << item.key();
    EXPECT_TRUE(item.value().equal(taught.at(item.key()))) << item.key();
  }
  EXPECT_FALSE(gan.teacher()->is_training());
  int of_time = 0;
  for (const auto& [name, tensor] : state_of(gan)) {
    for (const std::string prefix : {"generator.", "ema."}) {
      if (name.rfind(prefix + "temporal", 0) != 0) continue;
      EXPECT_TRUE(tensor.equal(taught.at(name.substr(prefix.size())))) << name;
      ++of_time;
    }
    if (name.rfind("generator.frame.", 0) == 0 && name.find("weight") != std::string::npos) {
      EXPECT_FALSE(tensor.equal(before.at(name))) << name;
    }
  }
  EXPECT_GE(of_time, 8) << "an LSTM has four tensors";
}

TEST_F(DistillTest, TermsAreWeighedAndAdded) {
  auto options = adversarial(student_options());
  options.distill.output_loss = losses::OutputLoss::kMse;
  options.optim.discriminator.lr = 0;  // so that both turns see the first weights
  options.model.discriminators[1].weight = 2;
  options = with_teacher(options);
  GanStep gan(options, torch::kCPU), first(options, torch::kCPU);
  train(gan, options, 0, 1);

  const auto inputs = StepDraws(options, 0).next(real_clips(options, 0));
  nn::StageOutputs found, wanted;
  const auto fake = first.generator()->forward(inputs.latents, {}, &found).detach();
  const auto shown = first.teacher()->forward(inputs.latents, {}, &wanted).detach();
  ASSERT_EQ(found.size(), 2u);
  ASSERT_EQ(wanted.size(), 2u);
  double game = 0, feature = 0;
  for (size_t i = 0; i < 2; ++i) {
    auto& discriminator = *first.discriminators()[i];
    const auto logits = discriminator.forward({fake, inputs.fake_frames[i]});
    game += (1 + (-logits).exp()).log().mean().item<double>() * discriminator.options.weight;
    const auto difference =
        losses::spatial_attention(found[i]) - losses::spatial_attention(wanted[i]);
    feature += difference.square().mean().item<double>();
  }
  const double output = (fake - shown).square().mean().item<double>();
  EXPECT_NEAR(metric(gan, "loss_output").item<double>(), output, 1e-5);
  EXPECT_NEAR(metric(gan, "loss_feature").item<double>(), feature, 1e-4);
  EXPECT_NEAR(metric(gan, "loss_g").item<double>(), 0.5 * game + 3 * output + 2 * feature, 1e-3);
  EXPECT_THAT(gan.metric_names(), Contains("loss_d"));
}

/// The mean difference between the clips of the averaged student and of its teacher, for latents
/// that no step has drawn.
double distance(GanStep& gan, const RunOptions& options) {
  gan.calibrate();
  const torch::NoGradGuard no_grad;
  const auto latents = models::sample_latents(options.model.temporal, 16, options.data.frames, 7);
  const auto found = gan.ema_generator()->forward(latents);
  const auto wanted = gan.teacher()->forward(latents);
  return losses::output_loss(losses::OutputLoss::kL1, found, wanted).item<double>();
}

void expect_comes_near(RunOptions options) {
  options.optim.generator.lr = 5e-3;
  options.train.batch_size = 16;
  options = with_teacher(options);
  GanStep gan(options, torch::kCPU);
  const double before = distance(gan, options);
  for (int64_t step = 0; step < 300; ++step) gan.run(step, no_clips);
  EXPECT_LT(distance(gan, options), 0.7 * before) << "before: " << before;
}

TEST_F(DistillTest, AStudentOfFewerChannelsComesNearItsTeacher) {
  expect_comes_near(student_options());
}

TEST_F(DistillTest, AStudentOfAnotherTypeComesNearItsTeacher) {
  auto options = student_options();
  options.model.generator.type = "residual";
  options.model.generator.widths = {6, 6, 6};
  options.distill.output_loss = losses::OutputLoss::kMse;
  options.distill.feature = 0.1;
  expect_comes_near(options);
}

TEST_F(DistillTest, RestoredStateContinuesBitwise) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    auto options = student_options();
    options.train.precision = precision;
    options.train.accumulate = 2;
    options.train.frames = 4;
    options.distill.feature = 1;
    expect_bitwise_resume(with_teacher(options));
    options.train.frames = 0;
    expect_bitwise_resume(with_teacher(adversarial(options)));
  }
}

TEST_F(DistillTest, ATeacherOfClassesTeachesThemAll) {
  auto teacher = tiny_options();
  teacher.data.classes = true;
  teacher.model.class_names = {"cats", "dogs"};
  teacher.model.class_dim = 3;
  write_generator(file_, teacher);
  auto options = student_options();
  EXPECT_EQ(error_of([&] { with_teacher(options); }).rfind("model.class_dim: found 32, ", 0), 0u);
  options.model.class_dim = 3;
  options = with_teacher(options);
  EXPECT_THAT(options.model.class_names, ElementsAre("cats", "dogs"));
  options.data.sources.clear();
  EXPECT_EQ(error_of([&] { validate(options); }), "");

  GanStep gan(options, torch::kCPU);
  gan.run(0, no_clips);
  EXPECT_TRUE(gan.metrics().isfinite().all().item<bool>());
  EXPECT_TRUE(state_of(gan)
                  .at("generator.classes.weight")
                  .equal(gan.teacher()->named_parameters()["classes.weight"]));
  torch::Tensor drawn = torch::empty({0}, torch::kLong);
  for (int64_t step = 0; step < 20; ++step) {
    drawn = torch::cat({drawn, StepDraws(options, step).next({}).latents.condition.labels});
  }
  ASSERT_EQ(drawn.numel(), 80);
  EXPECT_GT(drawn.eq(0).sum().item<int64_t>(), 20);
  EXPECT_GT(drawn.eq(1).sum().item<int64_t>(), 20);
  expect_bitwise_resume(options);
}

TEST_F(DistillTest, AStudentThatReadsLatentsInAnotherWayIsRefused) {
  const auto error = [&](const std::function<void(RunOptions&)>& change) {
    auto options = student_options();
    change(options);
    return error_of([&] { with_teacher(options); });
  };
  EXPECT_EQ(error([](RunOptions&) {}), "");
  const std::string of_teacher = " as in its teacher, " + file_.string();
  EXPECT_EQ(error([](auto& o) { o.model.temporal.content_dim = 7; }),
            "model.temporal.content_dim: found 7, expected 6" + of_teacher);
  EXPECT_EQ(error([](auto& o) { o.model.temporal.type = "gru"; }),
            "model.temporal.type: found \"gru\", expected \"lstm\"" + of_teacher);
  EXPECT_EQ(error([](auto& o) {
              o.model.class_names = {"a", "b"};
            }),
            "model.class_names: found [\"a\",\"b\"], expected []" + of_teacher);
  EXPECT_EQ(error([](auto& o) { o.data.size = 32; }),
            "data.size: found 32, expected 16" + of_teacher);
  EXPECT_EQ(error([](auto& o) { o.data.color = data::Color::kGray; }),
            "data.color: found \"gray\", expected \"rgb\"" + of_teacher);
}

TEST_F(DistillTest, ATeacherIsKnownByItsContent) {
  auto options = with_teacher(student_options());
  EXPECT_EQ(options.distill.teacher_sha1.size(), 40u);
  const auto moved = folder_ / "moved.safetensors";
  std::filesystem::rename(file_, moved);
  EXPECT_THAT(error_of([&] { with_teacher(options); }), HasSubstr("no such file or run folder"));
  options.distill.teacher = moved.string();
  EXPECT_EQ(error_of([&] { with_teacher(options); }), "");
  auto other = tiny_options();
  other.train.seed = 6;
  write_generator(moved, other);
  EXPECT_THAT(
      error_of([&] { with_teacher(options); }),
      HasSubstr("distill.teacher_sha1: found " + options.distill.teacher_sha1 + ", expected "));
}

TEST(DistillOptionsTest, ATeacherTeachesSomething) {
  DistillOptions options;
  options.output = 0;
  EXPECT_EQ(error_of([&] { validate(options); }), "") << "there is none";
  options.teacher = "teacher.safetensors";
  EXPECT_THAT(error_of([&] { validate(options); }),
              StartsWith("distill.output: found 0 with distill.feature 0"));
  options.feature = 1;
  EXPECT_EQ(error_of([&] { validate(options); }), "");
}

}  // namespace
}  // namespace vidgen::train
