#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "support/weights_file.h"
#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/core/checksum.h"
#include "vidgen/core/files.h"

/// Checksums in safetensors files, and numbers that are not finite.
namespace vidgen::checkpoint {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

/// A weights file as training writes it.
class ChecksumsTest : public ::testing::Test {
 protected:
  ChecksumsTest() {
    models::ModelOptions options;
    options.generator.widths = {8, 8};
    options.class_names = {"cats \"and\"\n", "d\u00f6gs\\"};
    test::write_random_weights(path_, options, {3, 16, 16, 10});
    bytes_ = test::read_bytes(path_);
    header_ = read_safetensors_header(path_);
  }

  /// What reading it says when one bit is another.
  std::string complaint_about_bit(size_t bit) {
    bytes_[bit / 8] = static_cast<char>(bytes_[bit / 8] ^ (1 << (bit % 8)));
    test::write_bytes(path_, bytes_);
    bytes_[bit / 8] = static_cast<char>(bytes_[bit / 8] ^ (1 << (bit % 8)));
    return test::error_of([&] { read_checkpoint(path_); });
  }

  /// The tensor that a byte belongs to.
  std::string tensor_at(size_t byte) const {
    for (const auto& [name, info] : header_.tensors) {
      const auto place = byte - header_.data_offset;
      if (place >= info.begin && place < info.end) return name;
    }
    return "none";
  }

  /// Exchanges a text in the header for another of the same length.
  void write_with(const std::string& before, const std::string& now) {
    std::string changed = bytes_;
    ASSERT_EQ(before.size(), now.size());
    ASSERT_LT(changed.find(before), header_.data_offset) << before;
    changed.replace(changed.find(before), before.size(), now);
    test::write_bytes(path_, changed);
  }

  test::TemporaryFolder folder_;
  const fs::path path_ = folder_ / "weights.safetensors";
  std::string bytes_;
  SafetensorsHeader header_;
  std::mt19937_64 random_{20};
};

TEST_F(ChecksumsTest, AnyBitOfTheDataIsNoticedAndTheTensorNamed) {
  const size_t begin = 8 * header_.data_offset, count = 8 * bytes_.size() - begin;
  for (int i = 0; i < 200; ++i) {
    const size_t bit = begin + random_() % count;
    EXPECT_THAT(
        complaint_about_bit(bit),
        HasSubstr(core::cat(path_.string(), ": tensor \"", tensor_at(bit / 8), "\" is damaged")));
  }
}

TEST_F(ChecksumsTest, ABitOfEveryByteOfTheHeaderIsNoticed) {
  for (size_t byte = 0; byte < header_.data_offset; ++byte) {
    const size_t bit = 8 * byte + random_() % 8;
    ASSERT_THAT(complaint_about_bit(bit), HasSubstr(path_.string()))
        << "bit " << bit % 8 << " of byte " << bit / 8 << ", '" << bytes_[bit / 8] << "'";
  }
}

TEST_F(ChecksumsTest, ADigitOfTheConfigurationIsNoticed) {
  write_with("content_dim\\\":50", "content_dim\\\":51");
  const std::string complaint = path_.string() + ": the header is damaged";
  EXPECT_THAT(test::error_of([&] { read_description(path_); }), HasSubstr(complaint));
  EXPECT_THAT(test::error_of([&] { read_checkpoint(path_); }), HasSubstr(complaint));
}

TEST_F(ChecksumsTest, OneOfTheTwoKeysIsNotEnough) {
  for (const std::string key : {"vidgen.checksum\"", "vidgen.checksums\""}) {
    std::string other = key;
    other[0] = 'V';
    write_with("\"" + key, "\"" + other);
    EXPECT_THAT(test::error_of([&] { read_description(path_); }), HasSubstr("header is damaged"));
  }
}

TEST_F(ChecksumsTest, FilesWithoutAreReadAndSaySoOnce) {
  // Spaces in place of both entries: what other programs leave of the metadata is their business.
  const auto file = read_safetensors(path_);
  EXPECT_TRUE(file.has_checksums);
  std::string changed = bytes_;
  const size_t begin = changed.find(",\"vidgen.checksum\"");
  const size_t end = changed.find(",\"vidgen.format\"");
  ASSERT_LT(begin, end);
  changed.replace(begin, end - begin, std::string(end - begin, ' '));
  // In the middle of JSON spaces are allowed.
  test::write_bytes(path_, changed);
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(read_checkpoint(path_).file.has_checksums);
  EXPECT_EQ(read_description(path_).file.metadata, file.metadata);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr(path_.string() + ": "));
  EXPECT_EQ(said.find("no checksums"), said.rfind("no checksums")) << said;
}

TEST_F(ChecksumsTest, AnotherProgramMayWriteTheSameContentInAnotherOrder) {
  // As Python's safetensors does: all entries of the header the other way round, indented.
  const std::string json = bytes_.substr(8, header_.data_offset - 8);
  const auto tree = core::Json::parse(json);
  auto turned = core::Json::object();
  std::vector<std::string> names;
  for (const auto& item : tree.items()) names.push_back(item.key());
  for (auto name = names.rbegin(); name != names.rend(); ++name) turned[*name] = tree[*name];
  const std::string text = turned.dump(1);
  std::string length;
  for (int i = 0; i < 8; ++i) length += static_cast<char>(text.size() >> (8 * i));
  test::write_bytes(path_, length + text + bytes_.substr(header_.data_offset));
  EXPECT_EQ(test::error_of([&] { read_checkpoint(path_); }), "");
}

TEST_F(ChecksumsTest, AreThoseOfTheDocumentation) {
  const auto tree = core::Json::parse(bytes_.substr(8, header_.data_offset - 8));
  const auto list = tree["__metadata__"]["vidgen.checksums"].get<std::string>();
  std::map<std::string, std::string> expected;
  for (const auto& [name, info] : header_.tensors) {
    const auto data = bytes_.substr(header_.data_offset + info.begin, info.end - info.begin);
    expected[name] = core::checksum_text(core::checksum(data.data(), data.size()));
  }
  std::string words;
  for (const auto& item : expected) words += (words.empty() ? "" : " ") + item.second;
  EXPECT_EQ(list, words);
}

TEST_F(ChecksumsTest, TheSameContentGivesTheSameBytes) {
  const auto file = read_safetensors(path_);
  write_safetensors(folder_ / "again.safetensors", file.tensors, file.metadata);
  EXPECT_TRUE(test::read_bytes(folder_ / "again.safetensors") == bytes_);
}

TEST_F(ChecksumsTest, AFileThatIsCutShortIsNoSignal) {
  const core::InputFile file(path_);
  fs::resize_file(path_, 100);
  std::string part(1000, 'x');
  EXPECT_EQ(file.read(0, part.data(), part.size()), 100u);
  EXPECT_THAT(test::error_of([&] { read_checkpoint(path_); }), HasSubstr("cut short"));
}

/// What a checkpoint says that holds this tensor.
std::string complaint_about(const torch::Tensor& tensor) {
  const test::TemporaryFolder folder;
  Checkpoint file;
  file.path = folder / "a.safetensors";
  file.config = core::Json::object();
  file.file.tensors["x"] = tensor;
  write_checkpoint(file);
  EXPECT_TRUE(read_safetensors(file.path).tensors.at("x").equal(tensor) ||
              tensor.isnan().any().item<bool>());
  return test::error_of([&] { read_checkpoint(file.path); });
}

TEST(NotFiniteTest, NumbersThatAreNotFiniteAreRefused) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::mt19937_64 random(20);
  for (const auto type : {torch::kHalf, torch::kBFloat16, torch::kFloat, torch::kDouble}) {
    SCOPED_TRACE(c10::toString(type));
    // More than one of the parts that are read at once.
    for (const int64_t count : {1, 7, 33, 262144 + 5}) {
      const auto good = torch::arange(count, torch::kDouble).sub(count / 2).div(7).to(type);
      EXPECT_EQ(complaint_about(good), "");
      for (const double bad : {kInfinity, -kInfinity, std::nan("")}) {
        const auto place = static_cast<int64_t>(random() % static_cast<uint64_t>(count));
        auto tensor = good.clone();
        tensor[place] = bad;
        EXPECT_THAT(complaint_about(tensor), HasSubstr(core::cat(": tensor \"x\": number ", place,
                                                                 " of ", count, " is ", bad)));
      }
    }
    const double largest =
        type == torch::kDouble ? std::numeric_limits<double>::max() : 65504;  // that of float16
    EXPECT_EQ(complaint_about(torch::full({3}, largest, type)), "");
  }
  EXPECT_EQ(complaint_about(torch::full({9}, -1, torch::kInt)), "");
}

TEST(HostileTensorsTest, ATensorOfTooManyDimensionsIsRefused) {
  const test::TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  write_safetensors(path, {{"x", torch::ones(std::vector<int64_t>(65, 1))}}, {});
  EXPECT_THAT(test::error_of([&] { read_safetensors(path); }),
              HasSubstr("tensor \"x\": has 65 dimensions"));
}

/// A sparsely stored weight that cannot be what it says.
TEST(HostileTensorsTest, SparseWeightsAllocateNoMoreThanTheirMask) {
  const test::TemporaryFolder folder;
  constexpr int64_t kHuge = int64_t{1} << 40;
  const auto complaint = [&](const std::vector<int64_t>& shape, int64_t mask, int64_t values) {
    Checkpoint file;
    file.path = folder / "a.safetensors";
    file.kind = Kind::kWeights;
    file.config = core::Json::object();
    file.file.tensors = {{"sparse.generator.w.mask", torch::zeros({mask}, torch::kByte)},
                         {"sparse.generator.w.values", torch::zeros({values})},
                         {"sparse.generator.w.shape", torch::tensor(shape, torch::kLong)}};
    write_checkpoint(file);
    return test::error_of([&] { read_checkpoint(file.path); });
  };
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{kHuge},
                                            {kHuge, kHuge},
                                            {-1},
                                            {0, kHuge, kHuge},
                                            {2, -4},
                                            {9},
                                            std::vector<int64_t>(65, 1)}) {
    EXPECT_THAT(complaint(shape, 1, 0),
                AllOf(HasSubstr("a.safetensors: tensor"), HasSubstr("does not fit the shape")))
        << shape;
  }
  EXPECT_THAT(complaint({0, kHuge, kHuge}, 0, 0), HasSubstr("does not fit the shape"));
  EXPECT_THAT(complaint({8}, 1, 1), HasSubstr("holds 1 values, its mask keeps 0"));
  EXPECT_EQ(complaint({2, 4}, 1, 0), "");
}

}  // namespace
}  // namespace vidgen::checkpoint
