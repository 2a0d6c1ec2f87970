#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "train/tiny_gan.h"
#include "vidgen/train/trainer.h"
#include "vidgen/train/watch.h"

namespace vidgen::train {
namespace {

using ::testing::HasSubstr;

class EvaluatorTest : public ::testing::Test {
 protected:
  EvaluatorTest() {
    options_.data.cache_dir = (folder_ / "cache").string();
    options_.run_dir = (folder_ / "run").string();
    options_.train.device = DeviceChoice::kCpu;
    options_.train.steps = 4;
    options_.train.log_every = 1;
    options_.train.sample_every = 0;
    options_.train.tensorboard = options_.train.report = false;
    options_.train.evaluate.every = 1;
    options_.train.evaluate.metric = "swd";
    use_video(80);
  }
  void use_video(int64_t frames) {
    const auto path = folder_ / ("clip" + std::to_string(frames) + ".mp4");
    video::write_video(path, test::gradient_clip(frames, 24, 24), 25);
    options_.data.sources = {{path.string(), 1}};
  }
  Evaluator make_evaluator() const {
    return Evaluator(options_, data::prepare_clips(options_.data));
  }
  models::VideoGenerator generator() const {
    return GanStep(options_, torch::kCPU).ema_generator();
  }

  test::TemporaryFolder folder_;
  RunOptions options_ = tiny_options();
};

void set_to_zero(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) parameter.zero_();
}

TEST_F(EvaluatorTest, IsAFunctionOfWeightsAndSeed) {
  const auto network = generator();
  const auto evaluator = make_evaluator();
  const auto first = evaluator.evaluate(network), again = evaluator.evaluate(network);
  EXPECT_GT(first.score, 0);
  EXPECT_GT(first.diversity, 0);
  EXPECT_EQ(first.score, again.score);
  EXPECT_EQ(first.diversity, again.diversity);
  EXPECT_EQ(make_evaluator().evaluate(network).score, first.score);
  options_.train.seed += 1;
  EXPECT_NE(make_evaluator().evaluate(network).score, first.score);
}

TEST_F(EvaluatorTest, ClipsThatAreAllTheSameHaveNoDiversity) {
  auto network = generator();
  set_to_zero(*network);
  EXPECT_EQ(make_evaluator().evaluate(network).diversity, 0);
}

TEST_F(EvaluatorTest, NeedsClipsAndFrames) {
  use_video(24);
  EXPECT_THAT(test::error_of([&] { make_evaluator(); }),
              HasSubstr("train.evaluate: too few real clips: 2 of 10 frames"));
  use_video(80);
  options_.data.frames = 2;
  options_.train.evaluate.metric = "flicker";
  EXPECT_THAT(test::error_of([&] { make_evaluator(); }),
              HasSubstr("train.evaluate.metric: flicker cannot be computed of clips of 2 frames"));
}

TEST_F(EvaluatorTest, MeasuresFurtherMetrics) {
  const auto network = generator();
  const auto cache = data::prepare_clips(options_.data);
  const auto both = Evaluator(options_, cache, {"motion", "swd"}).evaluate(network);
  EXPECT_EQ(both.more.size(), 2u);
  // The same numbers as alone.
  EXPECT_EQ(both.score, make_evaluator().evaluate(network).score);
  EXPECT_EQ(both.more.at("swd"), both.score);
  options_.train.evaluate.metric = "motion";
  EXPECT_EQ(both.more.at("motion"), make_evaluator().evaluate(network).score);
  EXPECT_THAT(test::error_of([&] { Evaluator(options_, cache, {"fid"}); }),
              HasSubstr("unknown metric \"fid\""));
  options_.data.frames = 2;
  const auto shorter = data::prepare_clips(options_.data);
  EXPECT_THAT(test::error_of([&] { Evaluator(options_, shorter, {"flicker"}); }),
              HasSubstr("flicker cannot be computed of clips of 2 frames"));
}

TEST_F(EvaluatorTest, AGoalEndsTheRun) {
  std::vector<Evaluation> found;
  Goal goal;
  goal.metrics = {"motion"};
  goal.is_reached = [&](const Evaluation& evaluation) {
    found.push_back(evaluation);
    return evaluation.step == 3;
  };
  Trainer trainer(options_, goal);
  EXPECT_EQ(trainer.run(), Trainer::End::kFinished);
  EXPECT_EQ(trainer.step(), 3);
  ASSERT_EQ(found.size(), 3u);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].step, static_cast<int64_t>(i + 1));
    EXPECT_GT(found[i].scores.at("motion"), 0);
    EXPECT_GT(found[i].in_evaluations, i == 0 ? 0 : found[i - 1].in_evaluations);
    EXPECT_GT(found[i].seconds, found[i].in_evaluations);
  }
  const checkpoint::RunFolder run(options_.run_dir);
  EXPECT_EQ(run.newest_checkpoint(), run.checkpoint(3));
  EXPECT_TRUE(std::filesystem::exists(run.weights()));
  EXPECT_THAT(test::read_bytes(run.log()), HasSubstr("\"motion\":"));
}

TEST_F(EvaluatorTest, AGoalMayHaveATimeLimit) {
  Goal goal;
  goal.seconds = 1e-9;
  Trainer trainer(options_, goal);
  EXPECT_EQ(trainer.run(), Trainer::End::kFinished);
  EXPECT_EQ(trainer.step(), 1);
}

/// Takes from each frame what is not its class: all latents but the code of the class count for
/// nothing.
void make_a_clip_a_class(GanStep& gan, const RunOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto& temporal = options.model.temporal;
  const int64_t code = options.model.class_dim;
  for (auto& item : gan.ema_generator()->named_parameters()) {
    if (item.key().rfind("frame.", 0) != 0) continue;
    if (item.value().size(0) != temporal.content_dim + code + temporal.motion_dim) continue;
    item.value().narrow(0, 0, temporal.content_dim).zero_();
    item.value().narrow(0, temporal.content_dim + code, temporal.motion_dim).zero_();
  }
  gan.calibrate();
}

/// Videos in a folder for each of two classes.
class ClassEvaluatorTest : public EvaluatorTest {
 protected:
  ClassEvaluatorTest() {
    for (const std::string name : {"cats", "dogs"}) add_video(name, 160);
    options_.data.sources = {{(folder_ / "classes").string(), 1}};
    options_.data.classes = true;
    options_.model.class_names = {"cats", "dogs"};
    options_.model.class_dim = 3;
    options_.model.init = nn::Init::kHe;
    options_.train.evaluate.metric = "motion";
  }
  void add_video(const std::string& name, int64_t frames) const {
    const auto path = folder_ / "classes" / name / "clip.mp4";
    std::filesystem::create_directories(path.parent_path());
    // Two files of the same content would be one video.
    const int64_t more = name == "dogs" ? 1 : 0;
    video::write_video(path, test::gradient_clip(frames + more, 24, 24), 25);
  }
};

TEST_F(ClassEvaluatorTest, SeesThatTheClipsOfAClassAreTheSame) {
  GanStep gan(options_, torch::kCPU);
  gan.calibrate();
  const auto evaluator = make_evaluator();
  const auto healthy = evaluator.evaluate(gan.ema_generator());
  ASSERT_TRUE(healthy.least_diverse_class);
  EXPECT_GT(healthy.least_diverse_class->diversity().value, 0.25);
  make_a_clip_a_class(gan, options_);
  const auto collapsed = evaluator.evaluate(gan.ema_generator());
  // All clips together differ.
  EXPECT_GT(collapsed.diversity, options_.train.evaluate.min_diversity);
  ASSERT_TRUE(collapsed.least_diverse_class);
  EXPECT_LT(collapsed.least_diverse_class->diversity().value, 0.02);
  EXPECT_GT(collapsed.least_diverse_class->diversity().real_mean, 10);
  EXPECT_GE(collapsed.least_diverse_class->clips, metrics::kFewestForDiversity);
}

TEST_F(ClassEvaluatorTest, ClassesWithTooFewClipsAreNotJudged) {
  add_video("dogs", 40);
  add_video("cats", 40);
  ::testing::internal::CaptureStderr();
  const auto evaluator = make_evaluator();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("of 2 classes 0 have the 4 clips"));
  EXPECT_FALSE(evaluator.evaluate(generator()).least_diverse_class);
}

TEST_F(EvaluatorTest, FewRealClipsAreSaid) {
  options_.train.evaluate.metric = "motion";
  const auto said = [this] {
    ::testing::internal::CaptureStderr();
    make_evaluator();
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(said(), HasSubstr("train.evaluate: 4 real clips are too few"));
  use_video(980);
  EXPECT_THAT(said(), HasSubstr("train.evaluate: 49 real clips are too few"));
  use_video(1000);
  EXPECT_THAT(said(), ::testing::Not(HasSubstr("too few")));
  options_.train.evaluate.clips = 49;
  EXPECT_THAT(said(), HasSubstr("train.evaluate: 49 real clips are too few"));
}

size_t times_in(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// What a run says of which `prepare` sets the state.
std::string said_by(const RunOptions& options, const std::function<void(Trainer&)>& prepare) {
  Trainer trainer(options);
  prepare(trainer);
  ::testing::internal::CaptureStderr();
  trainer.run();
  return ::testing::internal::GetCapturedStderr();
}

TEST_F(EvaluatorTest, CollapseIsSaidOnce) {
  options_.optim.generator.lr = 0;
  const auto collapse = [](Trainer& trainer) {
    set_to_zero(*trainer.gan().generator());
    set_to_zero(*trainer.gan().ema_generator());
  };
  const std::string mark = "the generated clips are nearly all the same";
  EXPECT_EQ(times_in(said_by(options_, collapse), mark), 1u);
  options_.run_dir += "2";
  options_.train.evaluate.min_diversity = 0;
  EXPECT_EQ(times_in(said_by(options_, collapse), mark), 0u);
}

TEST_F(ClassEvaluatorTest, CollapseWithinAClassIsSaidOnceAndLogged) {
  options_.optim.generator.lr = 0;
  options_.train.evaluate.min_diversity = 0;
  options_.train.steps = 2;
  const auto collapse = [](Trainer& trainer) {
    set_to_zero(*trainer.gan().generator());
    set_to_zero(*trainer.gan().ema_generator());
  };
  const std::string mark =
      "the generated clips of class cats are nearly all the same: they differ "
      "by 0.0 grey levels, real ones by ";
  EXPECT_EQ(times_in(said_by(options_, collapse), mark), 1u);
  EXPECT_THAT(test::read_bytes(folder_ / "run/log.jsonl"), HasSubstr("\"class_diversity\":0.0"));
  options_.run_dir += "2";
  options_.train.evaluate.min_class_diversity = 0;
  EXPECT_EQ(times_in(said_by(options_, collapse), "of class"), 0u);
}

/// Discriminators that learn fast what a generator makes that does not.
class SaturationTest : public EvaluatorTest {
 protected:
  SaturationTest() {
    options_.train.evaluate.every = 0;
    options_.optim.generator.lr = 0;
    options_.optim.discriminator.lr = 0.01;
    options_.train.steps = 100;
  }
  std::string said(const std::function<void(Trainer&)>& prepare) {
    options_.run_dir += "x";
    return said_by(options_, prepare);
  }
};

TEST_F(SaturationTest, IsSaidOnceOfTheDiscriminatorThatIsSure) {
  const auto blind_to_clips = [](Trainer& trainer) {
    EXPECT_EQ(trainer.gan().discriminator_names(), (std::vector<std::string>{"frame", "clip"}));
    // Its gradients are 0, too, so that it stays as it is.
    set_to_zero(*trainer.gan().discriminators()[1]);
  };
  // Both losses together never get below half of those of two that cannot tell.
  options_.train.saturation = 0.5;
  const std::string found = said(blind_to_clips);
  EXPECT_EQ(times_in(found, "the discriminator frame tells real clips from generated ones"), 1u);
  EXPECT_EQ(times_in(found, "the discriminator clip tells"), 0u);
  options_.train.saturation = 0;
  EXPECT_EQ(times_in(said(blind_to_clips), "tells real clips"), 0u);
}

TEST_F(SaturationTest, IsNotSaidOfALossWithoutABound) {
  options_.loss.type = losses::LossType::kWasserstein;
  options_.loss.gradient_penalty = 10;
  options_.train.steps = 20;
  options_.train.saturation = 1;
  EXPECT_EQ(times_in(said([](Trainer&) {}), "tells real clips"), 0u);
}

TEST(GuardOptionsTest, AreChecked) {
  RunOptions options = tiny_options();
  options.data.sources = {{"clip.mp4", 1}};
  options.train.on_divergence = OnDivergence::kRestoreBest;
  EXPECT_THAT(test::error_of([&] { validate(options); }),
              HasSubstr("train.on_divergence: found restore_best with train.evaluate.every 0"));
  options.train.evaluate.every = 10;
  EXPECT_EQ(test::error_of([&] { validate(options); }), "");
  const core::Json unknown{{"metric", "fid"}};
  EXPECT_THAT(
      test::error_of([&] { core::read_fields(unknown, options.train.evaluate, "evaluate"); }),
      ::testing::AllOf(HasSubstr("evaluate.metric"), HasSubstr("swd_video")));
}

}  // namespace
}  // namespace vidgen::train
