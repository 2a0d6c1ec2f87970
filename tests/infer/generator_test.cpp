#include "vidgen/infer/generator.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/core/error.h"
#include "vidgen/core/fields.h"
#include "vidgen/core/random.h"
#include "vidgen/models/factory.h"
#include "vidgen/models/pixels.h"
#include "vidgen/nn/init.h"

namespace vidgen::infer {
namespace {

using test::TemporaryFolder;

struct Trained {
  models::VideoGenerator network{nullptr};
  checkpoint::Checkpoint file;
};

/// A weights file as training writes it, of a network that was never trained.
Trained write_weights(const std::filesystem::path& path, nn::TemporalType type,
                      int64_t channels = 3, const std::vector<std::string>& class_names = {}) {
  models::ModelOptions options;
  options.generator.widths = {8, 8};
  options.temporal.type = type;
  options.class_names = class_names;
  options.discriminators.resize(1);
  Trained result;
  result.file.path = path;
  result.file.kind = checkpoint::Kind::kWeights;
  result.file.clip = {channels, 5, 16, 0};
  result.file.config = {{"model", core::write_fields(options)}};
  result.network = models::make_generator(options, result.file.clip);
  nn::initialize(*result.network, nn::Init::kDcgan, at::detail::createCPUGenerator(3));
  checkpoint::StateSaver saver;
  saver.module("generator", *result.network);
  result.file.file.tensors = saver.tensors;
  checkpoint::write_checkpoint(result.file);
  return result;
}

TEST(GeneratorTest, RendersWhatTheNetworkRenders) {
  TemporaryFolder folder;
  const auto trained =
      write_weights(folder.path() / "weights.safetensors", nn::TemporalType::kLstm);
  const auto generator = Generator::load(trained.file.path);
  RenderOptions options;
  options.count = 6;
  options.seed = 11;
  const auto clips = generator.render(options);
  EXPECT_EQ(clips.sizes(), (std::vector<int64_t>{6, 5, 16, 16, 3}));
  EXPECT_EQ(clips.scalar_type(), torch::kU8);
  EXPECT_TRUE(clips.is_contiguous());
  EXPECT_EQ(generator.shape().fps, 25) << "the default where the file does not know";
  EXPECT_TRUE(Generator(trained.file).render(options).equal(clips)) << "read already";

  auto random = at::detail::createCPUGenerator(core::derive_seed(11, "sample"));
  const auto latents = models::draw_latents(trained.network->options.temporal, 6, 5, random);
  EXPECT_TRUE(clips.equal(models::render(trained.network, latents)));
}

TEST(GeneratorTest, SeedDecidesEverything) {
  TemporaryFolder folder;
  const auto trained =
      write_weights(folder.path() / "weights.safetensors", nn::TemporalType::kGruCell);
  const auto generator = Generator::load(trained.file.path);
  RenderOptions options;
  const auto first = generator.render(options);
  EXPECT_TRUE(first.equal(generator.render(options)));
  options.seed = 1;
  EXPECT_FALSE(first.equal(generator.render(options)));
}

TEST(GeneratorTest, LongerClipsThanTrained) {
  TemporaryFolder folder;
  for (const auto type : {nn::TemporalType::kNone, nn::TemporalType::kLstm, nn::TemporalType::kGru,
                          nn::TemporalType::kGruCell, nn::TemporalType::kConvolution}) {
    const auto trained = write_weights(folder.path() / "weights.safetensors", type);
    RenderOptions options;
    options.frames = 23;
    EXPECT_EQ(Generator::load(trained.file.path).render(options).size(1), 23);
  }
}

TEST(GeneratorTest, TruncationToZeroLeavesOneClip) {
  TemporaryFolder folder;
  const auto trained =
      write_weights(folder.path() / "weights.safetensors", nn::TemporalType::kLstm);
  const auto generator = Generator::load(trained.file.path);
  RenderOptions options;
  options.count = 2;
  EXPECT_FALSE(generator.render(options)[0].equal(generator.render(options)[1]));
  options.truncation = 0;
  EXPECT_TRUE(generator.render(options)[0].equal(generator.render(options)[1]));
}

TEST(GeneratorTest, GreyComesAsRgb) {
  TemporaryFolder folder;
  const auto trained =
      write_weights(folder.path() / "weights.safetensors", nn::TemporalType::kLstm, 1);
  const auto clips = Generator::load(trained.file.path).render({});
  EXPECT_EQ(clips.size(4), 3);
  EXPECT_TRUE(clips.select(4, 0).equal(clips.select(4, 2)));
}

TEST(GeneratorTest, ClassesAreChosenByName) {
  TemporaryFolder folder;
  const auto path = folder.path() / "weights.safetensors";
  write_weights(path, nn::TemporalType::kLstm, 3, {"cats", "cows", "dogs"});
  const auto generator = Generator::load(path);
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
  write_weights(path, nn::TemporalType::kLstm);
  EXPECT_TRUE(Generator::load(path).class_names().empty());
  EXPECT_THROW(Generator::load(path).render(options), Error);
}

TEST(GeneratorTest, ForeignTensorsAreRefused) {
  TemporaryFolder folder;
  auto trained = write_weights(folder.path() / "weights.safetensors", nn::TemporalType::kLstm);
  auto& tensors = trained.file.file.tensors;
  const auto expect_error = [&](const std::string& part) {
    checkpoint::write_checkpoint(trained.file);
    try {
      Generator::load(trained.file.path);
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
