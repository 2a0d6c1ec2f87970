#include "vidgen/infer/generator.h"

#include <gtest/gtest.h>

#include "infer/networks.h"
#include "support/error.h"
#include "support/temporary_folder.h"
#include "vidgen/core/error.h"
#include "vidgen/models/pixels.h"

namespace vidgen::infer {
namespace {

using test::TemporaryFolder;

TEST(GeneratorTest, RendersWhatTheNetworkRenders) {
  TemporaryFolder folder;
  const auto trained = write_weights(folder.path() / "weights.safetensors", tiny_model());
  const auto generator = CompiledGenerator::load(trained.file.path);
  RenderOptions options;
  options.count = 6;
  options.seed = 11;
  const auto clips = generator.render(options);
  EXPECT_EQ(clips.sizes(), (std::vector<int64_t>{6, 5, 16, 16, 3}));
  EXPECT_EQ(clips.scalar_type(), torch::kU8);
  EXPECT_TRUE(clips.is_contiguous());
  EXPECT_EQ(generator.shape().fps, 25) << "the default where the file does not know";
  EXPECT_TRUE(CompiledGenerator(trained.file).render(options).equal(clips)) << "read already";

  const auto latents = models::sample_latents(trained.network->options.temporal, 6, 5, 11);
  EXPECT_LE(difference(clips, models::render(trained.network, latents)), 1) << "but for rounding";
}

TEST(GeneratorTest, SeedDecidesEverything) {
  TemporaryFolder folder;
  const auto trained =
      write_weights(folder.path() / "weights.safetensors", tiny_model({8, 8}, "gru_cell"));
  const auto generator = CompiledGenerator::load(trained.file.path);
  RenderOptions options;
  const auto first = generator.render(options);
  EXPECT_TRUE(first.equal(generator.render(options)));
  options.seed = 1;
  EXPECT_FALSE(first.equal(generator.render(options)));
}

TEST(GeneratorTest, LongerClipsThanTrained) {
  TemporaryFolder folder;
  for (const auto type : {"none", "lstm", "gru", "gru_cell", "convolution", "sinusoidal"}) {
    const auto trained =
        write_weights(folder.path() / "weights.safetensors", tiny_model({8, 8}, type));
    RenderOptions options;
    options.frames = 23;
    EXPECT_EQ(CompiledGenerator::load(trained.file.path).render(options).size(1), 23);
  }
}

TEST(GeneratorTest, TruncationToZeroLeavesOneClip) {
  TemporaryFolder folder;
  const auto trained = write_weights(folder.path() / "weights.safetensors", tiny_model());
  const auto generator = CompiledGenerator::load(trained.file.path);
  RenderOptions options;
  options.count = 2;
  EXPECT_FALSE(generator.render(options)[0].equal(generator.render(options)[1]));
  options.truncation = 0;
  EXPECT_TRUE(generator.render(options)[0].equal(generator.render(options)[1]));
}

TEST(GeneratorTest, GreyComesAsRgb) {
  TemporaryFolder folder;
  const auto trained =
      write_weights(folder.path() / "weights.safetensors", tiny_model(), {1, 5, 16, 0});
  const auto clips = CompiledGenerator::load(trained.file.path).render({});
  EXPECT_EQ(clips.size(4), 3);
  EXPECT_TRUE(clips.select(4, 0).equal(clips.select(4, 2)));
}

TEST(GeneratorTest, ClassesAreChosenByName) {
  TemporaryFolder folder;
  const auto path = folder.path() / "weights.safetensors";
  auto model = tiny_model();
  model.class_names = {"cats", "cows", "dogs"};
  write_weights(path, model);
  const auto generator = CompiledGenerator::load(path);
  EXPECT_EQ(generator.class_names(), (std::vector<std::string>{"cats", "cows", "dogs"}));
  RenderOptions options;
  options.count = 5;
  options.batch = 2;
  const auto of = [&](const std::vector<std::string>& classes) {
    options.classes = classes;
    return generator.render(options);
  };
  const auto in_turn = of({}), cats = of({"cats"}), dogs = of({"dogs"});
  EXPECT_FALSE(cats.equal(dogs));
  EXPECT_TRUE(in_turn.equal(of({"cats", "cows", "dogs"})));
  EXPECT_TRUE(in_turn[3].equal(cats[3])) << "the fourth of three in turn";
  EXPECT_TRUE(in_turn[2].equal(dogs[2]));
  EXPECT_TRUE(of({"dogs", "cats"})[2].equal(dogs[2]));
  try {
    of({"cats", "Dogs"});
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "class Dogs: this generator has none of that name, expected some of cats, cows, "
                 "dogs");
  }
  write_weights(path, tiny_model());
  EXPECT_TRUE(CompiledGenerator::load(path).class_names().empty());
  EXPECT_THROW(CompiledGenerator::load(path).render(options), Error);
}

TEST(GeneratorTest, Int8NeedsAQuantisedFile) {
  TemporaryFolder folder;
  const auto trained = write_weights(folder.path() / "weights.safetensors", tiny_model());
  CompileOptions options;
  options.precision = Precision::kInt8;
  const auto error = test::error_of([&] { CompiledGenerator::load(trained.file.path, options); });
  EXPECT_EQ(error, trained.file.path.string() +
                       ": is not quantised, so that there is no precision int8; vidgen quantize "
                       "makes a file that has it");
}

TEST(GeneratorTest, ForeignTensorsAreRefused) {
  TemporaryFolder folder;
  auto trained = write_weights(folder.path() / "weights.safetensors", tiny_model());
  auto& tensors = trained.file.file.tensors;
  const auto expect_error = [&](const std::string& part) {
    checkpoint::write_checkpoint(trained.file);
    try {
      CompiledGenerator::load(trained.file.path);
      FAIL() << "expected an error about " << part;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(trained.file.path.string()), std::string::npos);
    }
  };
  tensors["generator.extra"] = torch::zeros({1});
  expect_error("extra");
  tensors.erase("generator.extra");
  tensors["generator.frame.main.0.weight"] = torch::zeros({2, 2});
  expect_error("frame.main.0.weight");
  tensors.erase("generator.frame.main.0.weight");
  expect_error("frame.main.0.weight");
}

}  // namespace
}  // namespace vidgen::infer
