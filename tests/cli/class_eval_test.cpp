#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/workspace.h"

/// Evaluation of a generator of classes: both kinds of clips are of the same ones, and each class
/// is scored for itself.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Arguments = Workspace::Arguments;

/// A run of two steps on three classes: 3 clips of birds, 20 of cats and 40 of dogs.
class ClassEvalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    add("zoo/birds", 30);
    add("zoo/cats", 200);
    add("zoo/dogs", 400);
    expect_success(work_.train({"--set", "data.sources=zoo", "--set", "data.classes=true", "--set",
                                "train.evaluate={every: 2, clips: 16, metric: psnr}"}));
  }
  void add(const std::string& folder, int64_t frames) {
    fs::create_directories(work_ / folder);
    write_tiny_video(work_ / folder / "clip.mp4", frames);
  }
  core::Json eval(const Arguments& more) {
    Arguments arguments{"--quiet", "eval",      "--checkpoint",   "run",    "--clips",
                        "16",      "--metrics", "psnr,diversity", "--json", "eval.json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = work_.run(arguments);
    expect_success(result);
    out_ = result.out;
    return core::Json::parse(read_bytes(work_ / "eval.json"));
  }
  /// The number of clips of each class that was scored.
  static std::map<std::string, int64_t> scored(const core::Json& json) {
    std::map<std::string, int64_t> clips;
    for (const auto& one : json.at("classes")) clips[one.at("name")] = one.at("clips");
    return clips;
  }
  static std::vector<std::string> metrics_of(const core::Json& one) {
    std::vector<std::string> names;
    for (const auto& score : one.at("scores")) names.push_back(score.at("name"));
    return names;
  }
  static double least_diversity(const core::Json& json) {
    double least = 1e9;
    for (const auto& one : json.at("classes")) {
      least = std::min(least, one.at("scores").back().at("value").get<double>());
    }
    return least;
  }

  Workspace work_;
  std::string out_;
};

TEST_F(ClassEvalTest, ScoresEachClass) {
  const auto json = eval({"--report", "eval.html"});
  EXPECT_EQ(json.at("clips").at("real"), 16);
  // Of each in turn: one of the birds, of which there are but two pairs of clips.
  EXPECT_EQ(scored(json), (std::map<std::string, int64_t>{{"cats", 8}, {"dogs", 7}}));
  EXPECT_THAT(metrics_of(json.at("classes")[0]), ElementsAre("psnr", "diversity"));
  EXPECT_THAT(metrics_of(json.at("classes")[1]), ElementsAre("diversity"));
  EXPECT_THAT(json.at("notes"),
              Contains("the clips are of the 3 classes in turn, as far as there "
                       "are real ones: as many generated as real clips of each."));
  EXPECT_THAT(json.at("notes"),
              Contains("of 3 classes 2 have the 4 clips in each set that it takes "
                       "to score a class."));
  EXPECT_THAT(out_, HasSubstr("class  clips"));
  const auto page = read_bytes(work_ / "eval.html");
  EXPECT_THAT(page, HasSubstr("<h2>Classes</h2>"));
  EXPECT_THAT(page, HasSubstr("<td>cats</td>"));
  EXPECT_THAT(page, HasSubstr(">psnr: PSNR of consecutive frames (dB)<"));
  EXPECT_THAT(page, HasSubstr("<td>psnr</td>"));
}

TEST_F(ClassEvalTest, TrainingSeesTheSame) {
  const auto log = read_log(work_ / "run").back();
  const auto json = eval({});
  EXPECT_NEAR(log.at("class_diversity").get<double>(), least_diversity(json), 1e-3);
  EXPECT_NEAR(log.at("psnr").get<double>(), json.at("scores")[0].at("value").get<double>(),
              1e-3 * log.at("psnr").get<double>());
  // Two steps made next to nothing of the classes.
  EXPECT_LT(least_diversity(json), 0.25);
  const std::string collapse = " the generated clips are nearly all the same: those of ";
  EXPECT_THAT(out_, HasSubstr("within 2 of 2 classes (cats, dogs)" + collapse));
}

TEST_F(ClassEvalTest, AFolderOfOtherClips) {
  // Its folders are some of the classes, and one more.
  add("other/dogs", 200);
  add("other/fish", 200);
  const auto some = eval({"--data", "other"});
  EXPECT_EQ(scored(some), (std::map<std::string, int64_t>{{"dogs", 10}}));
  EXPECT_THAT(some.at("notes"), Contains("real clips of fish are left out: the generator was not "
                                         "trained on these classes."));
  EXPECT_THAT(some.at("notes"), Contains("there are no real clips of birds, cats, so none of these "
                                         "classes were generated."));
  // They are none of the classes, or there are no folders.
  add("strange/red", 100);
  add("strange/blue", 100);
  const auto none = eval({"--data", "strange"});
  EXPECT_TRUE(scored(none).empty());
  EXPECT_THAT(none.at("notes"), Contains("the classes of the real clips are not known: their "
                                         "folders (blue, red) are not named after them."));
  EXPECT_THAT(none.at("notes"), Contains("the generated clips are of the 3 classes in turn."));
  EXPECT_THAT(eval({"--data", "zoo/dogs"}).at("notes")[0].get<std::string>(),
              HasSubstr("the classes of the real clips are not known: zoo/dogs/clip.mp4: has no"));
  // Who knows better says so.
  EXPECT_TRUE(scored(eval({"--set", "data.classes=false"})).empty());
  EXPECT_THAT(out_, Not(HasSubstr("not known")));
}

}  // namespace
}  // namespace vidgen::test
