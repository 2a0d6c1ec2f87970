#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "support/error.h"
#include "vidgen/checkpoint/checkpoint.h"

/// Damage of the files of a run and of its clip cache, as a bad disk or copy leaves it.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Enough for an evaluation.
constexpr size_t kFrames = 100;

void flip_bit(const fs::path& path, size_t bit) {
  std::string bytes = read_bytes(path);
  bytes.at(bit / 8) ^= static_cast<char>(1 << (bit % 8));
  write_bytes(path, bytes);
}

/// A workspace with a finished run of two steps.
class VerifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_tiny_video(work_ / "clip.mp4", kFrames);
    expect_success(work_.train({"--set", "train.checkpoint_every=1", "--set",
                                "train.evaluate.every=1", "--set", "train.evaluate.metric=swd"}));
    cache_ = fs::directory_iterator(work_ / "cache" / "clips")->path();
  }

  ProgramResult verify(const std::string& place, const Workspace::Arguments& more = {}) const {
    Workspace::Arguments arguments{"inspect", "--verify", place};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return work_.run(arguments);
  }

  /// Flips one bit after the other in a part of the file; reading must notice each.
  void expect_noticed(const fs::path& path, size_t begin, size_t end, int times) {
    for (int i = 0; i < times; ++i) {
      const size_t bit = 8 * begin + random_() % (8 * (end - begin));
      flip_bit(path, bit);
      EXPECT_THAT(error_of([&] { checkpoint::read_checkpoint(path); }), HasSubstr(path.string()))
          << "bit " << bit;
      flip_bit(path, bit);
    }
    EXPECT_EQ(error_of([&] { checkpoint::read_checkpoint(path); }), "");
  }

  const Workspace work_;
  fs::path cache_;
  std::mt19937_64 random_{20};
};

TEST_F(VerifyTest, RandomBitFlipsAreNoticed) {
  for (const auto& path : {checkpoint_file(work_ / "run", 2), work_ / "run" / "weights.safetensors",
                           work_ / "run" / "best.safetensors"}) {
    SCOPED_TRACE(path.string());
    const auto data = checkpoint::read_safetensors_header(path).data_offset;
    expect_noticed(path, 0, data, 60);
    expect_noticed(path, data, fs::file_size(path), 60);
  }
}

TEST_F(VerifyTest, EveryFileOfARunHasItsLine) {
  const auto good = verify("run");
  expect_success(good);
  EXPECT_EQ(lines_of(good.out),
            (std::vector<std::string>{"run/checkpoints/step-00000001.safetensors: ok",
                                      "run/checkpoints/step-00000002.safetensors: ok",
                                      "run/best.safetensors: ok", "run/weights.safetensors: ok"}));
  const auto path = checkpoint_file(work_ / "run", 1);
  flip_bit(path, 8 * fs::file_size(path) - 1);
  const auto bad = verify("run");
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(lines_of(bad.out).at(0), HasSubstr("step-00000001.safetensors: tensor "));
  EXPECT_THAT(bad.out, HasSubstr("is damaged"));
  EXPECT_EQ(lines_of(bad.out).size(), 4u);
  EXPECT_EQ(bad.err, "vidgen: 1 of 4 files is damaged\n");

  const auto json = verify("run", {"--json"});
  EXPECT_EQ(json.exit_code, 2);
  const auto list = core::Json::parse(json.out);
  ASSERT_EQ(list.size(), 4u);
  EXPECT_FALSE(list[0].at("ok").get<bool>());
  EXPECT_THAT(list[0].at("problem").get<std::string>(), HasSubstr("is damaged"));
  EXPECT_TRUE(list[3].at("ok").get<bool>() && list[3].at("checksums").get<bool>());
  EXPECT_TRUE(list[3].at("problem").is_null());
}

TEST_F(VerifyTest, ADamagedFileIsUsedForNothing) {
  const std::string file = "run/weights.safetensors";
  flip_bit(work_ / file, 8 * fs::file_size(work_ / file) - 9);
  const std::vector<std::string> parts{file + ": tensor ", "is damaged"};
  expect_refuses(work_, {"sample", "--checkpoint", file, "--out", "out.mp4"}, parts);
  expect_refuses(work_, {"quantize", file, "--out", "out.safetensors"}, parts);
  const auto checkpoint = checkpoint_file(work_ / "run", 2);
  flip_bit(checkpoint, 8 * 100);
  expect_refuses(work_, work_.train_arguments({"--resume", checkpoint.string(), "--run-dir", "b"}),
                 {checkpoint.string() + ": "});
}

TEST_F(VerifyTest, ClipCaches) {
  expect_success(verify("cache/clips"));
  // In each of the frames: training reads some of them.
  const auto bytes = fs::file_size(cache_);
  for (size_t frame = 1; frame <= kFrames; ++frame)
    flip_bit(cache_, 8 * (bytes - 16 * 16 * 3 * frame + 100));
  const auto bad = verify("cache/clips");
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.out, HasSubstr(": frame 0 of 100 is damaged"));
  EXPECT_EQ(verify(cache_.string()).exit_code, 2);
  EXPECT_TRUE(fs::exists(cache_)) << "looking changes nothing";

  const std::vector<std::string> again{"train", "--config", "tiny.yaml", "--run-dir", "again"};
  const auto stopped = work_.run(again);
  EXPECT_EQ(stopped.exit_code, 2);
  EXPECT_THAT(stopped.err, AllOf(HasSubstr(cache_.filename().string() + ": frame "),
                                 HasSubstr("the same command makes it again")));
  expect_success(work_.run(again));
  expect_success(verify("cache/clips"));
}

TEST_F(VerifyTest, WhatHasNoChecksumsIsReadAndSaidOnce) {
  const auto path = work_ / "run" / "weights.safetensors";
  // Both keys have other names, as if another program had written them.
  std::string bytes = read_bytes(path);
  for (const std::string key : {"\"vidgen.checksum\"", "\"vidgen.checksums\""})
    bytes.replace(bytes.find(key) + 1, 6, "others");
  write_bytes(path, bytes);
  const auto verified = verify("run/weights.safetensors");
  expect_success(verified);
  EXPECT_THAT(verified.out, HasSubstr("weights.safetensors: no checksums"));
  const auto sampled = work_.run({"sample", "run", "--out", "out.png"});
  expect_success(sampled);
  EXPECT_THAT(sampled.err, HasSubstr("run/weights.safetensors: is of an older vidgen"));
  EXPECT_EQ(sampled.err.find("no checksums"), sampled.err.rfind("no checksums"));
}

TEST_F(VerifyTest, OtherPlaces) {
  expect_refuses(work_, {"inspect", "--verify", "none"}, {"none: no such file or folder"});
  fs::create_directory(work_ / "empty");
  expect_refuses(work_, {"inspect", "--verify", "empty"}, {"empty: holds nothing to verify"});
  expect_refuses(work_, {"inspect", "--verify", "--tensors", "run"}, {"--verify"});
  expect_success(work_.run({"sample", "run", "--out", "clips.safetensors"}));
  expect_success(verify("clips.safetensors"));
  EXPECT_EQ(verify("tiny.yaml").exit_code, 2);
}

/// A file whose configuration describes a network that nobody could allocate.
TEST_F(VerifyTest, AConfigurationThatIsLargerThanItsFileIsRefused) {
  const auto write = [&](const std::string& name, const core::Json& widths, int64_t content) {
    auto file = checkpoint::read_checkpoint(work_ / "run" / "weights.safetensors");
    file.path = work_ / name;
    file.config["model"]["generator"]["widths"] = widths;
    file.config["model"]["temporal"]["content_dim"] = content;
    checkpoint::write_checkpoint(file);
  };
  write("wide.safetensors", {8192, 8192}, 4);
  write("long.safetensors", {8, 8}, 4096);
  write("wider.safetensors", {1000000000, 8}, 4);
  const auto expect_everywhere = [&](const std::string& file, const std::string& problem) {
    const std::string out = "out.safetensors";
    for (const Workspace::Arguments& arguments :
         {Workspace::Arguments{"sample", file, "--out", "out.mp4"},
          {"eval", file, "--data", "clip.mp4", "--clips", "2"},
          {"prune", file, "--out", out, "--sparsity", "0.5"},
          {"prune", file, "--out", out, "--sparsity", "0.5", "--method", "structured"},
          {"quantize", file, "--out", out},
          {"export", file, "--out", "out.onnx"},
          {"compare", "run", file}}) {
      expect_refuses(work_, arguments, {file + ": ", problem});
    }
  };
  expect_everywhere("wide.safetensors", "the generator that its configuration describes has ");
  expect_everywhere("long.safetensors", "long.safetensors: tensor frame.main.0.weight is ");
  expect_everywhere("wider.safetensors", "model.generator.widths");
}

}  // namespace
}  // namespace vidgen::test
