#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "support/fixture.h"
#include "vidgen/checkpoint/safetensors.h"

namespace vidgen::test {
namespace {

namespace fs = std::filesystem;

/// A workspace with a finished run of one step.
class CheckpointErrorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto result = work_.train({"--set", "train.steps=1"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    fs::copy_file(checkpoint_file(work_ / "run", 1), work_ / "good.safetensors");
  }

  /// The commands that only look at a checkpoint refuse this one.
  void expect_file_refused(const std::string& file, const std::vector<std::string>& parts) {
    expect_refuses(work_, {"inspect", file}, parts);
    expect_refuses(work_, {"sample", "--checkpoint", file, "--out", "out.mp4"}, parts);
  }

  /// Every command that reads a checkpoint refuses this one.
  void expect_file_refused_everywhere(const std::string& file,
                                      const std::vector<std::string>& parts) {
    expect_file_refused(file, parts);
    expect_refuses(work_,
                   {"prune", "--checkpoint", file, "--out", "out.safetensors", "--sparsity", "0.5"},
                   parts);
    expect_refuses(work_, work_.train_arguments({"--resume", file, "--run-dir", "out"}), parts);
  }

  /// Writes `name`: the good checkpoint with its metadata changed.
  template <class Change>
  void write_changed(const std::string& name, Change change) {
    auto file = checkpoint::read_safetensors(work_ / "good.safetensors");
    change(file);
    checkpoint::write_safetensors(work_ / name, file.tensors, file.metadata);
  }

  Workspace work_;
};

TEST_F(CheckpointErrorsTest, FilesThatAreNoCheckpoint) {
  write_bytes(work_ / "text.safetensors", "This is no checkpoint, whatever its name says.\n");
  write_bytes(work_ / "nothing.safetensors", "");
  checkpoint::write_safetensors(work_ / "other.safetensors", {{"x", torch::ones({2})}}, {});
  expect_file_refused("none.safetensors", {"none.safetensors: no such file"});
  expect_file_refused("cache", {"cache: holds neither weights.safetensors nor checkpoints"});
  expect_file_refused("text.safetensors", {"text.safetensors: is text, not a safetensors file"});
  expect_file_refused("nothing.safetensors",
                      {"nothing.safetensors: is empty, not a safetensors file"});
  expect_file_refused("other.safetensors", {"other.safetensors: is not a vidgen file"});
}

TEST_F(CheckpointErrorsTest, FilesOfOtherKindsAreNamed) {
  expect_success(work_.run({"export", "run", "--out", "run.onnx", "--reference", "x.safetensors"}));
  expect_success(
      work_.run({"export", "run", "--out", "run.pt", "--format", "torchscript", "--step"}));
  expect_success(work_.run({"sample", "run", "--out", "y.safetensors"}));
  expect_success(work_.run({"sample", "run", "--out", "s.png"}));
  expect_success(work_.run({"sample", "run", "--out", "s.gif"}));
  fs::copy_file(work_ / "run.onnx", work_ / "renamed.safetensors");
  write_bytes(work_ / "old.pt", std::string("\x80\x02}q", 4));
  const std::vector<std::pair<std::string, std::string>> files{
      {"run.onnx", "is an ONNX model"},
      {"renamed.safetensors", "is an ONNX model"},
      {"run.pt", "is a TorchScript model that vidgen export wrote"},
      {"old.pt", "is a pickle"},
      {"x.safetensors", "inputs and outputs that vidgen export --reference wrote"},
      {"y.safetensors", "clips that vidgen sample wrote"},
      {"s.png", "is a picture"},
      {"s.gif", "is a video; to train on it"},
      {"clip.mp4", "is a video; to train on it"},
      {"tiny.yaml", "is a configuration; to train with it: vidgen train tiny.yaml"}};
  for (const auto& [file, kind] : files)
    expect_refuses(work_, {"inspect", file}, {file + ": ", kind});
  // Wherever a checkpoint is taken.
  const std::vector<std::string> parts{"run.onnx: is an ONNX model", "what it was exported from",
                                       "expected a run's folder"};
  const std::string onnx = "run.onnx", out = "out.safetensors";
  for (const Workspace::Arguments& arguments :
       {Workspace::Arguments{"sample", onnx, "--out", "out.mp4"},
        {"eval", onnx},
        {"prune", onnx, "--out", out, "--sparsity", "0.5"},
        {"quantize", onnx, "--out", out},
        {"export", onnx, "--out", "out.onnx"},
        {"compare", "run", onnx},
        {"bench", "render", onnx},
        {"bench", "memory", onnx},
        {"train", "tiny.yaml", "--resume", onnx, "--run-dir", "out"},
        {"distill", "tiny.yaml", "--teacher", onnx, "--run-dir", "out"}}) {
    expect_refuses(work_, arguments, parts);
  }
}

TEST_F(CheckpointErrorsTest, TruncatedCheckpoint) {
  truncate_copy(work_ / "good.safetensors", work_ / "header.safetensors", 0.01);
  truncate_copy(work_ / "good.safetensors", work_ / "most.safetensors", 0.9);
  expect_file_refused("header.safetensors", {"header.safetensors: not a safetensors file, or cut"});
  expect_file_refused_everywhere("most.safetensors", {"most.safetensors: tensor", "go beyond"});
}

TEST_F(CheckpointErrorsTest, MetadataOfAnotherProgramOrTime) {
  write_changed("later.safetensors", [](auto& file) { file.metadata["vidgen.format"] = "2"; });
  expect_file_refused_everywhere("later.safetensors", {"later.safetensors: has format version 2"});

  write_changed("a.safetensors", [](auto& file) { file.metadata["config"] = "{\"data\": "; });
  write_changed("b.safetensors", [](auto& file) { file.metadata["step"] = "-1"; });
  write_changed("c.safetensors", [](auto& file) { file.metadata.erase("clip"); });
  write_changed("d.safetensors", [](auto& file) { file.metadata["vidgen.kind"] = "other"; });
  expect_refuses(work_, {"inspect", "a.safetensors"}, {"a.safetensors: metadata \"config\""});
  expect_refuses(work_, {"inspect", "b.safetensors"}, {"b.safetensors: metadata \"step\""});
  expect_refuses(work_, {"inspect", "c.safetensors"}, {"c.safetensors: ", "no \"clip\""});
  expect_refuses(work_, {"inspect", "d.safetensors"}, {"d.safetensors: metadata \"vidgen.kind\""});
}

TEST_F(CheckpointErrorsTest, ConfigurationOfALaterVidgen) {
  const auto write_later = [this](const std::string& name, const std::string& section) {
    write_changed(name, [&](auto& file) {
      auto config = core::Json::parse(file.metadata["config"]);
      config[section]["warp_drive"] = true;
      file.metadata["config"] = config.dump();
      file.metadata["vidgen.version"] = "98.7.6";
    });
  };
  const auto expect_resume_refused = [this](const std::string& name, const std::string& key) {
    expect_refuses(work_, work_.train_arguments({"--resume", name, "--run-dir", "out"}),
                   {name + ": in its configuration, " + key + ": unknown key",
                    "(written by vidgen 98.7.6, this is "});
  };
  write_later("train.safetensors", "train");
  expect_resume_refused("train.safetensors", "train.warp_drive");
  write_later("model.safetensors", "model");
  expect_resume_refused("model.safetensors", "model.warp_drive");
  // To play it only the model has to be known.
  expect_refuses(work_, {"sample", "--checkpoint", "model.safetensors", "--out", "out.mp4"},
                 {"model.safetensors: in its configuration, model.warp_drive: unknown key",
                  "(written by vidgen 98.7.6, this is "});
  expect_success(work_.run({"sample", "--checkpoint", "train.safetensors", "--out", "out.mp4"}));
}

TEST_F(CheckpointErrorsTest, TensorsOfAnotherNetwork) {
  write_changed("wider.safetensors", [](auto& file) {
    auto config = core::Json::parse(file.metadata["config"]);
    config["model"]["generator"]["widths"] = {16, 8};
    file.metadata["config"] = config.dump();
  });
  expect_refuses(work_, {"sample", "--checkpoint", "wider.safetensors", "--out", "out.mp4"},
                 {"wider.safetensors: tensor ", "expected Float [", "16"});

  write_changed("less.safetensors", [](auto& file) {
    file.tensors.erase(file.tensors.lower_bound("ema."));
    file.tensors.erase(file.tensors.lower_bound("optimizer."));
  });
  write_changed("more.safetensors", [](auto& file) {
    file.tensors["ema.more"] = torch::ones({2});
    file.tensors["generator.more"] = torch::ones({2});
  });
  for (const std::string file : {"less.safetensors", "more.safetensors"}) {
    expect_refuses(work_, {"sample", "--checkpoint", file, "--out", "out.mp4"},
                   {file + ": tensor "});
    expect_refuses(
        work_,
        work_.train_arguments({"--resume", file, "--run-dir", "out", "--set", "train.steps=1"}),
        {file + ": tensor "});
  }
}

TEST_F(CheckpointErrorsTest, ResumeNeedsTheSameNetworks) {
  const std::string file = "good.safetensors";
  const auto expect_key = [&](const std::string& assignment, const std::string& key,
                              const std::string& before, const std::string& now) {
    expect_refuses(
        work_, work_.train_arguments({"--resume", file, "--run-dir", "out", "--set", assignment}),
        {file + ": " + key + " is " + before + " in the checkpoint and " + now +
         " in the configuration"});
  };
  expect_key("model.generator.widths=[16, 8]", "model.generator.widths", "[8,8]", "[16,8]");
  expect_key("train.seed=7", "train.seed", "0", "7");
  expect_refuses(
      work_,
      work_.train_arguments({"--resume", file, "--run-dir", "out", "--set", "data.color=gray"}),
      {"data.color is \"rgb\" in the checkpoint and \"gray\"",
       "vidgen train CONFIG --run-dir ANOTHER --init-from " + file});

  expect_refuses(work_,
                 work_.train_arguments({"--resume", "run/weights.safetensors", "--run-dir", "out"}),
                 {"run/weights.safetensors: holds weights only"});
  expect_refuses(work_, work_.train_arguments({"--resume", "none.safetensors"}),
                 {"--resume none.safetensors: no such file"});
}

/// The bad files of the fixtures whose place in the sorted list is `part` modulo `parts`.
std::vector<fs::path> bad_files(size_t part, size_t parts) {
  std::vector<fs::path> all, some;
  for (const auto& entry : fs::directory_iterator(fixtures_folder() / "safetensors_bad")) {
    all.push_back(fs::absolute(entry.path()));
  }
  std::sort(all.begin(), all.end());
  for (size_t i = part; i < all.size(); i += parts) some.push_back(all[i]);
  return some;
}

/// In parts, which can run at the same time.
class BadSafetensorsTest : public ::testing::TestWithParam<size_t> {};

TEST_P(BadSafetensorsTest, InspectRefusesThem) {
  const Workspace work;
  const auto files = bad_files(GetParam(), 4);
  ASSERT_FALSE(files.empty());
  for (const auto& file : files) expect_refuses(work, {"inspect", file}, {file.string() + ": "});
  const std::string first = files.front();
  expect_refuses(work, {"sample", "--checkpoint", first, "--out", "out.mp4"}, {first + ": "});
}

INSTANTIATE_TEST_SUITE_P(Parts, BadSafetensorsTest, ::testing::Range<size_t>(0, 4));

}  // namespace
}  // namespace vidgen::test
