#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

/// Files that somebody else made, and names that are not what they seem.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Arguments = Workspace::Arguments;

/// Whether any byte is one that a terminal acts on.
bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
}

/// A workspace with a finished run of one step.
class StrangerErrorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Enough to evaluate with.
    write_tiny_video(work_ / "clip.mp4", 80);
    const auto result = work_.train({"--set", "train.steps=1"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  /// Writes `name`: the run's weights, changed.
  template <class Change>
  void write_changed(const std::string& name, Change change) {
    auto file = checkpoint::read_safetensors(work_ / "run/weights.safetensors");
    const auto before = core::Json::parse(file.metadata["config"]);
    auto config = before;
    change(file, config);
    if (config != before) file.metadata["config"] = config.dump();
    checkpoint::write_safetensors(work_ / name, file.tensors, file.metadata);
  }

  /// vidgen ARGUMENTS as a user for whom permissions count, which they do not for root. Nothing
  /// where that cannot be had.
  std::optional<ProgramResult> run_with_permissions(const Arguments& arguments) {
    if (::geteuid() != 0) return work_.run(arguments);
    const std::string setpriv = "/usr/bin/setpriv",
                      set = "--bounding-set=-dac_override,-dac_read_search";
    if (!fs::exists(setpriv) || run_program(setpriv, {set, "true"}, work_.options()).exit_code != 0)
      return std::nullopt;
    Arguments all{set, program_path().string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_program(setpriv, all, work_.options());
  }

  Workspace work_;
};

TEST_F(StrangerErrorsTest, DeeplyNestedMetadata) {
  const std::string lists(1000000, '[');
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  const auto with = [](const std::string& text) { return "{\"model\":" + text; };
  for (const std::string key : {"config", "clip", "vidgen.passes"}) {
    for (const auto& text :
         {lists, objects, with(lists + std::string(lists.size(), ']') + "}"), with(objects)}) {
      write_changed("deep.safetensors", [&](auto& file, auto&) { file.metadata[key] = text; });
      expect_refuses(work_, {"inspect", "deep.safetensors"},
                     {"deep.safetensors: metadata \"" + key + "\" is nested deeper than 64"});
    }
  }
  const std::vector<std::string> parts{"deep.safetensors: metadata \"vidgen.passes\" is nested"};
  for (const Arguments& arguments :
       {Arguments{"sample", "deep.safetensors", "--out", "out.mp4"},
        {"eval", "deep.safetensors"},
        {"train", "tiny.yaml", "--resume", "deep.safetensors", "--run-dir", "out"}}) {
    expect_refuses(work_, arguments, parts);
  }
}

TEST_F(StrangerErrorsTest, MetadataOfOtherTypesIsShownAsFarAsItGoes) {
  write_changed("odd.safetensors", [](auto& file, auto& config) {
    config["train"] = 5;
    config["model"]["class_names"] = {1, 2};
    file.metadata["best.step"] = "1";
    file.metadata["best.score"] = "0.5";
  });
  expect_success(work_.run({"inspect", "odd.safetensors"}));
  expect_refuses(work_, {"sample", "odd.safetensors", "--out", "out.mp4"}, {"model.class_names"});
  write_changed("odd.safetensors", [](auto&, auto& config) { config.erase("data"); });
  expect_refuses(work_, {"eval", "odd.safetensors"}, {"odd.safetensors: "});
}

TEST_F(StrangerErrorsTest, DeeplyNestedLog) {
  const auto log = work_ / "run/log.jsonl";
  write_bytes(log, read_bytes(log) + "{\"step\":1,\"a\":" + std::string(1000000, '[') + "\n");
  expect_success(work_.train({"--set", "train.steps=2"}));
}

TEST_F(StrangerErrorsTest, EvaluationUsesNothingThatAFileNames) {
  const std::string there = (work_ / "there").string();
  write_changed("foreign.safetensors", [&](auto&, auto& config) {
    config["data"]["sources"] = {{{"path", (work_ / "clip.mp4").string()}, {"weight", 1.0}}};
    config["data"]["cache_dir"] = there;
  });
  const std::string file = "foreign.safetensors";
  expect_refuses(work_, {"eval", file, "--clips", "2"}, {file + ": names the data", "--data PATH"});
  // With data of one's own it is evaluated, but the training data are not read.
  const auto result = work_.run({"eval", file, "--clips", "2", "--data", "clip.mp4"});
  expect_success(result);
  EXPECT_THAT(result.out, HasSubstr("the training data are not read"));
  EXPECT_FALSE(fs::exists(there));
  expect_success(work_.run({"eval", file, "--clips", "2", "--set", "data.sources=clip.mp4"}));
  EXPECT_FALSE(fs::exists(there));
  expect_success(work_.run({"compare", "run", file, "--clips", "2", "--data", "clip.mp4"}));
  EXPECT_FALSE(fs::exists(there));
  // A run's own files need nothing; one that lies there and names something else does.
  for (const std::string own : {"run", "run/weights.safetensors"}) {
    expect_success(work_.run({"eval", own, "--clips", "2"}));
  }
  expect_success(work_.run({"eval", checkpoint_file("run", 1).string(), "--clips", "2"}));
  fs::copy_file(work_ / file, work_ / "run/foreign.safetensors");
  expect_refuses(work_, {"eval", "run/foreign.safetensors"}, {"names the data"});
}

TEST_F(StrangerErrorsTest, FineTuningUsesNothingThatAFileNames) {
  fs::copy_file(checkpoint_file(work_ / "run", 1), work_ / "copy.safetensors");
  expect_refuses(work_,
                 {"prune", "copy.safetensors", "--out", "out.safetensors", "--sparsity", "0.5",
                  "--finetune-steps", "1"},
                 {"copy.safetensors: names the data", "--finetune distill"});
}

TEST_F(StrangerErrorsTest, EscapesInMetadataAndTensorsAreShown) {
  const std::string evil =
      "a\n\x1b[2J\x1b]0;title\x07\xc2\x9b"
      "31m\xe2\x80\xae"
      "b";
  const std::string tame = "a\\n\\x1b[2J\\x1b]0;title\\x07\\u009b31m\\u202eb";
  write_changed("evil.safetensors", [&](auto& file, auto& config) {
    config["model"]["class_names"] = {evil, "dogs"};
    config[evil] = evil;
    file.metadata["vidgen.version"] = evil;
    file.metadata["best.step"] = evil;
    file.metadata["best.score"] = evil;
    file.metadata["vidgen.passes"] = core::Json::array({{{"pass", evil},
                                                         {"options", {{evil, evil}}},
                                                         {"source", evil},
                                                         {"source_sha1", evil}}})
                                         .dump();
    file.tensors[evil] = torch::ones({2});
  });
  const auto result = work_.run({"inspect", "evil.safetensors", "--config", "--tensors"});
  expect_success(result);
  EXPECT_TRUE(is_plain(result.out)) << result.out;
  EXPECT_THAT(result.out, Not(HasSubstr("\xc2\x9b")));
  EXPECT_THAT(result.out, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(lines_of(result.out), Contains("vidgen    " + tame));
  EXPECT_THAT(lines_of(result.out), Contains("classes   " + tame + ", dogs"));
  EXPECT_THAT(lines_of(result.out), Contains(HasSubstr(tame + "  [2]  ")));
  const auto json = work_.run({"inspect", "evil.safetensors", "--json"});
  expect_success(json);
  EXPECT_TRUE(is_plain(json.out)) << json.out;
  EXPECT_THAT(json.out, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_EQ(core::Json::parse(json.out).at("vidgen"), evil);

  const auto expect_tame = [&](const Arguments& arguments) {
    const auto before = work_.tree();
    const auto refused = work_.run(arguments);
    expect_refused(refused, {tame});
    EXPECT_TRUE(is_plain(refused.err)) << refused.err;
    EXPECT_EQ(work_.tree(), before);
  };
  expect_refuses(work_, {"sample", "evil.safetensors", "--out", "out.mp4"}, {"evil.safetensors: "});
  expect_tame({"inspect", evil});
  expect_tame({"train", evil});
  expect_tame({evil});
  expect_tame({"inspect", "run", "--" + evil});
  expect_tame({"train", "tiny.yaml", "--set", "train.steps=" + evil});
  expect_tame({"train", "tiny.yaml", "--data", evil});
  expect_tame({"sample", "run", "--out", evil + "/out.mp4"});
}

TEST_F(StrangerErrorsTest, EscapesInNamesOfVideosAndClassesAreShown) {
  const std::string evil = "a\n\x1b[2J\x07";
  for (const auto& name : {evil, std::string("dogs")}) {
    fs::create_directories(work_ / "pets" / name);
    fs::copy_file(work_ / "clip.mp4", work_ / "pets" / name / ("b" + evil + ".mp4"));
  }
  write_bytes(work_ / "pets" / evil / (evil + ".mp4"), "no video");
  for (const Arguments& arguments : {Arguments{"data", "inspect", "pets", "--classes"},
                                     {"train", "tiny.yaml", "--data", "pets", "--set",
                                      "data.classes=true", "--run-dir", "pets-run"},
                                     {"eval", "pets-run", "--clips", "2"}}) {
    const auto result = work_.run(arguments);
    expect_success(result);
    EXPECT_TRUE(is_plain(result.out)) << result.out;
    EXPECT_TRUE(is_plain(result.err)) << result.err;
    EXPECT_THAT(result.out + result.err, HasSubstr("a\\n\\x1b[2J\\x07"));
  }
}

TEST_F(StrangerErrorsTest, NamesThatACheckpointCannotHoldAreRefusedBeforeTraining) {
  const std::string name = "clips\xff";
  fs::create_directory(work_ / name);
  fs::copy_file(work_ / "clip.mp4", work_ / name / "a.mp4");
  for (const std::string assignment : {"data.sources=", "data.cache_dir=", "run_dir="}) {
    expect_refuses(work_, work_.train_arguments({"--set", assignment + name}),
                   {"clips\\xff", "found text that is not UTF-8"});
  }
  expect_refuses(work_, work_.train_arguments({"--data", name}), {"found text that is not UTF-8"});
}

TEST_F(StrangerErrorsTest, NamesOfAnyLength) {
  // The second as a whole is longer than a path can be.
  std::string deep;
  while (deep.size() < 5000) deep += "folder/";
  for (const auto& name : {std::string(300, 'n'), deep + "n"}) {
    const std::string shown = name.substr(0, 100);
    const std::string weights = name + ".safetensors";
    for (const Arguments& arguments :
         {Arguments{"train", name},
          {"inspect", name},
          {"train", "tiny.yaml", "--data", name},
          {"train", "tiny.yaml", "--set", "data.sources=" + name},
          {"train", "tiny.yaml", "--set", "data.sources=[" + name + "]"},
          {"train", "tiny.yaml", "--resume", name},
          {"train", "tiny.yaml", "--run-dir", name + "/run"},
          {"train", "tiny.yaml", "--set", "data.cache_dir=" + name + "/cache"},
          {"distill", "tiny.yaml", "--teacher", name},
          {"sample", "run", "--out", name},
          {"sample", "run", "--out", name + ".mp4"},
          {"sample", name, "--out", "out.mp4"},
          {"eval", "run", "--data", name},
          {"eval", "run", "--json", name},
          {"eval", "run", "--report", name},
          {"eval", "run", "--extractor", name, "--features", "clip"},
          {"prune", "run", "--sparsity", "0.5", "--out", weights},
          {"quantize", "run", "--out", weights},
          {"export", "run", "--out", name + ".onnx"},
          {"compare", "run", name},
          {"compare", "run", "run", "--out", name},
          {"data", "inspect", name},
          {"data", "preview", "tiny.yaml", "--out", name + ".png"},
          {"data", "synth", "moving-digits", "--out", name},
          {"data", "synth", "moving-digits", "--out", "digits", "--digits-image", name},
          {"bench", "render", name},
          {"config", name},
          {"--" + name},
          {name}}) {
      // A name of 300 bytes inside folders that are there may be made in parts.
      expect_refuses(work_, arguments, {shown});
    }
  }
}

TEST_F(StrangerErrorsTest, AssignmentsOfAnyLengthAndDepth) {
  const std::string longest(130000, 'a');
  std::string deep = "a";
  for (int i = 0; i < 60000; ++i) deep += ".a";
  for (const auto& assignment :
       {longest, longest + "=1", deep + "=1", "train.steps=" + longest, "data.sources=[" + longest,
        "data.sources=" + std::string(100000, '['), "train.steps=" + std::string(100000, '{'),
        "model.generator.widths[" + std::string(100000, '1') + "]=1"}) {
    expect_refuses(work_, {"config", "tiny.yaml", "--set", assignment},
                   {"--set " + assignment.substr(0, 20)});
  }
  // A name as any other; that there is no such folder is seen later.
  expect_success(work_.run({"config", "tiny.yaml", "--set", "run_dir=" + longest}));
}

TEST_F(StrangerErrorsTest, PipesSocketsDevicesAndFoldersInPlaceOfFiles) {
  ASSERT_EQ(::mkfifo((work_ / "pipe").c_str(), 0600), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string socket_name = (work_ / "socket").string();
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_LT(socket_name.size(), sizeof address.sun_path);
  socket_name.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(descriptor);
  fs::create_directory(work_ / "folder");
  const std::string name = "pipe";
  for (const Arguments& arguments :
       {Arguments{"train", name},
        {"config", name},
        {"inspect", name},
        {"train", "tiny.yaml", "--data", name},
        {"train", "tiny.yaml", "--resume", name, "--run-dir", "out"},
        {"distill", "tiny.yaml", "--teacher", name},
        {"sample", name, "--out", "out.mp4"},
        {"eval", "run", "--data", name},
        {"eval", "run", "--json", name},
        {"eval", "run", "--report", name},
        {"eval", "run", "--extractor", name, "--features", "clip"},
        {"data", "synth", "moving-digits", "--out", "digits", "--digits-image", name},
        {"compare", "run", name}}) {
    expect_refuses(work_, arguments, {name});
  }
  for (const std::string other : {"socket", "/dev/zero", "folder"}) {
    expect_refuses(work_, {"config", other}, {other});
    expect_refuses(work_, {"inspect", other}, {other});
    expect_refuses(work_, {"eval", "run", "--data", other}, {other});
    expect_refuses(work_, {"eval", "run", "--json", other}, {other});
  }
  for (const std::string name : {"config.yaml", "weights.safetensors", "log.jsonl"}) {
    fs::remove(work_ / "run" / name);
    ASSERT_EQ(::mkfifo((work_ / "run" / name).c_str(), 0600), 0);
  }
  expect_refuses(work_, {"sample", "run", "--out", "out.mp4"}, {"run/weights.safetensors"});
  expect_refuses(work_, {"train", "run/config.yaml"}, {"run/config.yaml: is not a regular file"});
}

TEST_F(StrangerErrorsTest, UnreadableFilesAndFolders) {
  for (const char* name : {"locked", "sealed"}) fs::create_directory(work_ / name);
  fs::copy_file(work_ / "clip.mp4", work_ / "locked.mp4");
  fs::copy_file(work_ / "tiny.yaml", work_ / "locked.yaml");
  fs::copy_file(work_ / "run/weights.safetensors", work_ / "locked.safetensors");
  fs::copy_file(work_ / "run/weights.safetensors", work_ / "sealed/w.safetensors");
  // Can be listed, but not entered, and the other way round.
  fs::permissions(work_ / "sealed", fs::perms::owner_read | fs::perms::owner_write);
  for (const char* name : {"locked", "locked.mp4", "locked.yaml", "locked.safetensors"})
    fs::permissions(work_ / name, fs::perms::none);
  const std::vector<std::pair<Arguments, std::string>> cases{
      {{"train", "locked.yaml"}, "locked.yaml"},
      {{"config", "locked.yaml"}, "locked.yaml"},
      {{"inspect", "locked.safetensors"}, "locked.safetensors"},
      {{"inspect", "locked"}, "locked"},
      {{"inspect", "sealed/w.safetensors"}, "sealed/w.safetensors"},
      {{"inspect", "sealed"}, "sealed"},
      {{"train", "tiny.yaml", "--data", "locked.mp4", "--run-dir", "out"}, "locked.mp4"},
      {{"train", "tiny.yaml", "--data", "locked", "--run-dir", "out"}, "locked"},
      {{"train", "tiny.yaml", "--data", "sealed/a.mp4", "--run-dir", "out"}, "sealed/a.mp4"},
      {{"train", "tiny.yaml", "--resume", "sealed/w.safetensors"}, "sealed/w.safetensors"},
      {{"train", "sealed/tiny.yaml"}, "sealed/tiny.yaml"},
      {{"sample", "run", "--out", "locked/out.mp4"}, "locked/out.mp4"},
      {{"sample", "run", "--out", "sealed/out.mp4"}, "sealed/out.mp4"},
      {{"sample", "run", "--out", "sealed/folder/out.mp4"}, "sealed/folder"},
      {{"eval", "run", "--data", "locked"}, "locked"},
      {{"data", "inspect", "locked"}, "locked"},
      {{"data", "synth", "moving-digits", "--out", "locked"}, "locked"},
      {{"compare", "run", "locked.safetensors"}, "locked.safetensors"},
      // The run that is there is not begun anew because its checkpoints cannot be seen.
      {{"train", "tiny.yaml"}, "run/checkpoints"}};
  for (const auto& [arguments, name] : cases) {
    if (name == "run/checkpoints") fs::permissions(work_ / name, fs::perms::none);
    const auto result = run_with_permissions(arguments);
    if (!result) break;
    SCOPED_TRACE(arguments[0] + " " + arguments[1]);
    expect_refused(*result, {name, "ermission denied"});
  }
  fs::permissions(work_ / "run/checkpoints", fs::perms::owner_all);
  for (const char* name : {"locked", "sealed"}) fs::permissions(work_ / name, fs::perms::owner_all);
}

}  // namespace
}  // namespace vidgen::test
