#include "vidgen/checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

#include "support/fixture.h"
#include "support/temporary_folder.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"

namespace vidgen::checkpoint {
namespace {

using test::TemporaryFolder;
using ::testing::HasSubstr;

constexpr uint64_t kManyBytes = 1 << 30;

std::string bytes_of(const torch::Tensor& tensor) {
  return std::string(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
}

std::string hex_of(const torch::Tensor& tensor) {
  std::ostringstream out;
  for (const unsigned char byte : bytes_of(tensor)) {
    out << "0123456789abcdef"[byte >> 4] << "0123456789abcdef"[byte & 15];
  }
  return out.str();
}

void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// A file with this header and `data_bytes` zero bytes of data.
std::string file_with(const std::string& header, size_t data_bytes) {
  std::string length;
  for (int i = 0; i < 8; ++i) length += static_cast<char>(header.size() >> (8 * i));
  return length + header + std::string(data_bytes, '\0');
}

/// What the reader says about the bytes; "" when it accepts them.
std::string complaint(const std::string& bytes) {
  const TemporaryFolder folder;
  write_bytes(folder / "file.safetensors", bytes);
  try {
    read_safetensors(folder / "file.safetensors");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void expect_same_bits(const Tensors& got, const Tensors& want) {
  ASSERT_EQ(got.size(), want.size());
  for (const auto& [name, tensor] : want) {
    SCOPED_TRACE(name);
    ASSERT_EQ(got.count(name), 1u);
    const auto& other = got.at(name);
    EXPECT_EQ(other.scalar_type(), tensor.scalar_type());
    EXPECT_EQ(other.sizes(), tensor.sizes());
    EXPECT_TRUE(other.is_contiguous());
    EXPECT_EQ(bytes_of(other), bytes_of(tensor.contiguous()));
  }
}

Tensors round_trip(const Tensors& tensors, const Metadata& metadata = {}) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a.safetensors", tensors, metadata);
  auto file = read_safetensors(folder / "a.safetensors");
  EXPECT_EQ(file.metadata, metadata);
  return file.tensors;
}

TEST(Safetensors, RefusesEveryBadFile) {
  const auto manifest = test::manifest();
  ASSERT_FALSE(manifest.at("safetensors_bad").empty());
  for (const auto& entry : manifest.at("safetensors_bad")) {
    const auto path = test::fixtures_folder() / entry.at("file").get<std::string>();
    SCOPED_TRACE(path.string() + ": " + entry.at("why").get<std::string>());
    for (const bool header_only : {true, false}) {
      try {
        header_only ? void(read_safetensors_header(path)) : void(read_safetensors(path));
        ADD_FAILURE() << "was accepted";
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr(path.string()));
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      }
    }
  }
}

/// Compares with the header as a general JSON parser reads it, and with the bytes at its offsets.
void expect_loads(const std::filesystem::path& path) {
  const auto file = read_safetensors(path);
  const auto header = read_safetensors_header(path);
  const auto bytes = core::read_file(path, kManyBytes);
  auto tree = core::Json::parse(bytes.begin() + 8,
                                bytes.begin() + static_cast<std::ptrdiff_t>(header.data_offset));
  const auto metadata = tree.value("__metadata__", core::Json::object());
  EXPECT_EQ(file.metadata, metadata.get<Metadata>());
  EXPECT_EQ(header.metadata, file.metadata);
  tree.erase("__metadata__");
  ASSERT_EQ(file.tensors.size(), tree.size());
  ASSERT_EQ(header.tensors.size(), tree.size());
  for (const auto& [name, info] : header.tensors) {
    SCOPED_TRACE(name);
    const auto& entry = tree.at(name);
    const auto& tensor = file.tensors.at(name);
    const auto begin = entry.at("data_offsets").at(0).get<uint64_t>();
    EXPECT_EQ(info.dtype, entry.at("dtype").get<std::string>());
    EXPECT_EQ(tensor.sizes().vec(), entry.at("shape").get<std::vector<int64_t>>());
    EXPECT_EQ(bytes_of(tensor), bytes.substr(header.data_offset + begin, tensor.nbytes()));
  }
}

TEST(Safetensors, LoadsEveryGoodFile) {
  const auto manifest = test::manifest();
  ASSERT_FALSE(manifest.at("safetensors_ok").empty());
  for (const char* list : {"safetensors_ok", "cases"}) {
    for (const auto& entry : manifest.at(list)) {
      const auto path = test::fixtures_folder() / entry.at("file").get<std::string>();
      SCOPED_TRACE(path.string());
      expect_loads(path);
    }
  }
}

TEST(Safetensors, LoadsTheReferenceBits) {
  const test::Fixture fixture("safetensors_valid");
  const auto& entry = fixture.entry();
  const auto file = read_safetensors(test::fixtures_folder() / entry.at("file").get<std::string>());
  EXPECT_EQ(file.metadata, entry.at("metadata").get<Metadata>());
  ASSERT_EQ(file.tensors.size(), entry.at("hex").size());
  for (const auto& [name, hex] : entry.at("hex").items()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(hex_of(file.tensors.at(name)), hex.get<std::string>());
  }
  expect_same_bits(round_trip(file.tensors, file.metadata), file.tensors);
}

TEST(Safetensors, RoundTripsEveryTypeAndLayout) {
  const auto random = torch::arange(-60, 60).reshape({2, 3, 4, 5}).div(7);
  Tensors tensors;
  for (const auto type :
       {torch::kBool, torch::kByte, torch::kChar, torch::kShort, torch::kInt, torch::kLong,
        torch::kHalf, torch::kBFloat16, torch::kFloat, torch::kDouble}) {
    const auto tensor = random.abs().to(type);
    const std::string name = c10::toString(type);
    tensors[name + ".dense"] = tensor;
    tensors[name + ".scalar"] = tensor[1][2][3][4];
    tensors[name + ".empty"] = tensor.slice(2, 0, 0);
    tensors[name + ".transposed"] = tensor.transpose(0, 3);
    tensors[name + ".channels_last"] = tensor.contiguous(torch::MemoryFormat::ChannelsLast);
    tensors[name + ".strided"] = tensor.slice(3, 1, 5, 2);
    tensors[name + ".expanded"] = tensor.slice(0, 0, 1).expand({6, 3, 4, 5});
  }
  tensors["special"] = torch::tensor({0.0, -0.0, 1.0 / 0.0, -1.0 / 0.0, std::nan(""), 5e-324});
  tensors["requires_grad"] = torch::ones({3}).requires_grad_();
  tensors[""] = torch::ones({1});
  tensors["caf\u00e9 \"\\\n\U0001F600"] = torch::zeros({2});
  expect_same_bits(round_trip(tensors, {{"", "empty"}, {"k\n", "v\u00e9\""}, {"z", ""}}), tensors);
}

TEST(Safetensors, LoadedTensorsOutliveTheFile) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  write_safetensors(path, {{"x", torch::arange(100)}}, {});
  auto tensor = read_safetensors(path).tensors.at("x");
  write_safetensors(path, {{"x", torch::zeros({100})}}, {});
  tensor.add_(1);
  EXPECT_TRUE(tensor.equal(torch::arange(1, 101)));
}

TEST(Safetensors, HeaderComesFirstAndDataIsAligned) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  const auto bytes = torch::arange(3, torch::kByte);
  write_safetensors(path, {{"a", bytes}, {"b", torch::ones({5}, torch::kDouble)}, {"c", bytes}},
                    {{"k", "v"}});
  const auto header = read_safetensors_header(path);
  EXPECT_EQ(header.data_offset % 8, 0u);
  for (const auto& [name, info] : header.tensors) {
    EXPECT_EQ(info.begin % (info.dtype == "F64" ? 8 : 1), 0u) << name;
  }
  const auto text = core::read_file(path, kManyBytes);
  EXPECT_EQ(text.compare(8, 16, R"({"__metadata__":)"), 0);
}

TEST(Safetensors, ClipsFrameByFrameGiveTheSameBytes) {
  const test::TemporaryFolder folder;
  const auto whole = torch::arange(60, torch::kU8).view({2, 2, 5, 1, 3});
  write_safetensors(folder / "whole.safetensors", {{"clips", whole}},
                    {{"fps", "12.5"}, {"title", "ü"}});
  const auto open = [&] {
    return open_tensor(folder / "parts.safetensors", {2, 2, 5, 1, 12.5, {{"title", "ü"}}});
  };
  const auto write = [&whole](video::VideoSink& sink, int64_t frames) {
    for (int64_t i = 0; i < frames; ++i) sink.write(whole.data_ptr<uint8_t>() + i * 15);
  };
  {
    const auto sink = open();
    write(*sink, 3);
    EXPECT_THROW(sink->finish(), c10::Error);
    write(*sink, 1);
    EXPECT_THROW(write(*sink, 1), c10::Error) << "more than the tensor has";
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "parts.safetensors"));
  const auto sink = open();
  write(*sink, 4);
  sink->finish();
  EXPECT_EQ(core::read_file(folder / "parts.safetensors", kManyBytes),
            core::read_file(folder / "whole.safetensors", kManyBytes));
}

TEST(Safetensors, WritesNoTensorsAndNoMetadata) { EXPECT_TRUE(round_trip({}).empty()); }

TEST(Safetensors, ComplaintsNameTheTensor) {
  const auto say = [](const std::string& entry, size_t data_bytes = 8) {
    return complaint(file_with("{\"g.weight\":" + entry + "}", data_bytes));
  };
  for (const std::string entry : {
           R"(null)",
           R"([[]])",
           R"({"dtype":"F32","shape":[2]})",
           R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1})",
           R"({"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})",
           R"({"dtype":"F33","shape":[2],"data_offsets":[0,8]})",
           R"({"dtype":["F32"],"shape":[2],"data_offsets":[0,8]})",
           R"({"dtype":"F32","shape":[[2]],"data_offsets":[0,8]})",
           R"({"dtype":"F32","shape":[2,-0],"data_offsets":[0,8]})",
           R"({"dtype":"F32","shape":[true],"data_offsets":[0,8]})",
           R"({"dtype":"F32","shape":[2e0],"data_offsets":[0,8]})",
           R"({"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]})",
           R"({"dtype":"F32","shape":[18446744073709551618],"data_offsets":[0,8]})",
           R"({"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]})",
           R"({"dtype":"F4","shape":[3],"data_offsets":[0,1]})",
           R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,8]})",
           R"({"dtype":"F32","shape":[2],"data_offsets":[[0],8]})",
           R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})",
           R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})",
           R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})",
           R"({"dtype":"F32","shape":[3],"data_offsets":[0,12]})",
           R"({"dtype":"C64","shape":[1],"data_offsets":[0,8]})",
       }) {
    EXPECT_THAT(say(entry), HasSubstr("\"g.weight\"")) << entry;
    EXPECT_THAT(say(entry), HasSubstr("file.safetensors")) << entry;
  }
  EXPECT_EQ(say(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), "");
  EXPECT_THAT(say(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"),
              HasSubstr("4 bytes at the end"));
}

TEST(Safetensors, RefusesWhatJsonParsersPassOver) {
  for (const std::string header :
       {"", " ", "{}\n", "\t{}", "\xEF\xBB\xBF{}", "{} {}", "{/**/}", "[]", "1",
        R"({"__metadata__":null})", R"({"__metadata__":{},"__metadata__":{}})",
        R"({"__metadata__":{"a":"1","a":"2"}})"}) {
    EXPECT_NE(complaint(file_with(header, 0)), "") << header;
  }
  EXPECT_NE(complaint(file_with(std::string("{}\0", 3), 0)), "");
  EXPECT_EQ(complaint(file_with("{}   ", 0)), "");
}

TEST(Safetensors, KnownButUnsupportedTypesCanBeListed) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  write_bytes(path, file_with(R"({"x":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}})", 8));
  EXPECT_EQ(read_safetensors_header(path).tensors.at(0).second.dtype, "F8_E4M3");
  EXPECT_THROW(read_safetensors(path), Error);
}

class SafetensorsDamage : public ::testing::Test {
 protected:
  SafetensorsDamage() {
    write_safetensors(path_,
                      {{"a", torch::ones({2, 3})}, {"b.weight", torch::ones({3}, torch::kChar)}},
                      {{"key", "value"}});
    bytes_ = core::read_file(path_, kManyBytes);
    header_bytes_ = read_safetensors_header(path_).data_offset;
  }

  bool loads(const std::string& bytes) {
    write_bytes(path_, bytes);
    return loads();
  }

  bool loads() {
    try {
      read_safetensors(path_);
      return true;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(path_.string()));
      return false;
    }
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "a.safetensors";
  std::string bytes_;
  size_t header_bytes_ = 0;
};

TEST_F(SafetensorsDamage, EveryTruncationIsRefused) {
  for (size_t size = 0; size < bytes_.size(); ++size) {
    EXPECT_FALSE(loads(bytes_.substr(0, size))) << size;
  }
  EXPECT_FALSE(loads(bytes_ + '\0'));
  EXPECT_TRUE(loads(bytes_));
}

TEST_F(SafetensorsDamage, ChangedHeadersNeverCrash) {
  std::mt19937_64 random(20);
  // One byte is changed in place: to write the whole file every time takes ten times as long.
  std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](size_t position, char byte) {
    file.seekp(static_cast<std::streamoff>(position)).put(byte).flush();
  };
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    const auto position = random() % header_bytes_;
    put(position, static_cast<char>(random()));
    if (!loads()) ++refused;
    put(position, bytes_[position]);
  }
  EXPECT_TRUE(loads());
  // The rest changed a character of a name or of the metadata.
  EXPECT_GT(refused, 2000);
}

TEST_F(SafetensorsDamage, DirectoriesAndMissingFilesAreRefused) {
  EXPECT_THROW(read_safetensors(folder_.path()), Error);
  EXPECT_THROW(read_safetensors(folder_ / "missing.safetensors"), Error);
}

TEST(SafetensorsWrite, FailureLeavesWhatWasThere) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  const Tensors good{{"x", torch::ones({4})}};
  write_safetensors(path, good, {});
  const auto sparse = torch::ones({2, 2}).to_sparse();
  const std::vector<std::pair<Tensors, Metadata>> bad = {
      {{{"x", torch::Tensor()}}, {}},
      {{{"x", torch::zeros({2}, torch::kComplexFloat)}}, {}},
      {{{"x", sparse}}, {}},
      {{{"__metadata__", torch::ones({1})}}, {}},
      {{{"x\xff", torch::ones({1})}}, {}},
      {good, {{"k", "\xff"}}},
  };
  for (const auto& [tensors, metadata] : bad) {
    try {
      write_safetensors(path, tensors, metadata);
      ADD_FAILURE() << "was written";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(path.string()));
    }
    expect_same_bits(read_safetensors(path).tensors, good);
  }
  const std::filesystem::directory_iterator files(folder.path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST(SafetensorsWrite, MissingFolderLeavesNothing) {
  const TemporaryFolder folder;
  const auto path = folder / "none" / "a.safetensors";
  EXPECT_THROW(write_safetensors(path, {{"x", torch::ones({4})}}, {}), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace vidgen::checkpoint
