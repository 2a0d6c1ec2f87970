#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/core/files.h"

namespace vidgen::checkpoint {
namespace {

using ::testing::HasSubstr;

/// A weights file of two tensors, of which one is pruned.
Checkpoint pruned_file(const std::filesystem::path& path) {
  Checkpoint file;
  file.path = path;
  file.kind = Kind::kWeights;
  file.config = core::Json::object();
  file.clip.size = 16;
  const auto mask = torch::arange(45).remainder(3).eq(0).to(torch::kByte).view({5, 3, 3});
  file.file.tensors = {{"generator.a.weight", (torch::arange(45).view({5, 3, 3}) + 0.5) * mask},
                       {"generator.b.weight", torch::arange(6).to(torch::kFloat)},
                       {"mask.a.weight", mask}};
  return file;
}

TEST(Passes, NameTheirSource) {
  const test::TemporaryFolder folder;
  const auto path = folder / "first.safetensors";
  auto file = pruned_file(path);
  file.file.metadata = {{"best.step", "7"}, {"best.score", "0.5"}, {"ema.seen", "9"}};
  write_checkpoint(file);
  EXPECT_TRUE(read_checkpoint(path).passes.empty());
  EXPECT_EQ(read_safetensors(path).metadata.count("vidgen.passes"), 0u);

  auto read = read_checkpoint(path);
  add_pass(read, "prune", {{"sparsity", 0.5}});
  EXPECT_EQ(read.file.metadata.count("best.step"), 0u) << "another generator had that score";
  EXPECT_EQ(read.file.metadata.count("ema.seen"), 1u);
  read.path = folder / "second.safetensors";
  write_checkpoint(read);
  read = read_checkpoint(read.path);
  add_pass(read, "quantize", core::Json::object());
  read.path = folder / "third.safetensors";
  write_checkpoint(read);

  const auto passes = read_description(read.path).passes;
  ASSERT_EQ(passes.size(), 2u);
  EXPECT_EQ(passes[0].at("pass"), "prune");
  EXPECT_EQ(passes[0].at("options").at("sparsity"), 0.5);
  EXPECT_EQ(passes[0].at("source"), "first.safetensors");
  EXPECT_EQ(passes[1].at("pass"), "quantize");
  EXPECT_EQ(passes[1].at("source"), "second.safetensors");
  EXPECT_NE(passes[0].at("source_sha1"), passes[1].at("source_sha1"));
}

TEST(Passes, HashIsSha1) {
  const test::TemporaryFolder folder;
  Checkpoint file;
  file.path = folder / "abc";
  {
    core::AtomicFile text(file.path);
    text.write("abc");
    text.commit();
  }
  add_pass(file, "prune", core::Json::object());
  // FIPS 180-4's example.
  EXPECT_EQ(file.passes[0].at("source_sha1"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  file.path = folder / "none";
  EXPECT_THAT(test::error_of([&] { add_pass(file, "prune", core::Json::object()); }),
              HasSubstr("none"));
}

TEST(Passes, OthersThanObjectsAreRefused) {
  const test::TemporaryFolder folder;
  const auto path = folder / "file.safetensors";
  write_checkpoint(pruned_file(path));
  auto stored = read_safetensors(path);
  for (const std::string wrong :
       {"{}", "[1]", "not json", R"([{"pass": "prune"}])",
        R"([{"pass": 1, "options": {}, "source": "a", "source_sha1": "b"}])"}) {
    stored.metadata["vidgen.passes"] = wrong;
    write_safetensors(path, stored.tensors, stored.metadata);
    EXPECT_THAT(test::error_of([&] { read_checkpoint(path); }),
                ::testing::AllOf(HasSubstr(path.string()), HasSubstr("vidgen.passes")));
  }
}

TEST(SparseWeights, ComeBackAsTheyWere) {
  const test::TemporaryFolder folder;
  const auto file = pruned_file(folder / "file.safetensors");
  write_checkpoint(file);
  const auto stored = read_safetensors(file.path).tensors;
  EXPECT_EQ(stored.at("sparse.generator.a.weight.values").numel(), 15);
  EXPECT_EQ(stored.at("sparse.generator.a.weight.mask").numel(), 6) << "45 bits";
  EXPECT_EQ(stored.count("generator.a.weight"), 0u);
  EXPECT_EQ(stored.count("mask.a.weight"), 0u);
  const auto read = read_checkpoint(file.path).file.tensors;
  ASSERT_EQ(read.size(), file.file.tensors.size());
  for (const auto& [name, tensor] : file.file.tensors) {
    EXPECT_TRUE(read.at(name).equal(tensor)) << name;
    EXPECT_EQ(read.at(name).scalar_type(), tensor.scalar_type()) << name;
  }
}

TEST(SparseWeights, OnlyOfWeightsFilesAndOfZeros) {
  const test::TemporaryFolder folder;
  auto file = pruned_file(folder / "file.safetensors");
  file.kind = Kind::kCheckpoint;
  write_checkpoint(file);
  EXPECT_EQ(read_safetensors(file.path).tensors.count("generator.a.weight"), 1u);
  // What the mask removes is not zero: nothing is lost.
  file.kind = Kind::kWeights;
  file.file.tensors["generator.a.weight"] = torch::ones({5, 3, 3});
  write_checkpoint(file);
  EXPECT_TRUE(
      read_checkpoint(file.path).file.tensors.at("generator.a.weight").eq(1).all().item<bool>());
}

TEST(SparseWeights, PartsThatDoNotFitAreNamed) {
  const test::TemporaryFolder folder;
  const auto path = folder / "file.safetensors";
  write_checkpoint(pruned_file(path));
  const auto good = read_safetensors(path);
  const std::string name = "sparse.generator.a.weight";
  const auto complaint_with = [&](const std::string& part, const torch::Tensor& tensor) {
    auto tensors = good.tensors;
    tensors.erase(name + part);
    if (tensor.defined()) tensors[name + part] = tensor;
    write_safetensors(path, tensors, good.metadata);
    return test::error_of([&] { read_checkpoint(path); });
  };
  EXPECT_THAT(complaint_with(".values", {}), HasSubstr(name + ".values\": is missing"));
  EXPECT_THAT(complaint_with(".values", torch::zeros({14})), HasSubstr("14 values"));
  EXPECT_THAT(complaint_with(".values", torch::zeros({15}, torch::kInt)), HasSubstr("Int"));
  EXPECT_THAT(complaint_with(".mask", torch::zeros({5}, torch::kByte)), HasSubstr("5 bytes"));
  const int64_t huge = int64_t{1} << 62;
  for (const auto& shape : std::vector<std::vector<int64_t>>{{45, 2}, {-5, -9}, {huge, huge}}) {
    EXPECT_THAT(complaint_with(".shape", torch::tensor(shape, torch::kLong)), HasSubstr("shape"));
  }
}

}  // namespace
}  // namespace vidgen::checkpoint
