#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

/// Evaluations while a run goes, the best generator, and the way back from divergence.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

/// A folder with enough clips to compare.
class GuardsTest : public ::testing::Test {
 protected:
  GuardsTest() { lengthen(work_); }
  static void lengthen(const Workspace& work) { write_tiny_video(work / "clip.mp4", 100); }

  static Workspace::Arguments evaluating(int64_t steps, int64_t every,
                                         const Workspace::Arguments& more = {}) {
    Workspace::Arguments all{"--set", "train.steps=" + std::to_string(steps),
                             "--set", "train.evaluate.every=" + std::to_string(every),
                             "--set", "train.evaluate.metric=swd"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  const Workspace work_;
};

/// The scores in a run's log, by step.
std::map<int64_t, double> scores_in_log(const fs::path& run) {
  std::map<int64_t, double> scores;
  for (const auto& line : read_log(run)) {
    if (!line.contains("swd")) continue;
    scores[line.at("step").get<int64_t>()] = line.at("swd").get<double>();
  }
  return scores;
}

TEST_F(GuardsTest, TheBestGeneratorIsKept) {
  const auto trained = work_.train(
      evaluating(8, 2, {"--set", "optim.generator.lr=0.01", "--set", "train.log_every=3"}));
  expect_success(trained);
  const auto run = work_ / "run";
  const auto scores = scores_in_log(run);
  EXPECT_THAT(trained.err, HasSubstr("train.evaluate: 5 real clips are too few"));
  ASSERT_EQ(scores.size(), 4u);
  int64_t best = scores.begin()->first;
  for (const auto& [step, score] : scores) {
    EXPECT_EQ(step % 2, 0);
    if (score < scores.at(best)) best = step;
  }
  // The means of the log stay where they are.
  for (const auto& line : read_log(run)) {
    EXPECT_EQ(line.contains("loss_d"), line.at("step").get<int64_t>() % 3 == 0) << line;
  }
  const auto metadata = checkpoint::read_safetensors(run / "best.safetensors").metadata;
  EXPECT_EQ(metadata.at("step"), std::to_string(best));
  EXPECT_EQ(metadata.at("best.step"), std::to_string(best));
  EXPECT_EQ(std::stod(metadata.at("best.score")), scores.at(best));
  EXPECT_THAT(read_bytes(run / "report.html"), HasSubstr("<title>swd</title>"));

  // It is a checkpoint as any other.
  const auto shown = work_.run({"inspect", "run/best.safetensors"});
  expect_success(shown);
  EXPECT_THAT(shown.out, HasSubstr("best      swd " + metadata.at("best.score") + " at step"));
  expect_success(work_.run({"sample", "--checkpoint", "run/best.safetensors", "--out", "out.png"}));
  expect_success(work_.run({"eval", "--checkpoint", "run/best.safetensors", "--clips", "128",
                            "--metrics", "swd", "--json", "eval.json"}));
  const auto eval = core::Json::parse(read_bytes(work_ / "eval.json"));
  // Played by the compiled generator, whose rounding may move a pixel by one.
  EXPECT_NEAR(eval.at("scores").at(0).at("value").get<double>(), scores.at(best),
              1e-3 * scores.at(best));
}

TEST_F(GuardsTest, AResumedRunHasTheScoresOfAStraightOne) {
  const Workspace resumed;
  lengthen(resumed);
  expect_success(work_.train(evaluating(8, 2)));
  expect_success(resumed.train(evaluating(5, 2)));
  expect_success(resumed.train(evaluating(8, 2)));
  EXPECT_EQ(scores_in_log(resumed / "run"), scores_in_log(work_ / "run"));
  const auto want = checkpoint::read_safetensors(work_ / "run/best.safetensors");
  const auto got = checkpoint::read_safetensors(resumed / "run/best.safetensors");
  for (const char* key : {"step", "best.step", "best.score"}) {
    EXPECT_EQ(got.metadata.at(key), want.metadata.at(key)) << key;
  }
  ASSERT_EQ(got.tensors.size(), want.tensors.size());
  for (const auto& [name, tensor] : want.tensors) {
    EXPECT_TRUE(tensor.equal(got.tensors.at(name))) << name;
  }
}

TEST_F(GuardsTest, EvaluationDoesNotChangeTheTraining) {
  expect_success(work_.train(evaluating(4, 1)));
  expect_success(work_.train({"--set", "train.steps=4", "--run-dir", "other"}));
  EXPECT_FALSE(fs::exists(work_ / "other/best.safetensors"));
  const auto with = checkpoint::read_safetensors(work_ / "run/weights.safetensors").tensors;
  const auto without = checkpoint::read_safetensors(work_ / "other/weights.safetensors").tensors;
  for (const auto& [name, tensor] : with) EXPECT_TRUE(tensor.equal(without.at(name))) << name;
}

TEST_F(GuardsTest, ALostBestFileIsMadeAnew) {
  expect_success(work_.train(evaluating(2, 1)));
  const auto best = work_ / "run/best.safetensors";
  const auto step = checkpoint::read_safetensors(best).metadata.at("best.step");
  fs::remove(best);
  const auto result = work_.train(evaluating(4, 1));
  expect_success(result);
  ASSERT_TRUE(fs::exists(best));
  const auto found = std::stoll(checkpoint::read_safetensors(best).metadata.at("best.step"));
  if (step == "2") {
    // What it held is in the checkpoint.
    EXPECT_GE(found, 2);
  } else {
    EXPECT_THAT(result.err, HasSubstr("is not that of step " + step));
    EXPECT_GT(found, 2);
  }
}

/// The discriminators' weights grow a hundredfold at each step.
Workspace::Arguments bound_to_diverge() {
  return {"--set", "optim.discriminator={type: adamw, lr: 10, weight_decay: 10}"};
}

TEST_F(GuardsTest, DivergenceIsSurvived) {
  const auto stopped = work_.train(evaluating(1000, 1000, bound_to_diverge()));
  EXPECT_EQ(stopped.exit_code, 2);
  std::smatch match;
  ASSERT_TRUE(
      std::regex_search(stopped.err, match, std::regex("is not finite at step ([0-9]+)\\.")))
      << stopped.err;
  const int64_t step = std::stoll(match[1]);
  ASSERT_GT(step, 2);

  auto restoring = bound_to_diverge();
  restoring.insert(restoring.end(),
                   {"--set", "train.on_divergence=restore_best", "--run-dir", "restored"});
  // Evaluated at each step, so that the first finite states are among those to go back to.
  const auto result = work_.train(evaluating(step + 1, 1, restoring));
  expect_success(result);
  EXPECT_THAT(result.err, ::testing::ContainsRegex("not finite at step [0-9]+: step [0-9]+ goes "
                                                   "on from the state of step [0-9]+"));
  EXPECT_EQ(newest_step(work_ / "restored"), step + 1);
  for (const auto& [name, tensor] :
       checkpoint::read_safetensors(checkpoint_file(work_ / "restored", step + 1)).tensors) {
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  }
}

TEST_F(GuardsTest, WithoutABestDivergenceStopsTheRun) {
  auto restoring = bound_to_diverge();
  restoring.insert(restoring.end(), {"--set", "train.on_divergence=restore_best"});
  const auto result = work_.train(evaluating(1000, 1000, restoring));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("There is no checkpoint yet"));
  // Nobody waits for more of it.
  EXPECT_THAT(read_bytes(work_ / "run/report.html"), Not(HasSubstr("http-equiv")));
  EXPECT_THAT(result.err, Not(HasSubstr("goes on from")));
}

TEST_F(GuardsTest, WrongOptionsAreRefused) {
  const auto refuses = [this](const std::string& setting, const std::string& problem) {
    expect_refuses(work_, work_.train_arguments({"--set", setting}), {problem});
  };
  refuses("train.evaluate.metric=fid", "train.evaluate.metric");
  refuses("train.evaluate.clips=1", "train.evaluate.clips");
  refuses("train.on_divergence=restore_best", "train.on_divergence: found restore_best");
  refuses("train.on_divergence=retry", "restore_best");
}

}  // namespace
}  // namespace vidgen::test
