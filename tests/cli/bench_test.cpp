#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

/// vidgen bench: that it runs as typed, and that its figures fit together. Never how fast.
namespace vidgen::test {
namespace {

using ::testing::HasSubstr;

core::Json bench(const Workspace& work, const std::string& what) {
  const auto result = work.run({"bench", what, "--config", "tiny.yaml", "--repeats", "3",
                                "--warmup", "1", "--json", "out.json"});
  expect_success(result);
  EXPECT_THAT(result.out, HasSubstr("what"));
  return core::Json::parse(read_bytes(work / "out.json"));
}

TEST(BenchTest, TrainReportsPhasesAndConvolutions) {
  const Workspace work;
  const auto report = bench(work, "train");
  EXPECT_EQ(report["step_seconds"]["repeats"], 3);
  EXPECT_EQ(report["batch_size"], 2);
  EXPECT_GT(report["ceiling"]["convolution"], 1e8);
  double total = 0;
  for (const auto& [name, phase] : report["phases"].items()) {
    EXPECT_GT(phase["seconds"], 0) << name;
    total += phase["share"].get<double>();
  }
  EXPECT_NEAR(total, 1, 1e-9);
  EXPECT_EQ(report["phases"].size(), 7u);
  // Three of the generator, three of each discriminator; what they need is what a step needs, but
  // for the temporal module.
  ASSERT_EQ(report["convolutions"].size(), 9u);
  double generator = 0, discriminators = 0, first = 0;
  for (const auto& layer : report["convolutions"]) {
    const std::string name = layer["name"];
    const double flops = layer["flops"];
    (name.compare(0, 9, "generator") == 0 ? generator : discriminators) += flops;
    if (name.compare(0, 9, "generator") != 0 && name.find("main.0") != std::string::npos)
      first += flops;
    EXPECT_GT(layer["weight_gradient"]["flops_per_second"], 0);
  }
  EXPECT_NEAR(report["flops"], 3 * generator + 8 * discriminators - 2 * first,
              0.01 * report["flops"].get<double>());
  EXPECT_FALSE(std::filesystem::exists(work / "run"));
}

TEST(BenchTest, GenerateAndLoad) {
  const Workspace work;
  const auto generated = bench(work, "generate");
  EXPECT_NEAR(generated["frames_per_second"].get<double>(),
              10 * generated["clips_per_second"].get<double>(), 1e-6);
  EXPECT_GT(generated["flops"], 0);
  const auto& compiled = generated["compiled"]["float32"];
  EXPECT_EQ(compiled["batch_seconds"]["repeats"], 3);
  EXPECT_EQ(compiled["frame_seconds"]["repeats"], 3 * 10);
  EXPECT_NEAR(compiled["clips_per_second"].get<double>() *
                  compiled["batch_seconds"]["median"].get<double>(),
              2, 1e-6);
  const auto loaded = bench(work, "load");
  EXPECT_EQ(loaded["decoding"]["frames"], 24);
  EXPECT_EQ(loaded["caching"]["frames"], 24);
  EXPECT_GT(loaded["clips_per_second"], 0);
}

TEST(BenchTest, MemoryHoldsAtLeastTheClips) {
  const Workspace work;
  expect_success(work.train());
  const auto result =
      work.run({"bench", "memory", "--checkpoint", "run", "--clips", "400", "--json", "out.json"});
  expect_success(result);
  const auto report = core::Json::parse(read_bytes(work / "out.json"));
  EXPECT_EQ(report["clips"], 400);
  EXPECT_EQ(report["frames"], 10);
  EXPECT_GT(report["loaded"], 1000000);
  EXPECT_GT(report["rendering"], 400 * 10 * 16 * 16 * 3);
  EXPECT_THAT(result.out, HasSubstr(report["rendering"].dump()));
  expect_refuses(work, {"bench", "memory", "--checkpoint", "none"}, {"none: no such file"});
  expect_refuses(work, {"bench", "memory"}, {"RUN (or --checkpoint RUN) is required"});
  expect_refuses(work, {"bench", "memory", "--checkpoint", "run", "--precision", "int8"},
                 {"run/weights.safetensors", "not quantised"});
}

TEST(BenchTest, RenderTimesATrainedGenerator) {
  const Workspace work;
  expect_success(work.train());
  expect_success(work.run({"bench", "render", "--checkpoint", "run", "--precision", "float32",
                           "--clips", "3", "--repeats", "2", "--json", "out.json"}));
  const auto report = core::Json::parse(read_bytes(work / "out.json"));
  EXPECT_EQ(report["clips"], 3);
  EXPECT_EQ(report["precision"], "float32");
  EXPECT_EQ(report["batch_seconds"]["repeats"], 2);
  EXPECT_EQ(report["frame_seconds"]["repeats"], 2 * 10);
  EXPECT_NEAR(
      report["clips_per_second"].get<double>() * report["batch_seconds"]["median"].get<double>(), 3,
      1e-6);
  expect_refuses(work, {"bench", "render", "--checkpoint", "run", "--precision", "int8"}, {"int8"});
  expect_refuses(work, {"bench", "render", "--checkpoint", "none"}, {"none: no such file"});
}

TEST(BenchTest, StartupRunsTheProgram) {
  const Workspace work;
  const auto report = bench(work, "startup");
  for (const auto* what : {"help", "completion", "config_explain", "train_one_step"}) {
    EXPECT_GT(report[what]["median"], 0) << what;
  }
}

TEST(BenchTest, TraceIsAChromeTrace) {
  const Workspace work;
  expect_success(work.run({"bench", "train", "--config", "tiny.yaml", "--trace", "trace.json"}));
  const auto trace = core::Json::parse(read_bytes(work / "trace.json"));
  std::map<std::string, int> ranges;
  bool convolution = false;
  for (const auto& event : trace["traceEvents"]) {
    const std::string name = event.value("name", "");
    convolution = convolution || name == "aten::convolution_backward";
    if (event.value("cat", "") == "user_annotation") ++ranges[name];
  }
  EXPECT_TRUE(convolution);
  // Two steps; the forward passes of the generator and the optimisers have two ranges each.
  const std::map<std::string, int> expected{
      {"data", 2},      {"generator_forward", 4},  {"discriminator_forward", 2},
      {"optimizer", 4}, {"generator_backward", 2}, {"discriminator_backward", 2},
      {"ema", 2}};
  EXPECT_EQ(ranges, expected);
}

TEST(BenchTest, StepIsTheFirstOfARun) {
  const Workspace work;
  expect_success(
      work.run({"bench", "train", "--config", "tiny.yaml", "--step", "step.safetensors"}));
  const auto step = checkpoint::read_safetensors(work / "step.safetensors").tensors;
  EXPECT_EQ(step.at("in.clips").sizes(), torch::IntArrayRef({2, 10, 16, 16, 3}));
  EXPECT_EQ(step.at("in.frames.fake.0").sizes(), torch::IntArrayRef({2, 1}));
  EXPECT_EQ(step.at("in.noise").sizes(), torch::IntArrayRef({2, 10, 2}));

  expect_success(work.train({"--set", "train.steps=1"}));
  const auto line = core::Json::parse(lines_of(read_bytes(work / "run/log.jsonl")).at(0));
  for (const auto* name : {"loss_d", "loss_g", "grad_norm_d", "grad_norm_g"}) {
    EXPECT_EQ(step.at(std::string("metric.") + name).item<float>(), line[name].get<float>());
  }
  const auto run = checkpoint::read_safetensors(work / checkpoint_file("run", 1)).tensors;
  for (const auto& [name, tensor] : run) {
    if (name.compare(0, 6, "meters") == 0) continue;
    EXPECT_TRUE(torch::equal(tensor, step.at("after." + name))) << name;
  }
  EXPECT_FALSE(torch::equal(step.at("before.generator.frame.main.0.weight"),
                            step.at("after.generator.frame.main.0.weight")));
  expect_refuses(work,
                 {"bench", "train", "--config", "tiny.yaml", "--set", "train.accumulate=2",
                  "--step", "again.safetensors"},
                 {"train.accumulate", "found 2"});
}

TEST(BenchTest, RefusesWhatCannotBeWritten) {
  const Workspace work;
  expect_refuses(work, {"bench", "train", "--config", "tiny.yaml", "--json", "none/out.json"},
                 {"none"});
  expect_refuses(work, {"bench", "train", "--config", "tiny.yaml", "--repeats", "0"},
                 {"--repeats"});
}

}  // namespace
}  // namespace vidgen::test
