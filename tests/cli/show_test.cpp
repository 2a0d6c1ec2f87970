#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

/// The commands that show something: inspect, config, data prepare, completion, --version, --help.
namespace vidgen::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

TEST(InspectTest, ShowsConfigurationStepAndTensors) {
  const Workspace work;
  const auto trained = work.train({"--set", "train.seed=77"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const auto file = checkpoint_file("run", 2);
  const auto result = work.run({"inspect", file});
  expect_success(result);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, ContainsRegex("file +" + file.string()));
  EXPECT_THAT(result.out, ContainsRegex("kind +checkpoint"));
  EXPECT_THAT(result.out, ContainsRegex("step +2\n"));
  EXPECT_THAT(result.out, HasSubstr("10 frames of 16x16"));
  const auto tensors = checkpoint::read_safetensors(work / file).tensors;
  EXPECT_THAT(result.out, HasSubstr(std::to_string(tensors.size()) + " tensors"));
  EXPECT_LT(lines_of(result.out).size(), 12u) << "short, unless more is asked for";

  const auto all = work.run({"inspect", file, "--config", "--tensors"});
  expect_success(all);
  EXPECT_THAT(all.out, ::testing::StartsWith(result.out));
  EXPECT_THAT(all.out, HasSubstr(read_bytes(work / "run/config.yaml")));
  for (const auto& [name, tensor] : tensors) EXPECT_THAT(all.out, HasSubstr("\n" + name + " "));

  const auto printed = work.run({"inspect", file, "--json"});
  expect_success(printed);
  const auto json = core::Json::parse(printed.out);
  EXPECT_EQ(json.at("kind"), "checkpoint");
  EXPECT_EQ(json.at("step"), 2);
  EXPECT_EQ(json.at("clip").at("size"), 16);
  EXPECT_EQ(json.at("config").at("train").at("seed"), 77);
  EXPECT_EQ(json.at("bytes"), fs::file_size(work / file));
  ASSERT_EQ(json.at("tensors").size(), tensors.size());
  const auto& first = json.at("tensors")[0];
  EXPECT_EQ(first.at("name"), tensors.begin()->first);
  EXPECT_EQ(first.at("shape"), core::Json(tensors.begin()->second.sizes().vec()));

  const auto folder = work.run({"inspect", "run"});
  expect_success(folder);
  EXPECT_THAT(folder.out, ContainsRegex("kind +weights"));
}

/// The dotted keys of a tree, as `config --explain` writes them: list items as "[]".
void collect_keys(const core::Json& tree, const std::string& path, std::set<std::string>& keys) {
  for (const auto& [key, value] : tree.items()) {
    const std::string child = path.empty() ? key : path + "." + key;
    if (value.is_object()) {
      collect_keys(value, child, keys);
    } else if (value.is_array() && !value.empty() && value[0].is_object()) {
      for (const auto& item : value) collect_keys(item, child + "[]", keys);
    } else {
      keys.insert(child);
    }
  }
}

TEST(ConfigCommandTest, ExplainsEveryKey) {
  const Workspace work;
  expect_success(work.train());
  const auto metadata = checkpoint::read_safetensors(work / "run/weights.safetensors").metadata;
  std::set<std::string> keys;
  collect_keys(core::Json::parse(metadata.at("config")), "", keys);
  EXPECT_GT(keys.size(), 50u);
  const auto result = work.run({"config", "--explain"});
  expect_success(result);
  EXPECT_EQ(result.err, "");
  for (const auto& key : keys) EXPECT_THAT("\n" + result.out, HasSubstr("\n" + key + ": "));
  EXPECT_THAT(result.out, ContainsRegex("train.steps: 10000\n +[A-Z].*\\(integer: 1 to"));
}

TEST(ConfigCommandTest, PrintsTheResolvedFile) {
  const Workspace work;
  const auto result =
      work.run({"config", "--config", "tiny.yaml", "--set", "model.discriminators.0.pool=1",
                "--set", "data.sources[0].weight=2.5", "--set", "optim.generator.lr=1e-3"});
  // The list of sources is one name in the file; only the spelled-out form has weights.
  expect_refused(result, {"--set data.sources[0].weight=2.5"});
  const auto good = work.run({"config", "--config", "tiny.yaml", "--set",
                              "data.sources=[{path: \"a b.mp4\", weight: 2.5}]", "--set",
                              "data.sources[0].weight=3.5", "--set", "optim.generator.lr=1e-3"});
  expect_success(good);
  EXPECT_THAT(good.out, HasSubstr("path: \"a b.mp4\"\n"));
  EXPECT_THAT(good.out, HasSubstr("weight: 3.5\n"));
  EXPECT_THAT(good.out, HasSubstr("lr: 0.001\n"));
  write_bytes(work / "resolved.yaml", good.out);
  EXPECT_EQ(work.run({"config", "--config", "resolved.yaml"}).out, good.out);
}

TEST(DataCommandTest, PrepareBuildsTheCacheThatTrainUses) {
  const Workspace work;
  const auto result = work.run({"data", "prepare", "--config", "tiny.yaml"});
  expect_success(result);
  EXPECT_THAT(result.out, HasSubstr("1 videos ready, 15 training clips"));
  EXPECT_FALSE(fs::exists(work / "run"));
  std::vector<fs::path> cached;
  for (const auto& entry : fs::recursive_directory_iterator(work / "cache")) {
    if (entry.is_regular_file()) cached.push_back(entry.path());
  }
  ASSERT_EQ(cached.size(), 1u);
  const auto made = fs::last_write_time(cached[0]);
  expect_success(work.train());
  EXPECT_EQ(fs::last_write_time(cached[0]), made);
}

TEST(DataCommandTest, InspectAsJson) {
  const Workspace work;
  fs::create_directories(work / "set/cats");
  fs::create_directories(work / "set/tabby, cat");
  fs::copy_file(work / "clip.mp4", work / "set/cats/a.mp4");
  fs::copy_file(work / "clip.mp4", work / "set/tabby, cat/b.mp4");
  write_bytes(work / "set/cats/c.mp4", "no video");
  const auto result =
      work.run({"data", "inspect", "set", "--classes", "--size", "16", "--frames", "10", "--json"});
  expect_success(result);
  const auto json = core::Json::parse(result.out);
  EXPECT_EQ(json.at("usable"), 2);
  EXPECT_EQ(json.at("classes"), core::Json({{"cats", 15}, {"tabby, cat", 15}}));
  const auto& files = json.at("files");
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[0].at("file"), "set/cats/a.mp4");
  EXPECT_EQ(files[0].at("size"), core::Json({24, 24}));
  EXPECT_EQ(files[0].at("fps"), 25.0);
  EXPECT_EQ(files[0].at("read"), 24);
  EXPECT_EQ(files[0].at("clips"), 15);
  EXPECT_EQ(files[0].at("problem"), "");
  EXPECT_NE(files[1].at("problem"), "");
  EXPECT_EQ(files[2].at("class"), "tabby, cat");
}

TEST(VersionTest, NamesWhatItWasBuiltWith) {
  const Workspace work;
  const auto result = work.run({"--version"});
  expect_success(result);
  EXPECT_EQ(result.err, "");
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 4u) << result.out;
  EXPECT_THAT(lines[0], ::testing::MatchesRegex("vidgen [0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(lines[1], HasSubstr("LibTorch 2."));
  EXPECT_THAT(lines[2], ::testing::MatchesRegex("OpenCV [0-9.]+.*"));
  EXPECT_THAT(lines[3], HasSubstr("CUDA "));
}

TEST(VersionTest, LibTorchOfAnotherMinorVersionIsRefused) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer wants to be loaded before all else";
#endif
  const Workspace work;
  auto options = work.options();
  options.environment["LD_PRELOAD"] = VIDGEN_TEST_OTHER_TORCH_LIBRARY;
  const auto refused = run_program(program_path(), {"--version"}, options);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(refused.err,
            "vidgen: the LibTorch that was loaded is 2.12.1, expected 2.11, which vidgen was built "
            "with (VIDGEN_ANY_TORCH=1 tries it)\n");
  options.environment["VIDGEN_ANY_TORCH"] = "1";
  const auto tried = run_program(program_path(), {"--version"}, options);
  expect_success(tried);
  EXPECT_THAT(tried.out, HasSubstr("LibTorch 2.12.1\n"));
}

TEST(HelpTest, ListsEverySubcommand) {
  const Workspace work;
  const auto result = work.run({"--help"});
  expect_success(result);
  for (const std::string name :
       {"train", "sample", "eval", "prune", "quantize", "distill", "export", "compare", "inspect",
        "data", "bench", "config", "completion"}) {
    EXPECT_THAT(result.out, HasSubstr("\n  " + name + " "));
  }
  const auto train = work.run({"train", "--help"});
  expect_success(train);
  for (const std::string name : {"--config", "--set", "--run-dir", "--resume", "--dry-run"}) {
    EXPECT_THAT(train.out, HasSubstr(name));
  }
  EXPECT_THAT(train.out, HasSubstr("Usage: vidgen train CONFIG [OPTIONS]\n"));
}

TEST(HelpTest, PagesOfAllCommandsCanBeRead) {
  const Workspace work;
  for (const Workspace::Arguments& command : {Workspace::Arguments{"train"},
                                              {"sample"},
                                              {"eval"},
                                              {"prune"},
                                              {"quantize"},
                                              {"distill"},
                                              {"export"},
                                              {"compare"},
                                              {"inspect"},
                                              {"data", "inspect"},
                                              {"data", "prepare"},
                                              {"data", "synth", "moving-digits"},
                                              {"bench", "train"},
                                              {"bench", "render"},
                                              {"config"}}) {
    auto arguments = command;
    arguments.push_back("--help");
    const auto result = work.run(arguments);
    expect_success(result);
    for (const auto& line : lines_of(result.out)) EXPECT_LE(line.size(), 100u) << line;
    EXPECT_THAT(result.out, ::testing::Not(ContainsRegex(
                                "[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]")))
        << "a range of digits";
  }
}

/// What the bash script offers for `vidgen WORDS`, the last word being typed.
std::vector<std::string> complete(const Workspace& work, const std::string& words) {
  const std::string script =
      "source completion.bash; COMP_WORDS=(vidgen " + words +
      "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _vidgen; printf '%s\\n' \"${COMPREPLY[@]}\"";
  const auto result = run_program("/bin/bash", {"-c", script}, work.options());
  EXPECT_EQ(result.err, "");
  return lines_of(result.out);
}

TEST(HelpTest, OutputThatCannotBeWrittenIsAnError) {
  const std::string program = program_path().string();
  for (const char* arguments : {"--help", "--version", "config --explain"}) {
    const int status = std::system((program + " " + arguments + " >/dev/full 2>/dev/null").c_str());
    EXPECT_EQ(WEXITSTATUS(status), 2) << arguments;
  }
}

TEST(CompletionTest, BashScriptCompletes) {
  const Workspace work;
  const auto result = work.run({"completion", "bash"});
  expect_success(result);
  write_bytes(work / "completion.bash", result.out);
  const auto checked = run_program("/bin/bash", {"-n", "completion.bash"}, work.options());
  EXPECT_EQ(checked.exit_code, 0) << checked.err;

  using ::testing::Contains;
  EXPECT_THAT(complete(work, "tr"), Contains("train"));
  EXPECT_THAT(complete(work, "train --re"), Contains("--resume"));
  EXPECT_THAT(complete(work, "train --config tiny.yaml --dry"), Contains("--dry-run"));
  EXPECT_THAT(complete(work, "data pre"), Contains("prepare"));
  EXPECT_THAT(complete(work, "data inspect --fr"), Contains("--frames"));
  EXPECT_THAT(complete(work, "data synth mov"), Contains("moving-digits"));
  EXPECT_THAT(complete(work, "data synth moving-digits --color --digit-s"),
              Contains("--digit-size"));
  EXPECT_THAT(complete(work, "eval --met"), Contains("--metrics"));
  EXPECT_THAT(complete(work, "train --config ti"), Contains("tiny.yaml"));
  EXPECT_THAT(complete(work, "--quiet tr"), Contains("train"));
  EXPECT_THAT(complete(work, "--quiet train --re"), Contains("--resume"));
  EXPECT_THAT(complete(work, "inspect tiny.yaml --he"), Contains("--help"));
}

TEST(CompletionTest, OtherShells) {
  const Workspace work;
  for (const std::string shell : {"zsh", "fish"}) {
    const auto result = work.run({"completion", shell});
    expect_success(result);
    for (const std::string word :
         {"train", "resume", "prepare", "eval", "moving-digits", "digit-size"}) {
      EXPECT_THAT(result.out, HasSubstr(word)) << shell;
    }
  }
}

}  // namespace
}  // namespace vidgen::test
