#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/infer/generator.h"
#include "vidgen/video/frame.h"
#include "vidgen/video/reader.h"
#include "vidgen/video/writer.h"

/// vidgen compare: that its numbers are those of the files. Never how fast.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using Arguments = Workspace::Arguments;

constexpr int64_t kTileGap = video::kSheetGap, kTileTop = video::kHeadingHeight;

/// A workspace with a finished run of two steps.
class CompareTest : public ::testing::Test {
 protected:
  void SetUp() override { train({}); }

  void train(const Arguments& more) {
    const auto result = work_.train(more);
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  void synthesize() {
    expect_success(
        work_.run({"data", "synth", "moving-digits", "--classes", "--out", "digits", "--clips",
                   "20", "--digits", "1", "--size", "16", "--digit-size", "12", "--frames", "10",
                   "--color", "--digits-image", sample_video("digits.png").string()}));
  }

  static Arguments arguments(const Arguments& more) {
    Arguments all{"--quiet", "compare"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  /// vidgen compare MORE, as quickly as it goes; returns its JSON.
  core::Json compare(Arguments more) {
    more.insert(more.end(), {"--repeats", "2", "--warmup", "0", "--json", "out.json"});
    const auto result = work_.run(arguments(more));
    expect_success(result);
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(work_.temporary_files(), ::testing::IsEmpty());
    table_ = result.out;
    return core::Json::parse(read_bytes(work_ / "out.json"));
  }
  void expect_compare_refused(const Arguments& more, const std::vector<std::string>& parts) {
    expect_refuses(work_, arguments(more), parts);
  }

  Workspace work_;
  std::string table_;
};

/// Numbers that are learned, counted in the file.
int64_t parameters_in(const fs::path& weights) {
  int64_t count = 0;
  for (const auto& [name, tensor] : checkpoint::read_safetensors(weights).tensors) {
    const bool measured =
        name.find("running_") != std::string::npos || name.find("num_batches") != std::string::npos;
    if (name.rfind("generator.", 0) == 0 && !measured) count += tensor.numel();
  }
  return count;
}

/// The tiles of one column of side_by_side.png, without its heading.
std::vector<uint8_t> column_of(const video::Frame& sheet, int64_t column) {
  return video::crop(sheet, kTileTop, column * (16 + kTileGap), sheet.height - kTileTop, 16).pixels;
}

TEST_F(CompareTest, TableJsonPicturesAndPage) {
  fs::copy_file(work_ / "run/weights.safetensors", work_ / "same.safetensors");
  expect_success(work_.run({"prune", "--checkpoint", "same.safetensors", "--out",
                            "pruned.safetensors", "--sparsity", "0.5"}));
  const auto json =
      compare({"run", "same.safetensors", "pruned.safetensors", "--clips", "3", "--out", "out"});
  EXPECT_EQ(json.at("frames"), 10);
  EXPECT_EQ(json.at("batch"), 3);
  EXPECT_THAT(json.at("notes"), ::testing::IsEmpty());
  const auto& models = json.at("models");
  ASSERT_EQ(models.size(), 3u);
  for (const auto& model : models) {
    const std::string file = model.at("file");
    SCOPED_TRACE(file);
    EXPECT_EQ(model.at("precision"), "float32");
    EXPECT_EQ(model.at("parameters"), parameters_in(work_ / "run/weights.safetensors"));
    EXPECT_EQ(model.at("bytes"), fs::file_size(work_ / file));
    EXPECT_EQ(model.at("flops_per_clip"), models[0].at("flops_per_clip"));
    EXPECT_TRUE(model.at("memory").is_number_unsigned());
    EXPECT_THAT(model.at("scores"), ::testing::IsEmpty());
    for (const auto* kind : {"seconds_per_frame", "seconds_per_frame_one_at_a_time"}) {
      const auto& time = model.at(kind);
      EXPECT_EQ(time.at("repeats"), 2);
      EXPECT_GT(time.at("min"), 0);
      EXPECT_LE(time.at("min"), time.at("median"));
      EXPECT_LE(time.at("median"), time.at("max"));
    }
    for (const auto* count : {"parameters", "bytes"}) {
      EXPECT_THAT(table_, HasSubstr(" " + model.at(count).dump() + " "));
    }
    EXPECT_THAT(table_, HasSubstr(file));
  }
  EXPECT_EQ(models[0].at("file"), "run/weights.safetensors");
  EXPECT_GT(models[0].at("flops_per_clip"), 0);
  EXPECT_TRUE(models[0].at("difference").is_null());

  const auto& same = models[1].at("difference");
  EXPECT_EQ(same.at("equal"), true);
  EXPECT_TRUE(same.at("psnr").is_null());  // JSON has no infinity
  EXPECT_NEAR(same.at("ssim"), 1, 1e-12);
  EXPECT_THAT(table_, ::testing::ContainsRegex("inf +1.0000\n"));
  const auto& pruned = models[2].at("difference");
  EXPECT_EQ(pruned.at("equal"), false);
  EXPECT_GT(pruned.at("psnr"), 0);
  EXPECT_LT(pruned.at("ssim"), 1);

  // Three clips below each other, three models side by side.
  video::VideoReader movie(work_ / "out/side_by_side.mp4");
  EXPECT_EQ(movie.width(), 3 * 16 + 2 * kTileGap);
  EXPECT_EQ(movie.height(), kTileTop + 3 * 16 + 2 * kTileGap);
  int64_t frames = 0;
  while (movie.skip()) ++frames;
  EXPECT_EQ(frames, 10);
  // Three frames of each.
  const auto sheet = video::read_image(work_ / "out/side_by_side.png");
  EXPECT_EQ(sheet.width, 9 * 16 + 8 * kTileGap);
  EXPECT_EQ(sheet.height, movie.height());
  for (const int64_t first : {0, 3, 6}) {
    EXPECT_EQ(column_of(sheet, first), column_of(sheet, first + 1));
    EXPECT_NE(column_of(sheet, first), column_of(sheet, first + 2));
  }
  const auto page = read_bytes(work_ / "out/compare.html");
  EXPECT_THAT(page, HasSubstr("data:video/mp4;base64,"));
  EXPECT_THAT(page, HasSubstr("data:image/png;base64,"));
  EXPECT_THAT(page, HasSubstr(">" + models[2].at("bytes").dump() + "<"));
  EXPECT_THAT(page, Not(HasSubstr("http")));
}

TEST_F(CompareTest, ScoresAreThoseOfEval) {
  synthesize();
  const auto json = compare({"run", "run/weights.safetensors", "--data", "digits", "--clips", "4"});
  EXPECT_EQ(json.at("real_clips"), "clips of digits");
  EXPECT_EQ(json.at("real_count"), 4);
  const auto& scores = json.at("models")[0].at("scores");
  EXPECT_EQ(json.at("models")[1].at("scores"), scores);
  EXPECT_EQ(scores.size(), 7u);
  expect_success(work_.run({"eval", "--checkpoint", "run", "--data", "digits", "--clips", "4",
                            "--metrics", "swd", "--json", "eval.json"}));
  const auto measured = core::Json::parse(read_bytes(work_ / "eval.json")).at("scores")[0];
  EXPECT_EQ(scores[0].at("name"), "swd");
  EXPECT_NEAR(scores[0].at("value"), measured.at("value"), 1e-6);
  EXPECT_EQ(scores[0].at("real_against_real"), measured.at("real_against_real"));
  EXPECT_THAT(table_, HasSubstr("real against real"));
  EXPECT_THAT(table_, HasSubstr(measured.at("title").get<std::string>()));
  // Fewer real clips than asked for are said, and as many generated ones are scored.
  const auto few = compare({"run", "run", "--data", "digits"});
  EXPECT_EQ(few.at("real_count"), 10);
  EXPECT_EQ(few.at("clips"), 64);
  EXPECT_THAT(few.at("notes")[0].get<std::string>(), HasSubstr("each set has 10 instead of 64"));
}

TEST_F(CompareTest, LatentsOfAnotherShapeAreNotComparedWithTheOriginal) {
  train({"--run-dir", "other", "--set", "model.temporal.motion_dim=4"});
  train({"--run-dir", "smooth", "--set", "model.temporal.type=convolution"});
  const auto json = compare({"run", "other", "smooth", "--clips", "2", "--out", "out"});
  EXPECT_EQ(json.at("notes").size(), 2u);
  for (const size_t i : {1, 2}) {
    const auto& model = json.at("models")[i];
    EXPECT_TRUE(model.at("difference").is_null());
    EXPECT_THAT(json.at("notes")[i - 1].get<std::string>(),
                HasSubstr(model.at("file").get<std::string>() + " takes latents of another shape"));
  }
  EXPECT_THAT(table_, HasSubstr("Note: other/weights.safetensors"));
  EXPECT_TRUE(fs::exists(work_ / "out/compare.html"));
}

TEST_F(CompareTest, CheckpointsAreSaidToHoldMore) {
  const auto file = checkpoint_file("run", 2);
  const auto json = compare({file.string(), "run", "--clips", "2"});
  ASSERT_EQ(json.at("notes").size(), 1u);
  EXPECT_THAT(json.at("notes")[0].get<std::string>(),
              HasSubstr(file.string() + " is a checkpoint"));
  EXPECT_EQ(json.at("models")[1].at("difference").at("equal"), true);
  EXPECT_GT(json.at("models")[0].at("bytes"), json.at("models")[1].at("bytes"));
}

TEST_F(CompareTest, OneFileInSeveralPrecisions) {
  auto json = compare({"run", "run@float32", "run/weights.safetensors@auto", "--clips", "2"});
  EXPECT_THAT(json.at("notes"), ::testing::IsEmpty());
  ASSERT_EQ(json.at("models").size(), 3u);
  for (const auto& model : json.at("models")) {
    EXPECT_EQ(model.at("file"), "run/weights.safetensors");
    EXPECT_EQ(model.at("precision"), "float32");
    if (!model.at("difference").is_null()) {
      EXPECT_EQ(model.at("difference").at("equal"), true);
    }
  }
  expect_compare_refused({"run", "run@int8"},
                         {"run/weights.safetensors: is not quantised", "vidgen quantize"});
  expect_compare_refused({"run@float8", "run"}, {"precision float8: expected one of auto, "});
  expect_compare_refused({"run", "none@bfloat16"}, {"none@bfloat16: no such file"});

  // A file or a folder that is really called so.
  fs::copy(work_ / "run", work_ / "run@bfloat16", fs::copy_options::recursive);
  json = compare({"run", "run@bfloat16", "run@bfloat16@float32", "--clips", "2"});
  for (const size_t i : {1, 2}) {
    EXPECT_EQ(json.at("models")[i].at("file"), "run@bfloat16/weights.safetensors");
    EXPECT_EQ(json.at("models")[i].at("precision"), "float32");
  }
  fs::remove_all(work_ / "run@bfloat16");

  if (!infer::can_compute(infer::Precision::kBfloat16, torch::kCPU)) {
    expect_compare_refused({"run", "run@bfloat16"}, {"precision bfloat16: this processor lacks"});
    return;
  }
  const auto checkpoint = checkpoint_file("run", 2).string();
  json = compare({checkpoint, checkpoint + "@bfloat16", "--clips", "2"});
  EXPECT_EQ(json.at("notes").size(), 1u) << "said once";
  const auto& models = json.at("models");
  EXPECT_EQ(models[0].at("precision"), "float32");
  EXPECT_EQ(models[1].at("precision"), "bfloat16");
  EXPECT_THAT(table_, HasSubstr(" bfloat16 "));
  for (const auto* alike : {"file", "parameters", "bytes", "flops_per_clip"}) {
    EXPECT_EQ(models[0].at(alike), models[1].at(alike)) << alike;
  }
  EXPECT_EQ(models[1].at("difference").at("equal"), false);
  EXPECT_GT(models[1].at("difference").at("psnr"), 30);
  EXPECT_TRUE(models[1].at("memory").is_number_unsigned());
}

TEST_F(CompareTest, Errors) {
  expect_compare_refused({}, {"FILES is required"});
  expect_compare_refused({"run"}, {"run: nothing to compare it with"});
  expect_compare_refused({"run", "none.safetensors"}, {"none.safetensors: no such file"});
  expect_compare_refused({"run", "clip.mp4"}, {"clip.mp4"});
  expect_compare_refused({"run", "run", "--clips", "1"}, {"--clips"});
  expect_compare_refused({"run", "run", "--seed", "-1"}, {"--seed"});
  expect_compare_refused({"run", "run", "--repeats", "0"}, {"--repeats"});
  expect_compare_refused({"run", "run", "--data", "none"}, {"none: no such file or folder"});
  expect_compare_refused({"run", "run", "--out", "none/out"}, {"none/out", "no folder none"});
  expect_compare_refused({"run", "run", "--out", "tiny.yaml/out"}, {"tiny.yaml is not a folder"});
  expect_compare_refused({"run", "run", "--json", "none/out.json"}, {"none/out.json"});

  train({"--run-dir", "longer", "--set", "data.frames=11"});
  expect_compare_refused({"run", "longer"},
                         {"longer/weights.safetensors: makes clips of 11 frames of 16x16, colour",
                          "run/weights.safetensors", "10 frames of 16x16, colour"});
  synthesize();
  train({"--run-dir", "digit", "--set", "data.sources=digits", "--set", "data.classes=true"});
  expect_compare_refused({"run", "digit"}, {"digit/weights.safetensors: has the classes 0, 1, ",
                                            "expected no classes", "run/weights.safetensors"});
}

}  // namespace
}  // namespace vidgen::test
