#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <map>

#include "cli/workspace.h"

namespace vidgen::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Arguments = Workspace::Arguments;

/// A workspace with 40 clips of digits in `digits`, and a run of two steps on two thirds of them.
class EvalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    synthesize("digits", "0");
    const auto result =
        work_.train({"--set", "data.sources=digits", "--set", "data.validation_split=0.4"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  void synthesize(const std::string& folder, const std::string& seed) {
    expect_success(work_.run({"data",
                              "synth",
                              "moving-digits",
                              "--out",
                              folder,
                              "--clips",
                              "40",
                              "--size",
                              "16",
                              "--digit-size",
                              "12",
                              "--frames",
                              "10",
                              "--digits",
                              "1",
                              "--color",
                              "--seed",
                              seed,
                              "--digits-image",
                              sample_video("digits.png").string()}));
  }
  static Arguments arguments(const Arguments& more) {
    Arguments all{"--quiet", "eval", "--checkpoint", "run"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  ProgramResult eval(const Arguments& more) {
    const auto result = work_.run(arguments(more));
    expect_success(result);
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(work_.temporary_files(), ::testing::IsEmpty());
    return result;
  }
  core::Json json(Arguments more) {
    more.insert(more.end(), {"--json", "eval.json"});
    eval(more);
    return core::Json::parse(read_bytes(work_ / "eval.json"));
  }
  static std::map<std::string, double> values(const core::Json& json) {
    std::map<std::string, double> result;
    for (const auto& score : json.at("scores")) {
      if (score.at("value").is_number()) result[score.at("name")] = score.at("value");
    }
    return result;
  }
  void expect_eval_refused(const Arguments& more, const std::vector<std::string>& parts) {
    expect_refuses(work_, arguments(more), parts);
  }

  Workspace work_;
};

TEST_F(EvalTest, TableJsonAndPage) {
  const auto result = eval({"--clips", "5", "--json", "eval.json", "--report", "eval.html"});
  EXPECT_THAT(result.out, HasSubstr("weights.safetensors, step 2: 5 generated clips of 10 frames, "
                                    "16x16, against 5 held-out clips"));
  EXPECT_THAT(result.out, HasSubstr("real against real"));
  EXPECT_THAT(result.out, HasSubstr("5 / 5"));
  EXPECT_THAT(result.out, Not(HasSubstr("Note:")));

  const auto json = core::Json::parse(read_bytes(work_ / "eval.json"));
  EXPECT_EQ(json.at("step"), 2);
  EXPECT_EQ(json.at("clips").at("real"), 5);
  EXPECT_GT(json.at("clips").at("training"), 10);
  const auto found = values(json);
  EXPECT_EQ(found.size(), 8u);
  const auto page = read_bytes(work_ / "eval.html");
  for (const auto& score : json.at("scores")) {
    EXPECT_THAT(result.out, HasSubstr(score.at("title").get<std::string>()));
    const std::string name = score.at("name");
    EXPECT_THAT(result.out, HasSubstr("\n" + name + " "));
    EXPECT_THAT(page, HasSubstr("<td>" + name + "</td>"));
    EXPECT_TRUE(score.at("real_against_real").is_number());
  }
  // Two steps of training make nothing like digits.
  EXPECT_GT(found.at("swd"), 2 * json.at("scores")[0].at("real_against_real").get<double>());

  EXPECT_THAT(page, HasSubstr("data:image/png;base64,"));
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_THAT(page, HasSubstr("PSNR of consecutive frames"));
  EXPECT_THAT(page, Not(HasSubstr("http")));
}

TEST_F(EvalTest, SameSeedSameNumbers) {
  const auto once = json({"--clips", "4", "--seed", "3"});
  EXPECT_EQ(json({"--clips", "4", "--seed", "3"}), once);
  EXPECT_NE(values(json({"--clips", "4", "--seed", "4"})), values(once));
}

TEST_F(EvalTest, OnlyTheMetricsAskedFor) {
  const auto found = values(json({"--clips", "4", "--metrics", "diversity,psnr", "--batch", "3"}));
  EXPECT_EQ(found.size(), 2u);
  EXPECT_EQ(found.count("psnr"), 1u);
}

TEST_F(EvalTest, SmallSetsAndUnseparatedOnesAreSaid) {
  const auto few = json({"--metrics", "psnr"});
  const int64_t count = few.at("clips").at("generated");
  EXPECT_LT(count, 20);
  EXPECT_THAT(few.at("notes")[0].get<std::string>(), HasSubstr("instead of 256"));

  const auto trained_on = json({"--metrics", "nearest", "--set", "data.validation_split=0"});
  EXPECT_EQ(trained_on.at("clips").at("generated"), 13);
  EXPECT_THAT(trained_on.at("notes")[0].get<std::string>(), HasSubstr("no clips were held out"));

  const auto short_clips = json({"--set", "data.frames=2", "--clips", "4"});
  EXPECT_EQ(values(short_clips).count("flicker"), 0u);
  EXPECT_THAT(short_clips.at("notes"),
              Contains("flicker is left out: the clips have too few frames."));
}

TEST_F(EvalTest, RealClipsOfAnotherFolder) {
  synthesize("others", "1");
  const auto other = json({"--data", "others", "--clips", "20"});
  EXPECT_EQ(other.at("real_clips"), "clips of others");
  EXPECT_EQ(other.at("clips").at("real"), 20);
  EXPECT_EQ(values(other).count("nearest"), 1u);
  // Without the training data everything else still works.
  std::filesystem::remove_all(work_ / "digits");
  const auto alone = work_.run(arguments({"--data", "others", "--clips", "4"}));
  expect_success(alone);
  EXPECT_THAT(alone.out, HasSubstr("Note: the training data cannot be read: digits: no such file"));
  EXPECT_THAT(alone.out, HasSubstr("Note: nearest is left out"));
}

void write_network(const std::filesystem::path& path, const std::string& source) {
  torch::jit::Module network("network");
  network.define(source);
  network.save(path.string());
}

TEST_F(EvalTest, FeaturesOfAnExtractor) {
  write_network(work_ / "clip.pt",
                "def forward(self, x):\n  return x.mean([3, 4]).flatten(1)[:, :4]\n");
  const auto clip =
      json({"--clips", "6", "--metrics", "psnr", "--extractor", "clip.pt", "--features", "clip"});
  const auto found = values(clip);
  EXPECT_THAT(found, Contains(::testing::Key("frechet")));
  EXPECT_THAT(found, Contains(::testing::Key("recall")));
  EXPECT_EQ(clip.at("scores")[1].at("title"), "Fréchet distance (features of clip.pt)");
  EXPECT_THAT(clip.dump(), Not(::testing::ContainsRegex("F[VI]D|KID")));

  write_network(work_ / "frame.pt", "def forward(self, x):\n  return x.mean([2, 3])\n");
  EXPECT_EQ(values(json({"--clips", "4", "--metrics", "psnr", "--extractor", "frame.pt",
                         "--features", "frame"}))
                .size(),
            5u);
  // Called as the published ones are.
  write_network(work_ / "inception.pt",
                "def forward(self, x, return_features: bool = False):\n"
                "  assert return_features and not x.is_floating_point()\n"
                "  return x.float().mean([2, 3])\n");
  const auto fid = json(
      {"--clips", "4", "--metrics", "psnr", "--extractor", "inception.pt", "--features", "fid"});
  EXPECT_EQ(fid.at("scores")[1].at("title"), "FID");
  EXPECT_EQ(fid.at("scores")[2].at("title"), "KID");
}

TEST_F(EvalTest, ExtractorsThatDoNotFit) {
  write_bytes(work_ / "text.pt", "not a network");
  write_network(work_ / "image.pt", "def forward(self, x):\n  return x\n");
  write_network(work_ / "fails.pt", "def forward(self, x):\n  return x.view(7, -1)\n");
  const auto refused = [this](const std::string& file, const std::string& features,
                              const std::vector<std::string>& parts) {
    expect_eval_refused(
        {"--clips", "4", "--metrics", "psnr", "--extractor", file, "--features", features}, parts);
  };
  refused("none.pt", "clip", {"none.pt", "no such file"});
  refused("text.pt", "clip", {"text.pt", "not a TorchScript file"});
  refused("image.pt", "clip", {"image.pt", "expected features [4, D]"});
  refused("fails.pt", "frame", {"fails.pt", "failed on [40, 3, 16, 16]"});
  refused("image.pt", "fvd", {"--features fvd", "16 frames, these have 10"});
  refused("image.pt", "i3d", {"--features", "i3d"});
  expect_eval_refused(
      {"--clips", "3", "--metrics", "psnr", "--extractor", "image.pt", "--features", "clip"},
      {"--extractor", "at least 4 clips", "there are 3"});
  expect_eval_refused({"--extractor", "image.pt"}, {"--extractor and --features go together"});
  expect_eval_refused({"--features", "fid"}, {"--extractor and --features go together"});
}

TEST_F(EvalTest, Errors) {
  expect_refuses(work_, {"eval"}, {"RUN (or --checkpoint RUN) is required"});
  expect_refuses(work_, {"eval", "--checkpoint", "none"}, {"none: no such file"});
  expect_refuses(work_, {"eval", "--checkpoint", "clip.mp4"}, {"clip.mp4"});
  expect_eval_refused({"--metrics", "swd,fvd"}, {"unknown metric \"fvd\"", "swd_video"});
  expect_eval_refused({"--clips", "1"}, {"--clips"});
  expect_eval_refused({"--seed", "-1"}, {"--seed"});
  expect_eval_refused({"--data", "none"}, {"none: no such file or folder"});
  expect_eval_refused({"--set", "train.seed=1"}, {"train.seed=1", "data."});
  expect_eval_refused({"--set", "data.sise=32"}, {"data.sise", "size"});
  expect_eval_refused({"--set", "data.size=32"}, {"data.size=32", "16 pixels"});
  expect_eval_refused({"--report", "none/eval.html"}, {"none/eval.html", "no folder none"});
  expect_eval_refused({"--json", "none/eval.json"}, {"none/eval.json", "no folder none"});
  // 24 frames are two clips of ten.
  expect_eval_refused({"--data", "clip.mp4"}, {"too few real clips: 2 of 10 frames"});
}

}  // namespace
}  // namespace vidgen::test
