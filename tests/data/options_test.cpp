#include "vidgen/data/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vidgen::data {
namespace {

using ::testing::HasSubstr;

DataOptions read(const char* text) {
  DataOptions options;
  core::read_fields(core::Json::parse(text), options, "data");
  return options;
}

std::string invalid(const DataOptions& options) {
  try {
    validate(options);
  } catch (const core::FieldError& error) {
    return error.path();
  }
  return "";
}

TEST(DataOptionsTest, SourcesMayBeText) {
  const DataOptions one = read(R"({"sources": "a.mp4"})");
  ASSERT_EQ(one.sources.size(), 1u);
  EXPECT_EQ(one.sources[0].path, "a.mp4");
  EXPECT_EQ(one.sources[0].weight, 1);
  const DataOptions two = read(R"({"sources": ["a.mp4", {"path": "b", "weight": 2.5}]})");
  ASSERT_EQ(two.sources.size(), 2u);
  EXPECT_EQ(two.sources[1].path, "b");
  EXPECT_EQ(two.sources[1].weight, 2.5);
}

TEST(DataOptionsTest, WrittenAndReadAgain) {
  DataOptions options =
      read(R"({"sources": ["a", {"path": "b", "weight": 2}], "size": 128, "frames": 8,
    "frame_stride": 2, "fps": 12.5, "crop": "random", "resize": 144, "horizontal_flip": true, "color": "gray",
    "validation_split": 0.25, "on_error": "stop", "cache_dir": "c", "workers": 3})");
  EXPECT_EQ(options.size, 128);
  EXPECT_EQ(options.crop, Crop::kRandom);
  EXPECT_EQ(options.color, Color::kGray);
  EXPECT_EQ(options.on_error, OnError::kStop);
  EXPECT_EQ(options.channels(), 1);
  EXPECT_EQ(options.short_side(), 144);
  EXPECT_EQ(options.span(), 15);
  DataOptions again;
  core::read_fields(core::write_fields(options), again, "data");
  EXPECT_EQ(core::write_fields(again), core::write_fields(options));
}

TEST(DataOptionsTest, ErrorsNameTheKey) {
  EXPECT_THROW(read(R"({"size": 8})"), core::FieldError);
  EXPECT_THROW(read(R"({"validation_split": 1.0})"), core::FieldError);
  EXPECT_THROW(read(R"({"crop": "middle"})"), core::FieldError);
  EXPECT_THROW(read(R"({"frame": 8})"), core::FieldError);

  EXPECT_EQ(invalid(DataOptions{}), "data.sources");
  DataOptions options;
  options.sources = {{"a.mp4", 1}};
  EXPECT_EQ(invalid(options), "");
  options.resize = 32;
  EXPECT_EQ(invalid(options), "data.resize");
  options.resize = 64;
  EXPECT_EQ(invalid(options), "");
  options.sources[0].weight = 0;
  EXPECT_EQ(invalid(options), "data.sources");
  options.sources = {{"", 1}};
  EXPECT_EQ(invalid(options), "data.sources[0].path");
}

}  // namespace
}  // namespace vidgen::data
